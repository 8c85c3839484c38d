"""Builds the library of one precision's kernels, in a process of its own; takes a few seconds.

Run as ``python -m r50bench.engines.r50.build PRECISION LIBRARY`` by :mod:`.prepare`, which names
the compiler in CXX.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from r50bench.engines.r50.kernel_sets import KERNEL_SETS

__all__ = ["build_kernels"]


def build_kernels(precision: str, library: Path, compiler: list[str]) -> None:
    """Builds ``library`` with a compiler whose command line begins with ``compiler``.

    Raises:
        subprocess.CalledProcessError: the compiler refused.
    """
    kernels = KERNEL_SETS[precision]
    command = [*compiler, *kernels.compiler_options, str(kernels.source), "-o", str(library)]
    # What it says is read by the caller, and not in each language that there is.
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})


if __name__ == "__main__":
    try:
        build_kernels(sys.argv[1], Path(sys.argv[2]), shlex.split(os.environ["CXX"]))
    except subprocess.CalledProcessError as error:  # which has told why
        sys.exit(f"{error.cmd[0]} ended with status {error.returncode}")
