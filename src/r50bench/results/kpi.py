"""The figures of a record: each with its name, its unit and, where known, its 95 % interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from r50bench.errors import RunFailed
from r50bench.results.record import Accuracy, Energy, LoadgenResult, Record
from r50bench.results.samples import Samples
from r50bench.results.stats import (
    Estimate,
    inflation,
    mean_of_rounds,
    percentile,
    supports_percentile,
)
from r50bench.results.timeline import (
    Window,
    instance_throughputs,
    mean_latency_ns,
    throughput,
    utilization,
    windows,
)

__all__ = [
    "ACCURACY",
    "COUNTED",
    "EFFICIENCY",
    "ENERGY_PER_IMAGE",
    "FIRST_BATCH",
    "FULL_SPEED",
    "LATENCY",
    "MEMORY",
    "P50_LATENCY",
    "P90_LATENCY",
    "P99_LATENCY",
    "PRIMARY",
    "SCORED_PICTURES",
    "THROUGHPUT",
    "TOP5_ACCURACY",
    "UNDISTURBED",
    "UNDISTURBED_BATCHES",
    "WAITING_BATCHES",
    "Kpi",
    "accuracy_line",
    "accuracy_percent",
    "by_name",
    "figures_by_name",
    "kpis",
    "kpis_if_valid",
    "undisturbed_figure",
]

# The names of the figures that others ask for; each figure is made under its name here.
THROUGHPUT, LATENCY = "Average Throughput", "Average Latency"
P50_LATENCY, P90_LATENCY, P99_LATENCY = "P50 Latency", "P90 Latency", "P99 Latency"
ACCURACY, TOP5_ACCURACY, SCORED_PICTURES = "Accuracy", "Top-5 Accuracy", "Scored Pictures"
EFFICIENCY = "Efficiency"
"""The name of the share of the machine's measured peak, in %."""
MEMORY, FIRST_BATCH = "Memory PSS", "Time to First Batch"
ENERGY_PER_IMAGE = "Energy per Image"

FULL_SPEED, WAITING_BATCHES = "Full Speed", "Batches that Waited"
UNDISTURBED_BATCHES = "Undisturbed Batches"
UNDISTURBED = {THROUGHPUT: "Undisturbed Throughput", LATENCY: "Undisturbed Latency"}
"""What undisturbed batches alone give, by the name of the figure that all batches give."""

PRIMARY = {"throughput": THROUGHPUT, "latency": LATENCY, "accuracy": ACCURACY}
"""The name of the primary KPI by mode."""

_PERCENTILES = {
    P50_LATENCY: 50.0,
    P90_LATENCY: 90.0,
    "P95 Latency": 95.0,
    P99_LATENCY: 99.0,
    "P999 Latency": 99.9,
}

_MORE_IS_BETTER = {
    **dict.fromkeys(("img/s", "samples/s", "GFLOP/s", "GOP/s", "GB/s", "%"), True),
    **dict.fromkeys(("ms", "s", "MiB", "J"), False),
}
_BETWEEN_PROCESSES = 0.03
"""By so much two processes differ one time in twenty on a quiet host, where their spread is 1 %."""

COUNTED = (ACCURACY, TOP5_ACCURACY, SCORED_PICTURES)
"""Counts and shares of counts: these do not scatter, so that any change is one."""

_SMALLER_IS_BETTER = ("Harness Overhead",)  # whatever its unit says

_MS_PER_NS = 1e-6
_LEAST_RAPL_S = 0.1
"""Of a round: RAPL counts every millisecond, and what surrounds a round counts too."""
_MIB = 2**20
_LEAST_GPU_S = 1.0
"""The driver's counter moves some ten times a second, and what surrounds a round counts too."""


