"""Where a case runs: one slot of CPUs and memory nodes for each instance."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Placement", "Slot"]


@dataclass(frozen=True)
class Slot:
    """The CPUs of one instance (one per core, SMT siblings unused) and its memory nodes."""

    instance: int
    cpus: tuple[int, ...]
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Placement:
    """One slot per instance; ``leftover`` are the first CPUs of usable cores in no slot."""

    slots: tuple[Slot, ...]
    leftover: tuple[int, ...] = ()
