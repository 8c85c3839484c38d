"""The lines in which the Workload Services Framework says figures and parameters.

``# comment``; ``## name: value``, a parameter, with or without the blank; ``key: value`` and
``key (unit): value``, a figure; with a ``*`` before it, the primary one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from r50bench.results.foreign import ForeignFigure

__all__ = ["KpiLines", "read_kpi_lines"]

_PARAMETER = re.compile(r"##\s*([A-Za-z_][\w -]*?)\s*:\s*(.*?)\s*")
_FIGURE = re.compile(
    r"(\*?)\s*([A-Za-z][^:()]*?)\s*(?:\(([^()]*)\))?\s*:\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*"
)
_NOT_MEASURED = -1.0


@dataclass(frozen=True)
class KpiLines:
    """What such lines say: the figures, the primary one first, and the parameters.

    Without a primary one, ``of_a_script`` is False: a log has lines of their form of its own.
    """

    figures: tuple[ForeignFigure, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    of_a_script: bool = False


def read_kpi_lines(lines: Iterable[str]) -> KpiLines:
    """Reads such lines and passes over all others; a figure of −1 stands for one not measured.

    One beyond what a float can hold is passed over, too.
    """
    primary: list[ForeignFigure] = []
    others: list[ForeignFigure] = []
    settings: dict[str, str] = {}
    for line in lines:
        if match := _PARAMETER.fullmatch(line.strip()):
            settings[match[1]] = match[2]
        elif match := _FIGURE.fullmatch(line.strip()):
            figure = ForeignFigure(match[2], match[3] or "", float(match[4]))
            if math.isfinite(figure.value) and figure.value != _NOT_MEASURED:
                (primary if match[1] else others).append(figure)
    return KpiLines((*primary, *others), settings, bool(primary))