@dataclass(frozen=True)
class Kpi:
    """One figure. ``low`` and ``high`` bound its 95 % interval; None where that is unknown."""

    name: str
    unit: str
    value: float
    low: float | None = None
    high: float | None = None
    primary: bool = False

    @property
    def label(self) -> str:
        """The name with its unit, as KPI blocks print it: ``Average Throughput (img/s)``."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def more_is_better(self) -> bool | None:
        """Whether a larger value is the better one; None of a figure that is neither."""
        return False if self.name in _SMALLER_IS_BETTER else _MORE_IS_BETTER.get(self.unit)

    @property
    def half_width(self) -> float | None:
        """How far the interval's upper end lies above the value: the figure's ±, in its unit.

        The lower end may have been cut at zero. None where the interval is unknown.
        """
        if self.low is None or self.high is None:
            return None
        return self.high - self.value

    def told_apart(self, other: Kpi, *, of_processes: bool = False) -> bool:
        """Whether two figures of one name differ by more than their noise.

        Where either has no interval, it cannot be told. Counted figures have no noise. Intervals
        that are not ``of_processes`` know what happens within one process each, and two processes
        of one case differ by more: figures of these must be 3 % apart as well.
        """
        if self.name in COUNTED:
            return self.value != other.value
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        between = 0.0 if of_processes else _BETWEEN_PROCESSES
        near = abs(self.value - other.value) <= between * max(abs(self.value), abs(other.value))
        return not near and (self.low > other.high or other.low > self.high)


def kpis(record: Record, samples: Samples | None) -> tuple[Kpi, ...]:
    """Derives every figure that ``record`` supports, the primary one first.

    What was not measured, or what too few samples cannot tell, is absent. ``samples`` are the
    record's (:func:`r50bench.results.samples.samples_of`), None where it timed nothing.

    Raises:
        RunFailed: the record is invalid, or it lacks what its mode is about.
    """
    if record.status != "valid":
        raise RunFailed(
            f"{record.id} is invalid and has no figures: {record.reason or 'no reason given'}",
            hint="the logs in its folder say more; run the case again",
        )
    figures = [*_accuracy(record)]
    if record.loadgen is not None:
        figures += [*_loadgen(record, record.loadgen)]
    elif samples is not None:
        figures += [*_timed(record, samples)]
    figures += [*_footprint(record)]
    primary = [figure for figure in figures if figure.primary]
    if not primary:
        raise RunFailed(
            f"{record.id} holds nothing to derive its {_primary(record)} from",
            hint="the record is incomplete: take it from where it was copied, or run again",
        )
    return (*primary, *(figure for figure in figures if not figure.primary))


def kpis_if_valid(record: Record, samples: Samples | None) -> tuple[Kpi, ...]:
    """Returns the figures of :func:`kpis`, none where the record is invalid.

    Raises:
        RunFailed: a valid record lacks what its mode is about.
    """
    return kpis(record, samples) if record.status == "valid" else ()


def figures_by_name(record: Record, samples: Samples | None) -> dict[str, Kpi]:
    """Returns the figures of :func:`kpis` under their names, and raises what that does."""
    return by_name(kpis(record, samples))


def by_name(kpis: Iterable[Kpi]) -> dict[str, Kpi]:
    return {kpi.name: kpi for kpi in kpis}


def undisturbed_figure(figures: Mapping[str, Kpi], name: str) -> Kpi | None:
    """Returns what undisturbed batches alone give of the figure ``name``, None if too few."""
    return figures.get(UNDISTURBED.get(name, ""))


def accuracy_line(accuracy: Accuracy) -> str:
    """Returns ``accuracy=95.000%, good=19, total=20``, the line MLPerf's scripts print."""
    return f"accuracy={accuracy_percent(accuracy)}%, good={accuracy.good}, total={accuracy.total}"


def accuracy_percent(accuracy: Accuracy) -> str:
    """Returns the top-1 accuracy in per cent as MLPerf prints and judges it: to three decimals."""
    return f"{100 * accuracy.good / accuracy.total:.3f}"


def _primary(record: Record) -> str:
    """Returns the name of the record's primary KPI: that of its mode, or LoadGen's score."""
    return PRIMARY[record.case.mode] if record.loadgen is None else record.loadgen.score_name


def _figure(record: Record, name: str, unit: str, estimate: Estimate) -> Kpi:
    primary = _primary(record) == name
    return Kpi(name, unit, estimate.value, estimate.low, estimate.high, primary)


def _accuracy(record: Record) -> Iterator[Kpi]:
    counts = record.accuracy
    if counts is None:
        return
    yield _figure(record, ACCURACY, "%", Estimate(100 * counts.good / counts.total))
    if counts.good5 is not None:
        yield Kpi(TOP5_ACCURACY, "%", 100 * counts.good5 / counts.total)
    yield Kpi(SCORED_PICTURES, "", counts.total)


