"""From a placed case to one plan per worker process; pure."""

from __future__ import annotations

import itertools
from dataclasses import replace

from r50bench.case import Case
from r50bench.engines.base import EngineSpec
from r50bench.measure.protocol import FeedSpec, WorkerPlan
from r50bench.placement import Placement, Slot

__all__ = ["shares", "worker_plans"]


def shares(pictures: int, instances: int) -> tuple[tuple[int, int], ...]:
    """Splits ``pictures`` into one half-open range per instance, sizes differing by one at most."""
    bounds = [pictures * at // instances for at in range(instances + 1)]
    return tuple(itertools.pairwise(bounds))


def worker_plans(
    case: Case,
    placement: Placement,
    engine: EngineSpec,
    feed: FeedSpec,
    *,
    bind_memory: bool,
    pictures: int = 0,
) -> tuple[WorkerPlan, ...]:
    """Returns one plan per instance, or one for all where the case shares weights.

    ``pictures`` is the size of the labelled data set, 0 without one.
    """
    shared, apart = [placement.slots], [(slot,) for slot in placement.slots]
    groups = shared if case.weight_sharing else apart
    ranges = shares(pictures, len(placement.slots)) if pictures else ()
    return tuple(
        WorkerPlan(
            worker=number,
            slots=slots,
            engine=_beginning_at(engine, slots),
            feed=feed,
            steps=case.steps or 0,
            warmup_steps=case.warmup_steps,
            bind_memory=bind_memory,
            shares=tuple(ranges[slot.instance] for slot in slots) if ranges else (),
        )
        for number, slots in enumerate(groups)
    )


def _beginning_at(engine: EngineSpec, slots: tuple[Slot, ...]) -> EngineSpec:
    return replace(engine, first_instance=slots[0].instance)
