"""Kernels of our own: where they run, and their library, built once per numerics.

Run as ``python -m r50bench.engines.r50.build NUMERICS FOLDER`` by :mod:`.artifacts`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from r50bench.host.topology import Host
from r50bench.precision import numerics_of

__all__ = ["LIBRARY", "SOURCES", "build_kernels", "compiler_flags", "fits"]

LIBRARY = "r50bench_kernels.so"
_FOLDER = Path(__file__).parent / "kernels" / "avx512"
_SOURCE = _FOLDER / "kernels.cpp"
SOURCES = (_SOURCE, *sorted(_FOLDER.glob("*.h")))

_AVX512 = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"})
# By precision: what the kernels need of a CPU beside these, by Linux' name and the compiler's.
_BESIDE = {
    "avx_fp32": (),
    "avx_bfloat16": (("avx512_bf16", "-mavx512bf16"),),
    "avx_int8": (("avx512_vnni", "-mavx512vnni"),),
}


def fits(engine: str, device: str, precision: str, host: Host) -> bool:
    """Returns whether ``engine`` computes by kernels of ours: AVX-512, not AMX, not Arm."""
    beside = _BESIDE.get(precision)
    if engine != "torch" or device != "cpu" or beside is None:
        return False
    return host.isa >= _AVX512 | {flag for flag, _ in beside}


def compiler_flags(precision: str) -> tuple[str, ...]:
    """Returns what the compiler is told, in the order of its command line.

    The instruction sets are named one by one: what an inference runs is then known, wherever the
    library was built. Its own warnings about intrinsics are not ours to mend.
    """
    return (
        *("-O3", "-std=c++20", "-shared", "-fPIC", "-fopenmp", "-mtune=native"),
        *("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"),
        *(option for _, option in _BESIDE[precision]),
        f"-DR50_{numerics_of(precision).upper()}",
    )


def build_kernels(precision: str, folder: Path) -> Path:
    """Builds the library into ``folder`` and returns its path; takes a few seconds.

    Raises:
        subprocess.CalledProcessError: the compiler refused.
    """
    library = folder / LIBRARY
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    subprocess.run(
        [*compiler, *compiler_flags(precision), str(_SOURCE), "-o", str(library)], check=True
    )
    return library


if __name__ == "__main__":
    build_kernels(sys.argv[1], Path(sys.argv[2]))