def _loadgen(record: Record, result: LoadgenResult) -> Iterator[Kpi]:
    """LoadGen's own figures, and those of the closed loop beside it; latencies in ms."""
    if result.score is not None:
        value, unit = result.score, result.score_unit
        if unit == "ns":
            value, unit = value * _MS_PER_NS, "ms"
        yield Kpi(result.score_name, unit, value, primary=True)
        if unit == "samples/s":
            yield from _efficiency(record, Estimate(value))
    for name, latency in result.percentiles_ns.items():
        yield Kpi(f"P{float(name):g} Latency", "ms", latency * _MS_PER_NS)
    if result.bound_ns is not None:
        yield Kpi("Latency Bound", "ms", result.bound_ns * _MS_PER_NS)
    if result.raw_throughput is not None:
        yield Kpi("Raw Throughput", "samples/s", result.raw_throughput)
    if result.raw_latency_ns is not None:
        yield Kpi("Raw Latency", "ms", result.raw_latency_ns * _MS_PER_NS)
    if result.overhead is not None:
        yield Kpi("Harness Overhead", "%", 100 * result.overhead)


def _timed(record: Record, samples: Samples) -> Iterator[Kpi]:
    common = windows(samples)
    if common is not None:
        yield from _throughput(record, samples, common)
    elif record.case.mode == "throughput":
        raise RunFailed(
            f"{record.id}: its instances never ran at the same time, so it has no throughput",
            hint="raise --steps, so that the instances overlap",
        )
    yield from _latency(record, samples)
    if samples.looked_at:
        yield from _undisturbed(record, samples)
    if record.energy is not None:
        yield from _energy_of_sockets(record.energy, samples)
    yield Kpi("Samples", "", len(samples))
    yield Kpi("Images", "", int(np.sum(samples.images)))
    yield from _energy_of_gpus(record, int(np.sum(samples.images)))
    if common is not None:
        yield Kpi("Start Skew", "ms", max(one.skew_ns for one in common) * _MS_PER_NS)
        yield Kpi("Overlap", "%", 100 * min(one.overlap for one in common))


def _throughput(record: Record, samples: Samples, common: tuple[Window, ...]) -> Iterator[Kpi]:
    total = throughput(samples, common)
    yield _figure(record, THROUGHPUT, "img/s", total)
    each = instance_throughputs(samples, common)
    yield Kpi("Min Instance Throughput", "img/s", float(np.min(each)))
    yield Kpi("Max Instance Throughput", "img/s", float(np.max(each)))
    yield Kpi("Compute Utilization", "%", 100 * utilization(samples, common))
    if record.model is not None:
        done = total.scaled(record.model.gflop_per_image)
        yield Kpi("FLOPs", "GFLOP/s", done.value, done.low, done.high)
    yield from _efficiency(record, total)


def _efficiency(record: Record, images_per_s: Estimate) -> Iterator[Kpi]:
    """What was carried out as a share of what the cores can carry out, where both are known."""
    executed = None if record.evidence is None else record.evidence.gop_per_image
    if record.limit is None or executed is None:
        return
    share = images_per_s.scaled(100 * executed / record.limit.gop_per_s)
    yield Kpi(EFFICIENCY, "%", share.value, share.low, share.high)


def _latency(record: Record, samples: Samples) -> Iterator[Kpi]:
    mean = mean_latency_ns(samples).scaled(_MS_PER_NS)
    latency = samples.latency_ns * _MS_PER_NS
    yield _figure(record, LATENCY, "ms", mean)
    yield Kpi("Min Latency", "ms", float(np.min(latency)))
    yield Kpi("Max Latency", "ms", float(np.max(latency)))
    for name, percent in _PERCENTILES.items():
        if supports_percentile(len(samples), percent):
            estimate = _percentile(samples, percent).scaled(_MS_PER_NS)
            yield Kpi(name, "ms", estimate.value, estimate.low, estimate.high)
    images = float(np.mean(samples.images))
    per_image = mean.scaled(1 / images)
    yield Kpi("Time per Image", "ms", per_image.value, per_image.low, per_image.high)


