"""A folder to work in on a node, gone afterwards, however the one who worked there ends."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from r50bench.errors import RunFailed
from r50bench.host.surroundings import private_folder
from r50bench.results.files import Busy, Hold

__all__ = ["fleet_folder", "node_folder"]


def fleet_folder() -> Path:
    """Returns the folder of all fleets of this user on this host, made where it is not there.

    Raises:
        RunFailed: nothing temporary can be written.
    """
    private = private_folder()
    if private is None:
        raise RunFailed(
            "nothing temporary can be written", hint="name a folder that can be with TMPDIR"
        )
    folder = private / "fleet"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def node_folder() -> Iterator[Path]:
    """Gives a new folder, and removes it at the end, with those that killed ones have left.

    Raises:
        RunFailed: nothing temporary can be written.
    """
    folder = fleet_folder() / f"{os.getpid()}-{secrets.token_hex(4)}"
    # Who sweeps holds this too, so that nobody sweeps what is made but not held yet.
    with Hold(fleet_folder() / "sweeping", wait=True):
        _sweep(folder.parent)
        folder.mkdir()
        hold = Hold(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        hold.release()


def _sweep(folder: Path) -> None:
    """Removes the folders that nobody holds any more."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            with suppress(Busy, OSError), Hold(path) as hold:
                if hold.left_by_the_dead(path):
                    shutil.rmtree(path, ignore_errors=True)
