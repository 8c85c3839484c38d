"""The folder of one run: filled under a temporary name, renamed into place when it is whole."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

from r50bench.errors import RunFailed, UsageError

__all__ = ["RunFolder"]


class RunFolder:
    """A context giving the folder to write to; it is removed unless :meth:`keep` was called."""

    def __init__(self, out: Path, record_id: str) -> None:
        self.final = out / record_id
        self.path = out / f".unfinished-{record_id}"

    def __enter__(self) -> RunFolder:
        try:
            self.path.mkdir(parents=True)
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            raise UsageError(
                f"cannot write runs to {self.final.parent}: {error.strerror}",
                hint="--out DIR names a folder that can be written",
            ) from None
        except OSError as error:
            raise RunFailed(
                f"cannot create {self.path}: {error.strerror}",
                hint="free some space there, or name another place with --out DIR",
            ) from None
        return self

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
