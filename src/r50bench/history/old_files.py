"""Files that former workloads left: read with bounds, and known again by their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from r50bench.errors import UsageError, reason_of
from r50bench.results.files import open_regular

__all__ = ["NUMBER", "read_text", "run_id"]

NUMBER = r"([0-9]{1,300}(?![0-9])(?:\.[0-9]*)?)"
"""A pattern, whose group is a decimal figure: with more digits it would fit into no float."""

_LARGEST = 64 * 2**20


def read_text(path: Path) -> str:
    """Returns a text file, with a mark in place of what is no UTF-8.

    Raises:
        UsageError: it cannot be read, is no regular file, or is larger than 64 MiB.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {reason_of(error)}") from error
    if len(data) > _LARGEST:
        raise UsageError(f"{path} is larger than {_LARGEST >> 20} MiB, so no log of a run")
    return data.decode(errors="replace")


def run_id(workload: str, *texts: str) -> str:
    """Returns the id of the run that these texts tell of, wherever they lie."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return f"{workload}-{digest.hexdigest()[:20]}"