def _undisturbed(record: Record, samples: Samples) -> Iterator[Kpi]:
    """How many batches had their cores to themselves, and what these alone give.

    Figures that too few of them support are absent.
    """
    from r50bench.results.undisturbed import (  # not every run has a canary
        states_of,
        undisturbed_latency_ns,
        undisturbed_throughput,
    )

    states = states_of(record, samples)
    assert states is not None  # they were looked at
    if (rate := undisturbed_throughput(samples, states)) is not None:
        yield _interval(UNDISTURBED[THROUGHPUT], "img/s", rate)
    if (latency := undisturbed_latency_ns(samples, states)) is not None:
        yield _interval(UNDISTURBED[LATENCY], "ms", latency.scaled(_MS_PER_NS))
    yield Kpi(FULL_SPEED, "%", 100 * states.share(states.full_speed))
    yield Kpi(WAITING_BATCHES, "", int(np.sum(states.waited)))
    yield Kpi(UNDISTURBED_BATCHES, "", int(np.sum(states.undisturbed)))


def _percentile(samples: Samples, percent: float) -> Estimate:
    latency = samples.latency_ns.astype(np.float64)
    value = percentile(latency, percent).value
    # How much neighbouring batches resemble each other in being beyond the percentile decides how
    # much the ranks of its interval must give way.
    beyond = (samples.latency_ns > value).astype(np.float64)
    per_instance = [
        beyond[(samples.instance == instance) & (samples.round == number)]
        for instance in samples.instances
        for number in samples.rounds
    ]
    return percentile(latency, percent, inflation(per_instance))


def _energy_of_gpus(record: Record, images: int) -> Iterator[Kpi]:
    """What the GPUs drew, where the driver counts it and the rounds were long enough to tell."""
    drawn = [gpu.energy_j for gpu in record.gpus]
    if not drawn or min(gpu.measured_s for gpu in record.gpus) < _LEAST_GPU_S:
        return
    known = [energy for energy in drawn if energy is not None]
    if len(known) == len(drawn):
        yield Kpi("GPU Energy per Image", "J", sum(known) / images)


def _energy_of_sockets(energy: Energy, samples: Samples) -> Iterator[Kpi]:
    """What the sockets drew, where the rounds were long enough for the counters to tell.

    Nothing of samples that are not the rounds of one record, as those of a sweep's passes.
    """
    joules, seconds = np.array(energy.rounds_j), np.array(energy.rounds_s)
    images = [np.sum(samples.images[samples.round == number]) for number in samples.rounds]
    if len(images) != len(joules) or min(seconds) < _LEAST_RAPL_S or min(joules) <= 0:
        return
    yield Kpi("Energy", "J", float(np.sum(joules)))
    yield _interval(ENERGY_PER_IMAGE, "J", mean_of_rounds(joules / images))
    if energy.idle_w is not None:
        above = (joules - energy.idle_w * seconds) / images
        if np.mean(above) > 0:
            yield _interval(f"{ENERGY_PER_IMAGE} above Idle", "J", mean_of_rounds(above))


def _interval(name: str, unit: str, estimate: Estimate) -> Kpi:
    return Kpi(name, unit, estimate.value, estimate.low, estimate.high)


def _footprint(record: Record) -> Iterator[Kpi]:
    if record.model is not None:
        yield Kpi("FLOPs per Image", "GFLOP", record.model.gflop_per_image)
    if record.evidence is not None and record.evidence.gop_per_image is not None:
        yield Kpi("Executed per Image", "GOP", record.evidence.gop_per_image)
    if record.limit is not None:
        yield Kpi("Peak Compute", "GOP/s", record.limit.gop_per_s)
        yield Kpi("Peak Memory Read", "GB/s", record.limit.read_gb_per_s)
        yield Kpi("Peak Memory Triad", "GB/s", record.limit.triad_gb_per_s)
    if record.workers:
        pss = [worker.pss_bytes for worker in record.workers if worker.pss_bytes is not None]
        if len(pss) == len(record.workers):
            yield Kpi(MEMORY, "MiB", sum(pss) / _MIB)
        if all(worker.loaded_alone for worker in record.workers):
            first = max(worker.load_s + worker.first_batch_s for worker in record.workers)
            yield Kpi(FIRST_BATCH, "s", first)
