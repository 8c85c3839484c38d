"""The rights of somebody else, so that modes of files count in tests that root runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NOBODY = 65534


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder in /tmp that everybody may enter and read: those of the tests are their user's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def rights_of_nobody(folder: Path) -> Iterator[None]:
    """Has modes count in this process, also for root, who made ``folder`` for all."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(_NOBODY)
    try:
        if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
            pytest.skip("the temporary folder cannot be entered by others")
        yield
    finally:
        os.seteuid(was)
