"""What the user is told: while something is done, and beside the figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

__all__ = [
    "Notice",
    "Progress",
    "Silent",
    "Titled",
    "disturbance",
    "neighbours",
    "no_effect",
    "no_share_of_peak",
    "unevenness",
    "unsteady_peak",
]


_DISTURBED = 0.03
"""Kernel threads alone take up to two per cent of one core, measured on an idle guest."""

_NEIGHBOURS, _NEIGHBOURS_SHARE = 0.5, 0.1
"""CPUs, and of the machine's cores: from there on the doctor warns of the load, too."""

_UNEVEN = 1.25
"""Clocks that follow the load make batches differ by 3 to 8 %; a shared core doubles them."""


@dataclass(frozen=True)
class Notice:
    """``code`` is a word for programs, such as ``governor``; ``mend`` what to do, if anything."""

    code: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.text}. Mend: {self.mend}" if self.mend else self.text


def no_effect(asked: str, why: str, mend: str = "") -> Notice:
    """Returns the notice that what was ``asked``, such as ``PLATFORM=SPR``, does nothing."""
    return Notice("no-effect", f"{asked} has no effect: {why}", mend)


def no_share_of_peak(why: str, mend: str = "") -> Notice:
    """Returns the notice that a throughput cannot be set against what the machine can do."""
    return Notice("no-peak", f"no share of the machine's peak: {why}", mend)


def unsteady_peak() -> Notice:
    """Returns the notice that the peak was measured, and rounds of it disagreed."""
    return Notice(
        "unsteady-peak",
        "shares of the machine's peak may be too high: the machine was not at rest when its peak"
        " was measured",
        "run again while nothing else does: the peak is measured again then",
    )


def disturbance(lost_cpu_share: float | None) -> Notice | None:
    """Returns what to say of a record's ``lost_cpu_share``, None where it is small or unknown."""
    if lost_cpu_share is None or lost_cpu_share < _DISTURBED:
        return None
    return Notice(
        "disturbed",
        f"an instance waited for its CPU in {100 * lost_cpu_share:.1f} % of the measured time:"
        " other work or other guests had it",
        "run again while nothing else does (top shows what does)",
    )


def neighbours(others_cpus: float | None, cores_in_machine: int) -> Notice | None:
    """Returns what to say of a record's ``others_cpus``, None where they are few or unknown."""
    if others_cpus is None or others_cpus < max(_NEIGHBOURS, _NEIGHBOURS_SHARE * cores_in_machine):
        return None
    return Notice(
        "neighbours",
        f"other processes kept {others_cpus:.1f} CPUs busy while it was measured: work beside it"
        " slows batches down even where no instance waits for its CPU",
        "run again while nothing else does (top shows what does)",
    )


def unevenness(slowdown: float | None) -> Notice | None:
    """Returns what to say where half of the batches took ``slowdown`` times the fastest tenth's."""
    if slowdown is None or slowdown < _UNEVEN:
        return None
    return Notice(
        "uneven",
        f"half of an instance's batches took {slowdown:.2f} times as long as its fastest tenth:"
        " something slowed them down now and then",
        "'r50bench doctor' says what of this host may; more --steps tell whether it passes",
    )


class Progress(Protocol):
    """How lower rooms say what they are doing, without knowing of a terminal.

    It receives what a long task does. Implementations must be cheap and must never raise."""

    def phase(self, title: str, total: int | None = None) -> None:
        """Starts a phase of ``total`` units (None: unknown), ending the one before it."""

    def advance(self, done: int, detail: str = "") -> None:
        """Says that ``done`` units of the current phase are finished in all."""

    def note(self, text: str) -> None:
        """Says something the user should read but need not act on."""

    def warn(self, notice: Notice) -> None:
        """Says something that affects the figures or ignores part of the request."""


class Silent:
    """Tells nobody."""

    def phase(self, title: str, total: int | None = None) -> None: ...

    def advance(self, done: int, detail: str = "") -> None: ...

    def note(self, text: str) -> None: ...

    def warn(self, notice: Notice) -> None: ...


class Titled:
    """Passes everything on, with a title before all that is said."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._title = title

    def phase(self, title: str, total: int | None = None) -> None:
        self._progress.phase(f"{self._title}  {title}", total)

    def advance(self, done: int, detail: str = "") -> None:
        self._progress.advance(done, detail)

    def note(self, text: str) -> None:
        self._progress.note(f"{self._title}: {text}")

    def warn(self, notice: Notice) -> None:
        self._progress.warn(replace(notice, text=f"{self._title}: {notice.text}"))
