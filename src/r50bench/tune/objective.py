"""What ``r50bench tune`` is to make best: the words for it, and their meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass

from r50bench.errors import UsageError

__all__ = ["LATENCIES", "Objective"]

LATENCIES = {"latency": None, "p50": 50.0, "p90": 90.0, "p99": 99.0}
"""Latencies that can be bounded, with their percentile; ``latency`` is the average."""

_UNITS_NS = {"us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
_BOUNDED = re.compile(
    r"throughput@(latency|p50|p90|p99)\s*(?:<=|≤)\s*([0-9]*\.?[0-9]+)\s*(us|µs|ms|s)"
)


@dataclass(frozen=True)
class Objective:
    """The most ``throughput``, or the least average ``latency`` of a batch.

    With ``bound_ns`` only configurations count whose ``bounded`` latency, one of
    :data:`LATENCIES`, is at most that.
    """

    goal: str
    bounded: str = ""
    bound_ns: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Reads ``throughput``, ``latency`` or ``throughput@latency<=15ms``.

        Raises:
            UsageError: it is none of these, or the bound is not above 0.
        """
        word = text.strip().lower()
        if word in ("throughput", "latency"):
            return cls(word)
        match = _BOUNDED.fullmatch(word)
        if match is None or float(match[2]) <= 0:
            raise UsageError(
                f"unknown objective {text!r}",
                hint="throughput, latency, or in quotes 'throughput@latency<=15ms'"
                " (also p50, p90 or p99 in place of latency)",
            )
        return cls("throughput", match[1], float(match[2]) * _UNITS_NS[match[3]])

    def __str__(self) -> str:
        if not self.bounded:
            return self.goal
        return f"{self.goal}@{self.bounded}<={self.bound_ns / 1e6:g}ms"
