"""Whether the installed torch was built for CUDA, read from its files without importing it."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

__all__ = ["no_cuda_build"]


def no_cuda_build() -> str:
    """Returns, as a clause, why this torch has no CUDA; empty where it has, or is not installed.

    What is not installed at all :func:`.registry.packages_of` says.
    """
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    try:
        text = Path(spec.origin).with_name("version.py").read_text()
    except OSError:
        return ""  # no build that we know; the worker will say it
    cuda = re.search(r"^cuda\b[^=\n]*=\s*(\S+)", text, re.MULTILINE)
    version = re.search(r"^__version__\s*=\s*'([^']+)'", text, re.MULTILINE)
    if cuda is None or cuda[1] != "None":
        return ""
    return f"torch {version[1] if version else ''} is built without CUDA".replace("  ", " ")
