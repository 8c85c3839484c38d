"""Which of the things that differ most likely made the difference."""

from __future__ import annotations

from collections.abc import Iterable

from r50bench.results.differences import Difference

__all__ = ["strongest_first"]

_RANKS = (
    # what was asked for
    "case engine",
    "case precision",
    "engine name",
    "engine device",
    "case batch_size",
    "case instances",
    "case cores_per_instance",
    "case weight_sharing",
    "case allocator",
    "engine allocator",
    "case customer_env",
    "case ",
    # other code
    "evidence ",
    "engine version",
    "host versions",
    # another machine
    "host model_name",
    "host fingerprint",
    "host cpus",
    "host cpu_quota",
    "host virtual_machine",
    "host container",
    # the same machine in another state
    "host governors",
    "host boost",
    "host frequency",
    "host smt",
    "host microcode",
    "host kernel",
    "host transparent_hugepages",
    "host numa_balancing",
    "placement",
    "model",
    "data",
    "engine",
    "host",
)
"""Beginnings of what :class:`.Difference` calls things, the strongest suspect first: what decides
speed by factors, then what does by tens of per cent, then by single ones."""

_HARMLESS = ("case seed", "case verbose", "case timeout_s", "case steps", "case repeat")


def strongest_first(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """Returns the differences in the order in which one should suspect them."""
    return tuple(sorted(found, key=_rank))


def _rank(difference: Difference) -> int:
    if difference.what.startswith(_HARMLESS):
        return len(_RANKS) + 1
    matching = (at for at, start in enumerate(_RANKS) if difference.what.startswith(start))
    return next(matching, len(_RANKS))
