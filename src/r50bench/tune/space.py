"""What ``r50bench tune`` may choose between, and a configuration as one choice of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar, cast

from r50bench.case import Case
from r50bench.engines.registry import ENGINES
from r50bench.host.surroundings import find_tcmalloc
from r50bench.host.topology import Host
from r50bench.parameters import PARAMETERS, Value
from r50bench.planning.placement import cores_of_one_instance

__all__ = ["TUNED_FIELDS", "Configuration", "Space", "space_around"]

T = TypeVar("T")

_BATCHES = (1, 2, 4, 8, 16, 32, 64)
_GPU_BATCHES = (8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Configuration:
    """One choice of everything that is tuned; the names are those of a case's fields."""

    batch_size: int
    cores_per_instance: int
    allocator: str
    weight_sharing: bool
    engine: str = Case.engine

    @classmethod
    def of(cls, case: Case) -> Configuration:
        return cls(*(getattr(case, field.name) for field in fields(cls)))

    @property
    def values(self) -> dict[str, Value]:
        return asdict(self)


TUNED_FIELDS = tuple(row.name for row in PARAMETERS if row.tuned)


@dataclass(frozen=True)
class Space:
    """The choices, ``batches`` and ``cores`` rising; ``start`` is what would run untuned.

    ``possible`` says whether the host and the engine can run a configuration.
    """

    start: Configuration
    batches: tuple[int, ...]
    cores: tuple[int, ...]
    allocators: tuple[str, ...]
    sharings: tuple[bool, ...]
    engines: tuple[str, ...]
    possible: Callable[[Configuration], bool]

    def all(self) -> Iterator[Configuration]:
        choice = itertools.product(
            self.batches, self.cores, self.allocators, self.sharings, self.engines
        )
        return filter(self.possible, itertools.starmap(Configuration, choice))

    def variants(self, of: Configuration) -> list[Configuration]:
        """Returns ``of`` with each other engine, allocator and way to hold the weights."""
        others = [replace(of, engine=one) for one in self.engines if one != of.engine]
        others += [replace(of, allocator=one) for one in self.allocators if one != of.allocator]
        others += [
            replace(of, weight_sharing=one) for one in self.sharings if one != of.weight_sharing
        ]
        return [one for one in others if self.possible(one)]


def space_around(
    start: Case,
    asked: Mapping[str, Sequence[Value]],
    host: Host,
    possible: Callable[[Configuration], bool],
) -> Space:
    """Returns the choices around the untuned case ``start``.

    ``asked`` holds the values that somebody gave for a tuned field: one fixes it, several are the
    choice. Otherwise, batches are 1 2 4 … 64, but in latency mode the case's own, since latencies
    of different batch sizes are never compared, and 8 16 … 512 on a GPU; cores per instance are the
    divisors of a NUMA node's, but on a GPU the case's own; the engine is the case's; weights are
    shared and not, where the engine can share them; tcmalloc is tried against the system's
    allocator where it is worth anything and there is one.
    """
    cores = cores_of_one_instance(host, "throughput", start.across_nodes)
    default: dict[str, tuple[Value, ...]] = {
        "batch_size": _batches(start),
        "cores_per_instance": (start.cores_per_instance,)
        if start.device == "cuda"
        else tuple(size for size in range(1, cores + 1) if cores % size == 0),
        "allocator": _allocators(start),
        "weight_sharing": (False, True) if _may_share(start) else (start.weight_sharing,),
        "engine": (start.engine,),
    }
    chosen = {name: tuple(asked.get(name) or default[name]) for name in TUNED_FIELDS}
    untuned = Configuration.of(start)
    return Space(
        start=Configuration(
            _nearest(untuned.batch_size, chosen["batch_size"]),
            _nearest(untuned.cores_per_instance, chosen["cores_per_instance"]),
            _nearest(untuned.allocator, chosen["allocator"]),
            _nearest(untuned.weight_sharing, chosen["weight_sharing"]),
            _nearest(untuned.engine, chosen["engine"]),
        ),
        batches=tuple(sorted(int(str(one)) for one in chosen["batch_size"])),
        cores=tuple(sorted(int(str(one)) for one in chosen["cores_per_instance"])),
        allocators=tuple(str(one) for one in chosen["allocator"]),
        sharings=tuple(bool(one) for one in chosen["weight_sharing"]),
        engines=tuple(str(one) for one in chosen["engine"]),
        possible=possible,
    )


def _batches(case: Case) -> tuple[int, ...]:
    if case.mode == "latency":
        return (case.batch_size,)
    return _BATCHES if case.device == "cpu" else _GPU_BATCHES


def _may_share(case: Case) -> bool:
    engine = ENGINES[case.engine]
    return case.device == "cpu" and engine.shares_weights and not engine.scripted


def _allocators(case: Case) -> tuple[str, ...]:
    gains = ENGINES[case.engine].allocator == "faster"
    if not gains or case.device != "cpu" or find_tcmalloc() is None:
        return (case.allocator,)
    return (case.allocator, "system")


def _nearest(value: T, choice: Sequence[Any]) -> T:
    """Returns ``value`` if it is a choice, else the nearest number, else the first choice."""
    if value in choice:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return cast(T, min(choice, key=lambda one: abs(one - value)))
    return cast(T, choice[0])
