"""Compiles one model, in a process of its own.

Run as ``python -m r50bench.engines.torch.compile_model SPEC OUT``; see :mod:`.maker`.
"""

from __future__ import annotations

import platform
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve

__all__ = ["compile_model"]


def compile_model(spec: EngineSpec, folder: Path) -> None:
    """Builds the module of ``spec`` and compiles it into ``folder``, which must not exist.

    The folder holds what inductor's package does, unpacked: torch unpacks a package into a
    temporary folder whenever it loads one, and a worker that is killed would leave it there (30 to
    105 MB); and workers that load the same file share its pages.
    """
    import torch
    from torch._inductor import aoti_compile_and_package

    from r50bench.engines.torch.base import open_device
    from r50bench.engines.torch.link_path import link_from
    from r50bench.engines.torch.recipes import build_module, example_input

    link_from(Path(tempfile.gettempdir()))
    package = folder.with_suffix(".pt2")
    device = open_device(spec)
    module = build_module(spec).to(device)
    with torch.no_grad():
        exported = torch.export.export(module, (example_input(spec),))
        aoti_compile_and_package(
            exported, package_path=str(package), inductor_configs=_inductor_settings()
        )
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    package.unlink()


def _inductor_settings() -> dict[str, Any]:
    return {
        # Weights become constants in oneDNN's own layout: no reorder is left for run time.
        "freezing": True,
        # Loops ask OpenMP for the number of threads when they run, so that one package serves
        # instances of any number of cores; measured as fast as with the number built in.
        "cpp.dynamic_threads": True,
        # None lets inductor build and load a probe for each instruction set that the CPU has (5 s).
        # An x86 compiler that knows C++20, which torch requires, knows them.
        "cpp.vec_isa_ok": True if platform.machine() == "x86_64" else None,
        # There are two files to compile: a pool of compilers costs more than it saves.
        "compile_threads": 1,
        # They would lie in the temporary folder, which is each model's own, and be built for each:
        # 26 of 81 s of CPU time for a model, where the two files take 6 s longer without.
        "aot_inductor.precompile_headers": False,
    }


if __name__ == "__main__":
    serve(compile_model)
