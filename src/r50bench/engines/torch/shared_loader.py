"""The extension that lets several instances of one process share one copy of the weights.

It is built once by :mod:`r50bench.engines.torch.prepare`, in a child, with ``python -m
r50bench.engines.torch.shared_loader SCRATCH LIBRARY``. Each instance calls ``run`` from a thread of
its own, which must be bound to its CPUs before its first inference: the OpenMP threads that one
starts inherit it.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

__all__ = ["EXTENSION", "LIBRARY", "SOURCE", "build_loader", "load_loader"]

EXTENSION = "r50bench_loader"
LIBRARY = f"{EXTENSION}.so"
SOURCE = Path(__file__).with_name("shared_loader.cpp")


def load_loader(library: str) -> Any:
    """Imports the built extension; it has the class ``Model(library, runners)``.

    Raises:
        OSError: it cannot be loaded.
    """
    import torch  # noqa: F401  the extension needs torch's libraries to be loaded

    spec = importlib.util.spec_from_file_location(EXTENSION, library)
    if spec is None or spec.loader is None:
        raise OSError(f"{library} is no extension module")
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError as error:
        raise OSError(str(error)) from error
    return module


def build_loader(scratch: Path, library: Path) -> None:
    """Builds the extension in ``scratch`` and leaves it as ``library``; takes about 20 s.

    Neither ninja's file nor torch quotes paths: ``scratch`` must need no quotes.
    """
    from torch.utils import cpp_extension

    from r50bench.engines.torch.link_path import link_from

    link_from(scratch)
    source = scratch / SOURCE.name
    shutil.copyfile(SOURCE, source)
    cpp_extension.load(EXTENSION, [str(source)], extra_cflags=["-O2"], build_directory=str(scratch))
    shutil.move(scratch / library.name, library)


if __name__ == "__main__":
    build_loader(Path(sys.argv[1]), Path(sys.argv[2]))
