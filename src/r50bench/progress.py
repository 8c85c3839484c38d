"""How lower rooms tell the user what they are doing, without knowing of a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from r50bench.notices import Notice

__all__ = ["Progress", "Silent", "Titled"]


class Progress(Protocol):
    """Receives what a long task does. Implementations must be cheap and must never raise."""

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
        """See :class:`Progress`."""
        self._progress.phase(f"{self._title}  {title}", total)

    def advance(self, done: int, detail: str = "") -> None:
        """See :class:`Progress`."""
        self._progress.advance(done, detail)

    def note(self, text: str) -> None:
        """See :class:`Progress`."""
        self._progress.note(f"{self._title}: {text}")

    def warn(self, notice: Notice) -> None:
        """See :class:`Progress`."""
        self._progress.warn(replace(notice, text=f"{self._title}: {notice.text}"))
