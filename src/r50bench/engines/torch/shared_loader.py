"""The extension that lets several instances of one process share one copy of the weights.

It is built once by :mod:`r50bench.engines.artifacts`, in a child, with ``python -m
r50bench.engines.torch.shared_loader FOLDER``. Each instance calls ``run`` from a thread of its own,
which must be bound to its CPUs before its first inference: the OpenMP threads that one starts
inherit it.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

__all__ = ["EXTENSION", "SOURCE", "build_native", "load_native"]

EXTENSION = "r50bench_native"
SOURCE = Path(__file__).with_name("shared_loader.cpp")


def load_native(library: str) -> Any:
    """Imports the built extension; it has the class ``Model(folder, runners)``.

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


def build_native(folder: Path) -> Path:
    """Builds the extension into ``folder`` and returns its path; takes about 20 s."""
    from torch.utils import cpp_extension

    build = folder / "build"
    build.mkdir()
    cpp_extension.load(EXTENSION, [str(SOURCE)], extra_cflags=["-O2"], build_directory=str(build))
    library = folder / f"{EXTENSION}.so"
    (build / library.name).rename(library)
    shutil.rmtree(build)
    return library


if __name__ == "__main__":
    build_native(Path(sys.argv[1]))
