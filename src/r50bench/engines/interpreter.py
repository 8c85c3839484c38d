"""What the Python of a case's workers has, where that is another environment's.

It brings its own torch, OpenVINO and so on. What workers need beside the engine's packages is numpy
and msgspec.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from r50bench.engines.base import PYTHON_VARIABLE
from r50bench.errors import Unsupported, UsageError

__all__ = ["Interpreter", "interpreter_of", "tag_of"]

_PATIENCE_S = 60.0
_NEEDED = ("numpy", "msgspec")

# What lies in the current folder is not to be taken for modules of Python.
_PROBE = """
import sys
sys.path[:] = [path for path in sys.path if path]
import json
from importlib.metadata import distributions
found = {one.metadata["Name"].lower(): one.version for one in distributions() if one.metadata}
print(json.dumps([sys.version_info[:3], sys.implementation.cache_tag, found]))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python: its version, the tag of its extensions, and the packages it has, by name."""

    version: tuple[int, ...]
    cache_tag: str
    packages: Mapping[str, str]


def tag_of(environment: Mapping[str, str]) -> str:
    """Returns the tag of extensions that workers of this environment can load."""
    python = environment.get(PYTHON_VARIABLE)
    if python is not None:
        return interpreter_of(python).cache_tag
    return str(sys.implementation.cache_tag)


@functools.lru_cache
def interpreter_of(python: str) -> Interpreter:
    """Returns what an interpreter says of itself; asked once per process.

    Raises:
        UsageError: it is no Python that runs, or lacks what workers need.
        Unsupported: it is older than r50bench's code.
    """
    try:
        done = subprocess.run(
            [python, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        number, tag, packages = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UsageError(
            f"PYTHON={python} is no Python that runs: {error}",
            hint="name the bin/python of an environment",
        ) from error
    found = Interpreter(tuple(number), tag, packages)
    _refuse_unfit(python, found)
    return found


def _refuse_unfit(python: str, found: Interpreter) -> None:
    if found.version < (3, 10):
        raise Unsupported(
            f"PYTHON={python} is Python {'.'.join(map(str, found.version))}",
            hint="workers need 3.10 or later",
        )
    missing = [name for name in _NEEDED if name not in found.packages]
    if missing:
        raise UsageError(
            f"PYTHON={python} has no {' and no '.join(missing)}, which workers need",
            hint=f"{python} -m pip install {' '.join(missing)}",
        )
