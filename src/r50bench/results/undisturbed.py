"""Batches that had their cores to themselves, told by a canary, and the figures that they give.

The canary is a loop of known work between two batches (:mod:`r50bench.host.canary`). A core runs at
its full speed where the loop takes about as long as it does at its fastest: in this run, or on this
host before. A batch is undisturbed where that is so before and after it, and no thread of its
instance waited for a CPU meanwhile.

What came and went between two looks spoils some of these batches, and makes them slower alone. So
figures are medians of those that are like most of them. Looks may also meet full speed by chance,
where others' spells are shorter than a batch or than looks lie apart: then batches between slow
looks are no slower than the undisturbed ones, and there is no figure; nor where undisturbed ones
are too unlike or too few. docs/method.md says why these constants, and what all this cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from r50bench.notices import Notice
from r50bench.results.record import Record
from r50bench.results.samples import UNKNOWN_NS, Integers, Samples
from r50bench.results.stats import Estimate, Floats, inflation, percentile
from r50bench.results.timeline import windows

__all__ = [
    "LEAST_BATCHES",
    "NEARLY_ALL",
    "CoreStates",
    "core_states",
    "full_speed_ns",
    "slow_cores",
    "states_of",
    "undisturbed_latency_ns",
    "undisturbed_throughput",
]

LEAST_BATCHES = 6
"""Fewer give a median no interval; of a throughput, from every instance."""

_TOLERANCE = 1.15
"""Clocks move by 3 to 8 % in a run; others' work on a core slows the loop by a fifth and more."""

_FASTEST = 0.05
"""Of the looks: fewer that were faster still are passed over, as a burst of the clock."""

_WAITED = 0.01
"""Of a batch's time: an interrupt takes less, a time slice of others' more."""

_ALIKE = 0.05
"""Of the densest half's median: batches on cores of their own scatter by 2 to 3 %, so that some
nine of ten are within it; where fewer than half are, they are a mixture."""

_FELT = 0.5
"""Of what slows the loop, the least that the batches feel: by less, batches between slow looks are
as fast as the others, and what looks find does not tell how fast a batch was."""

_SELDOM = 0.2
"""Of the batches at full speed: of fewer, many were so at both looks by chance."""

NEARLY_ALL = 0.9
"""Of the batches: where more pass undisturbed, these differ for reasons of their own, and say much
the same as all batches do."""

_SLOW = 0.9
"""Share of batches at full speed below which it is said: single looks meet an interrupt."""

_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CoreStates:
    """What the canary tells of each batch; arrays as long as the samples.

    ``looked`` are the batches that it looked at, ``full_speed`` those with their cores at full
    speed before and after, ``waited`` those in which a thread waited for a CPU; ``undisturbed`` ran
    at full speed and did not wait. ``full_speed_ns`` is what a look takes at full speed, by
    instance.
    """

    looked: _Bools
    full_speed: _Bools
    waited: _Bools
    full_speed_ns: Mapping[int, float]

    @property
    def undisturbed(self) -> _Bools:
        """(batches,): at full speed from end to end, as far as two looks can tell."""
        return self.full_speed & ~self.waited

    @property
    def batches(self) -> int:
        """How many batches were looked at; at least one was."""
        return int(np.sum(self.looked))

    def share(self, chosen: _Bools) -> float:
        """Returns the share of the batches looked at that are ``chosen``, 0 to 1."""
        return float(np.sum(chosen & self.looked)) / self.batches


def states_of(record: Record, samples: Samples) -> CoreStates | None:
    """Returns what the canary tells of a record's batches, None where it did not look."""
    known = {} if record.canary is None else record.canary.known_by_instance
    return core_states(samples, known)


def core_states(samples: Samples, known_ns: Mapping[int, float]) -> CoreStates | None:
    """Returns what the canary tells of the batches, None where it did not look.

    ``known_ns`` is by instance what a look took at full speed on this host before, where known.
    """
    looked = samples.canary_ns != UNKNOWN_NS
    if not looked.any():
        return None
    full_ns = {}
    full_speed = np.zeros(len(samples), np.bool_)
    for instance in samples.instances:
        rows = looked & (samples.instance == instance)
        if rows.any():
            number = int(instance)
            full_ns[number] = full_speed_ns(samples.canary_ns[rows], known_ns.get(number))
            full_speed |= rows & (samples.canary_ns <= _TOLERANCE * full_ns[number])
    waited = samples.waited_ns > _WAITED * samples.latency_ns
    return CoreStates(looked, full_speed, waited, full_ns)


def full_speed_ns(looks_ns: Integers, known_ns: float | None = None) -> float:
    """Returns what a look takes at full speed: the median of the fastest of many looks.

    These are all within 15 % of the fastest twentieth. What is ``known_ns`` goes before where it is
    faster: a core may be slow for a whole run.
    """
    ordered = np.sort(looks_ns)
    fastest = ordered[int(_FASTEST * len(ordered))]
    found = float(np.median(ordered[ordered <= _TOLERANCE * fastest]))
    return found if known_ns is None else min(found, known_ns)


