"""What the canary found, in a sentence: how fast the cores were, and what the batches were then."""

from __future__ import annotations

from collections.abc import Mapping

from r50bench.results.kpi import (
    FULL_SPEED,
    UNDISTURBED_BATCHES,
    WAITING_BATCHES,
    Kpi,
    undisturbed_figure,
)
from r50bench.results.undisturbed import NEARLY_ALL
from r50bench.wording import with_interval

__all__ = ["core_speed_sentence", "often_disturbed", "undisturbed_primary"]


def often_disturbed(figures: Mapping[str, Kpi]) -> bool:
    """Whether fewer than nine of ten batches passed undisturbed; False where nothing looked."""
    undisturbed = figures.get(UNDISTURBED_BATCHES)
    return undisturbed is not None and undisturbed.value < NEARLY_ALL * figures["Samples"].value


def undisturbed_primary(figures: Mapping[str, Kpi]) -> Kpi | None:
    """Returns what undisturbed batches alone give of a record's primary figure, None if too few."""
    experienced = next(kpi for kpi in figures.values() if kpi.primary)
    return undisturbed_figure(figures, experienced.name)


def core_speed_sentence(figures: Mapping[str, Kpi]) -> str | None:
    """Returns the sentence on a record's figures by name; None where no canary looked.

    ``the cores were at full speed in 61 % of the batches; 52 of 120 passed undisturbed from end to
    end: undisturbed 298.0 ± 4.0, as experienced 190 ± 25 img/s``.
    """
    if UNDISTURBED_BATCHES not in figures:
        return None
    batches = int(figures["Samples"].value)
    undisturbed = int(figures[UNDISTURBED_BATCHES].value)
    waiting = int(figures[WAITING_BATCHES].value)
    said = f"the cores were at full speed in {figures[FULL_SPEED].value:.0f} % of the batches"
    if waiting:
        said += f", a thread waited for its CPU in {waiting}"
    said += f"; {undisturbed} of {batches} passed undisturbed from end to end"
    alone = undisturbed_primary(figures)
    if alone is None:
        return f"{said}, too few or too mixed to say how fast these alone are"
    experienced = next(kpi for kpi in figures.values() if kpi.primary)
    return (
        f"{said}: undisturbed {_told(alone)}, as experienced {_told(experienced)}"
        f" {experienced.unit}"
    )


def _told(kpi: Kpi) -> str:
    return with_interval(kpi.value, kpi.half_width)
