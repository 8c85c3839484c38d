"""Baselines: runs kept whole under a name, to be compared with later."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.comparison.side import MeasuredRun, read_runs_file, runs_as_data
from r50bench.errors import RunFailed, UsageError, did_you_mean, reason_of
from r50bench.results.files import write_atomically
from r50bench.results.history import history_path

__all__ = ["Baseline", "Baselines", "baselines_here"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SUFFIX = ".json"


@dataclass(frozen=True)
class Baseline:
    """A name, the file that it stands for, and the runs in it."""

    name: str
    path: Path
    runs: tuple[MeasuredRun, ...]


class Baselines:
    """The baselines in a folder, one file each. They need neither records nor the history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Returns all names, sorted."""
        return sorted(path.stem for path in self.folder.glob(f"*{_SUFFIX}"))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.names()

    def save(self, name: str, runs: Sequence[MeasuredRun], *, replace: bool = False) -> Path:
        """Keeps runs under a name and returns the file.

        Raises:
            UsageError: the name cannot be one, or is taken and not to be replaced.
            RunFailed: the file cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be a baseline's name",
                hint="letters, digits, dots, dashes and underscores, such as main-2026.11",
            )
        path = self._path(name)
        if path.exists() and not replace:
            raise UsageError(
                f"there is a baseline {name} already", hint="--replace, or another name"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFailed(
                f"cannot make {self.folder}: {reason_of(error)}",
                hint="name another folder with R50BENCH_DATA",
            ) from error
        text = json.dumps(runs_as_data(runs), indent=1, ensure_ascii=False)
        write_atomically(path, text.encode() + b"\n")
        return path

    def read(self, name: str) -> Baseline:
        """Returns a baseline.

        Raises:
            UsageError: there is none of that name, or its file is damaged.
        """
        path = self._existing(name)
        return Baseline(name, path, tuple(read_runs_file(path)))

    def remove(self, name: str) -> Path:
        """Removes a baseline and returns the file that it was.

        Raises:
            UsageError: there is none of that name.
            RunFailed: the file cannot be removed.
        """
        path = self._existing(name)
        try:
            path.unlink()
        except OSError as error:
            raise RunFailed(
                f"cannot remove {path}: {reason_of(error)}", hint="mind who owns it"
            ) from error
        return path

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def _existing(self, name: str) -> Path:
        names = self.names()
        if name not in names:
            there = (
                f"there are: {', '.join(names)}" if names else "r50bench baseline save makes one"
            )
            raise UsageError(
                f"there is no baseline {name}", hint=did_you_mean(name, names) or there
            )
        return self._path(name)


def baselines_here() -> Baselines:
    """Returns the baselines of this user, which lie beside the history."""
    return Baselines(history_path().parent / "baselines")