def slow_cores(samples: Samples, states: CoreStates) -> Notice | None:
    """Returns what to say where cores were often slow, None where they were not."""
    if states.share(states.full_speed) >= _SLOW:
        return None
    alone = "run on cores that nothing else shares"
    told = undisturbed_latency_ns(samples, states) is not None
    return Notice(
        "slow-cores",
        f"the cores were at full speed in {100 * states.share(states.full_speed):.0f} % of the"
        " batches: others' work on the same cores, another guest's included, or the clock slowed"
        " them down",
        f"go by the undisturbed figures, or {alone}"
        if told
        else f"{alone}: undisturbed batches were too few, or cannot be told from others",
    )


def undisturbed_latency_ns(samples: Samples, states: CoreStates) -> Estimate | None:
    """Returns the median latency of the undisturbed batches of all instances, in ns.

    None where they are fewer than :data:`LEAST_BATCHES`, or cannot be told from others.
    """
    counted = _counted(samples, states)
    if counted is None:
        return None
    return _median(samples, samples.latency_ns.astype(np.float64), counted)


def undisturbed_throughput(samples: Samples, states: CoreStates) -> Estimate | None:
    """Returns images per second, summed over the instances' medians of their undisturbed batches.

    Only batches count that lie within the window common to all instances, each by the time until
    its instance's next one begins. None where an instance has fewer than :data:`LEAST_BATCHES`, or
    they cannot be told from others.
    """
    counted = _counted(samples, states)
    if counted is None:
        return None
    chosen = counted & _in_common(samples)
    rates = 1e9 * samples.images / np.maximum(_periods_ns(samples), 1)
    found = [
        _median(samples, rates, chosen & (samples.instance == instance))
        for instance in samples.instances
    ]
    known = [one for one in found if one is not None]
    return _sum(known) if len(known) == len(found) else None


def _counted(samples: Samples, states: CoreStates) -> _Bools | None:
    """(batches,): the undisturbed ones by which figures are; None where looks do not tell them."""
    if states.share(states.undisturbed) > NEARLY_ALL:
        return states.undisturbed
    if states.share(states.full_speed) < _SELDOM:
        return None
    counted = np.zeros(len(samples), np.bool_)
    for instance in samples.instances:
        chosen = states.undisturbed & (samples.instance == instance)
        if np.sum(chosen) < LEAST_BATCHES:
            continue
        latency_ns = samples.latency_ns[chosen]
        usual_ns = _densest(latency_ns)
        alike = np.abs(latency_ns / usual_ns - 1) <= _ALIKE
        if np.mean(alike) < 0.5 or not _felt(samples, states, int(instance), usual_ns):
            return None
        counted[chosen] = alike
    return counted


def _densest(values: Integers) -> float:
    """Returns the median of the half of the values that lie closest together."""
    ordered = np.sort(values)
    half = (len(ordered) + 1) // 2
    first = int(np.argmin(ordered[half - 1 :] - ordered[: len(ordered) - half + 1]))
    return float(np.median(ordered[first : first + half]))


def _felt(samples: Samples, states: CoreStates, instance: int, usual_ns: float) -> bool:
    """Whether an instance's batches were slower where a look found its cores slow.

    By batches in which no thread waited: waiting slows them whatever looks find. Where nearly all
    were at full speed there is nothing to be told apart.
    """
    looked = states.looked & (samples.instance == instance)
    if np.mean(states.full_speed[looked]) > NEARLY_ALL:
        return True
    slow = looked & ~states.full_speed & ~states.waited
    if not slow.any():
        return False
    loop = float(np.median(samples.canary_ns[slow])) / states.full_speed_ns[instance]
    batches = float(np.median(samples.latency_ns[slow])) / usual_ns
    return batches - 1 >= _FELT * (loop - 1)


def _in_common(samples: Samples) -> _Bools:
    inside = np.zeros(len(samples), np.bool_)
    for window in windows(samples) or ():
        inside |= (
            (samples.round == window.round)
            & (samples.start_ns >= window.start_ns)
            & (samples.end_ns <= window.end_ns)
        )
    return inside


def _periods_ns(samples: Samples) -> Integers:
    """(batches,): from each batch's start to its instance's next one in the round, else its end."""
    until = samples.end_ns.copy()
    follows = (np.diff(samples.instance) == 0) & (np.diff(samples.round) == 0)
    until[:-1][follows] = samples.start_ns[1:][follows]
    periods: Integers = until - samples.start_ns
    return periods


def _median(samples: Samples, values: Floats, chosen: _Bools) -> Estimate | None:
    """Returns the median of the chosen values; its interval allows for neighbours being alike."""
    if np.sum(chosen) < LEAST_BATCHES:
        return None
    middle = percentile(values[chosen], 50.0).value
    above = (values > middle).astype(np.float64)
    runs = [
        above[chosen & (samples.instance == instance) & (samples.round == number)]
        for instance in samples.instances
        for number in samples.rounds
    ]
    return percentile(values[chosen], 50.0, inflation([run for run in runs if len(run)]))


def _sum(parts: list[Estimate]) -> Estimate:
    """Returns the sum of independent figures; its interval by the root of the squares."""
    value = sum(part.value for part in parts)
    lower = [part.value - part.low for part in parts if part.low is not None]
    upper = [part.high - part.value for part in parts if part.high is not None]
    if len(lower) < len(parts) or len(upper) < len(parts):
        return Estimate(value)
    return Estimate(
        value, value - float(np.hypot.reduce(lower)), value + float(np.hypot.reduce(upper))
    )
