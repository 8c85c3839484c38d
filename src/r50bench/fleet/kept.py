"""The folder of a fleet's run: what was asked, and a folder for each answer, whole or not there.

``fleet.json`` holds the errands. An answer's folder holds ``answer.json`` and what came home with
it, and is given its name when all of that is in it: whatever is killed, no answer is there by half,
or twice, and the same errands can go on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import msgspec

from r50bench.errors import UsageError, system_refusal
from r50bench.fleet.homecoming import Home, read_home
from r50bench.fleet.plan import Errand
from r50bench.results.files import (
    Busy,
    Hold,
    checked_json,
    read_bounded,
    sync,
    to_json,
    write_atomically,
)

__all__ = ["ANSWER", "PLAN", "Answered", "KeptFleet", "keep", "unanswered"]

PLAN, ANSWER = "fleet.json", "answer.json"

_SCHEMA = 1


@dataclass(frozen=True)
class Answered:
    """What came of one attempt at an errand on the node ``title``.

    ``reason`` says why it failed, empty where it did not; ``again`` that it will be tried again;
    ``status`` is r50bench's exit code there, None where nobody knows. ``title`` is empty where no
    node was left to do what any might have done.
    """

    errand: Errand
    title: str
    attempt: int = 1
    home: Home = field(default_factory=Home)
    reason: str = ""
    status: int | None = None
    again: bool = False
    seconds: float = 0.0


class _Stored(msgspec.Struct, frozen=True):
    errand: Errand
    title: str
    attempt: int
    reason: str
    status: int | None
    seconds: float
    refused: tuple[str, ...] = ()
    schema: int = _SCHEMA


class _Plan(msgspec.Struct, frozen=True):
    errands: tuple[Errand, ...]
    schema: int = _SCHEMA


def keep(answered: Answered, folder: Path, target: Path) -> Answered:
    """Gives ``folder``, which lies in ``target``, its name as the last answer there.

    Returns the answer with its records where they are now.

    Raises:
        RunFailed: it cannot be written.
    """
    errand = answered.errand
    number = 1 + max(map(_number, target.iterdir()), default=0)
    name = f"{number:04}-{_fit(answered.title or 'nowhere')}-{_fit(errand.question)}"
    stored = _Stored(
        errand,
        answered.title,
        answered.attempt,
        answered.reason,
        answered.status,
        answered.seconds,
        answered.home.refused,
    )
    write_atomically(folder / ANSWER, to_json(stored, indent=2) + b"\n")
    place = target / name
    try:
        os.rename(folder, place)
        sync(target)
    except OSError as error:
        raise system_refusal(f"write {place}", error) from error
    return replace(answered, home=answered.home.moved(folder, place))


def unanswered(answered: Sequence[Answered]) -> list[Answered]:
    """Returns the last attempts at what has never been answered."""
    last = {_asked(one): one for one in answered}
    good = {_asked(one) for one in answered if not one.reason}
    return [one for asked, one in last.items() if asked not in good]


def _asked(one: Answered) -> tuple[str | None, str]:
    """Returns who was asked what; any node where it makes no difference."""
    return (None if one.errand.anywhere else one.title), one.errand.question


class KeptFleet:
    """A fleet's folder, made where it is not there, held by this process alone until it is left.

    Where nothing was answered it is gone again then. ``before`` are the answers that are in it
    already, in their order.

    Raises:
        UsageError: it is that of other errands, or of no fleet, or another process is at it.
        RunFailed: it cannot be made or read.
    """

    def __init__(self, path: Path, errands: Sequence[Errand]) -> None:
        self.path = path
        self._made = not path.exists()
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._hold = Hold(path)
        except Busy:
            raise UsageError(
                f"another r50bench is at the fleet in {path}", hint="wait for it, or name another"
            ) from None
        except OSError as error:
            raise system_refusal(f"make {path}", error) from error
        try:
            for left in path.glob(".import-*"):  # by one that was killed
                shutil.rmtree(left, ignore_errors=True)
            self._check_or_write(tuple(errands))
            self.before = tuple(self._read())
        except BaseException:
            self._hold.release()
            raise

    @property
    def done(self) -> set[tuple[str | None, str]]:
        """What need not be asked again: (title, question), without a title where any will do."""
        return {_asked(one) for one in self.before if not one.reason}

    def _check_or_write(self, errands: tuple[Errand, ...]) -> None:
        file = self.path / PLAN
        if not file.exists():
            if any(not path.name.startswith(".") for path in self.path.iterdir()):
                raise UsageError(
                    f"{self.path} holds something else than a fleet's run",
                    hint="name a new folder with --out",
                )
            write_atomically(file, to_json(_Plan(errands), indent=2) + b"\n")
            return
        try:
            plan = checked_json(read_bounded(file), _Plan)
        except ValueError as error:
            raise UsageError(
                f"{file} is damaged: {error}", hint="name a new folder with --out"
            ) from error
        if plan.errands != errands:
            raise UsageError(
                f"{self.path} holds what a fleet has answered to something else",
                hint="ask the same to go on, or name a new folder with --out",
            )

    def _read(self) -> Iterator[Answered]:
        for folder in sorted(self.path.iterdir()):
            file = folder / ANSWER
            if folder.name.startswith(".") or not file.is_file():
                continue
            try:
                stored = checked_json(read_bounded(file), _Stored)
            except ValueError as error:
                raise UsageError(f"{file} is damaged: {error}", hint="remove its folder") from error
            home = read_home(folder)
            yield Answered(
                stored.errand,
                stored.title,
                stored.attempt,
                Home(home.runs, (*stored.refused, *home.refused)),
                stored.reason or next(iter(home.refused), ""),
                stored.status,
                seconds=stored.seconds,
            )

    def __enter__(self) -> KeptFleet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # what cannot be removed stays
            if self._made and [path.name for path in self.path.iterdir()] == [PLAN]:
                (self.path / PLAN).unlink()
                self.path.rmdir()
        self._hold.release()


def _number(folder: Path) -> int:
    """Returns which answer it is, 0 where it is none."""
    first = folder.name.partition("-")[0]
    return int(first) if first.isdecimal() else 0


def _fit(text: str) -> str:
    """Returns a text as it fits into the name of a folder."""
    return "".join(sign if sign.isalnum() or sign in "-_.#" else "_" for sign in text)[:80]
