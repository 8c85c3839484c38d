"""The folder of one run: filled under a temporary name, renamed into place when it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path
from types import TracebackType

from r50bench.errors import RunFailed, UsageError
from r50bench.results.atomic import is_disk_full

__all__ = ["RunFolder"]

_UNFINISHED = ".unfinished-"
_YOUNG_S = 60.0


class RunFolder:
    """A context giving the folder to write to; it is removed unless :meth:`keep` was called.

    The folder is locked while it is being filled, so that what a killed run left behind can be told
    from the work of a living one, and swept.
    """

    def __init__(self, out: Path, record_id: str) -> None:
        self.final = out / record_id
        self.path = out / f"{_UNFINISHED}{record_id}"
        self._lock = -1

    def __enter__(self) -> RunFolder:
        try:
            self.path.mkdir(parents=True)
            self._lock = _locked(self.path)
        except OSError as error:
            raise self._refused(error) from None
        _sweep(self.final.parent)
        return self

    def _refused(self, error: OSError) -> UsageError | RunFailed:
        if is_disk_full(error):
            return RunFailed(
                f"the disk is full: {self.path} was not made",
                hint="free some space there, or name another place with --out DIR",
            )
        return UsageError(
            f"cannot write runs to {self.final.parent}: {(error.strerror or str(error)).lower()}",
            hint="--out DIR names a folder that can be written",
        )

    def keep(self) -> Path:
        """Gives the folder its final name and returns it."""
        self.path.rename(self.final)
        return self.final

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _locked(folder: Path) -> int:
    """Returns a descriptor that holds ``folder``; the kernel lets go when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(out: Path) -> None:
    """Removes what runs that were killed left in ``out``."""
    for left in out.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            # One that was made this minute may not have its lock yet.
            if time.time() - left.stat().st_mtime > _YOUNG_S:
                descriptor = _locked(left)
                shutil.rmtree(left, ignore_errors=True)
                os.close(descriptor)
