"""Figures of others: what former workloads' logs say, which r50bench did not measure.

They have neither samples nor proof. The history keeps them in a table of their own, so that no
search, comparison or series of r50bench's own records ever meets one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from r50bench.results.files import checked_json, to_json

__all__ = ["ForeignFigure", "ForeignRun", "foreign_run_of", "foreign_run_text"]


@dataclass(frozen=True)
class ForeignFigure:
    """One figure as the log names it, its unit as it is written there; empty where none is."""

    name: str
    unit: str
    value: float


@dataclass(frozen=True)
class ForeignRun:
    """One run of another workload: ``wsf``, the Workload Services Framework, or ``axs``.

    ``id`` follows from the bytes that were read, so that the same log is known again wherever it
    lies. ``created`` is ISO 8601, empty where the log does not say; ``name`` what ran, in that
    workload's words; ``mode`` throughput, latency, accuracy, or empty. ``settings`` are its
    parameters as they were written. The first of ``figures`` is the primary one; a run that did not
    pass has none that count. ``source`` is the file or folder that was read.
    """

    id: str
    created: str
    workload: Literal["wsf", "axs"]
    name: str
    mode: str
    passed: bool
    figures: tuple[ForeignFigure, ...]
    source: str
    settings: dict[str, str] = field(default_factory=dict)


def foreign_run_text(run: ForeignRun) -> str:
    """Returns a run as one line of JSON."""
    return to_json(run).decode()


def foreign_run_of(text: str) -> ForeignRun:
    """Returns the run that :func:`foreign_run_text` wrote.

    Raises:
        ValueError: the text is no such run.
    """
    return checked_json(text.encode(), ForeignRun)
