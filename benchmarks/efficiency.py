"""How near to the machine's limit each precision comes, with the limit measured in turn with it.

    python benchmarks/efficiency.py [--engine r50] [--weights v1] [--rounds 7]

Two instances of one core each, at the batch size of best throughput. All precisions are loaded and
warm first; then each round measures the cores' peak, every precision in turn, and the peak again,
so that a change of clock strikes both sides of a share alike: a share is of the mean of the peaks
before and after. What is printed are medians over the rounds, with the least and the greatest.

``efficiency`` counts the operations that the engine carries out (docs/method.md). ``with padding``
also counts those that multiply the zeros of the padding, as published figures of a graph do; the
engine leaves most of them out. Exits with 3 where an efficiency is below its target.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from r50bench.assets.store import default_store
from r50bench.case import CaseName
from r50bench.engines.registry import ENGINES
from r50bench.host.isa import native_precisions
from r50bench.host.peak import Peak, measure_peak
from r50bench.host.topology import Host, read_host
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.measured_peak import bounding_instruction
from r50bench.measure.peak_program import peak_program
from r50bench.measure.session import Session, open_session
from r50bench.models.layers import layers
from r50bench.notices import Silent
from r50bench.parameters import collect
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case
from r50bench.precision import numerics_of
from r50bench.results.samples import Samples
from r50bench.results.timeline import throughput, windows

TARGETS = {"fp32": 0.88, "bf16": 0.94, "int8": 0.86}
_STEPS = {"fp32": 8, "bf16": 16, "bf32": 16, "int8": 16}  # about 2.5 s at 10 GFLOP/s a picture
_CORES = 2


@dataclass
class Contender:
    """One precision and its figures, round by round."""

    planned: Planned
    session: Session
    images_per_s: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """What came out for one precision; shares by round, peak and throughput as medians."""

    precision: str
    batch_size: int
    images_per_s: float
    peak_gop_per_s: float
    efficiency: list[float]
    with_padding: float

    @property
    def share(self) -> float:
        """The median efficiency."""
        return statistics.median(self.efficiency)


def main() -> None:
    """Measures and prints; exits with 3 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--weights", default="auto", help="as of r50bench run")
    parser.add_argument("--precision", nargs="+", help="of these; default: all the engine runs")
    parser.add_argument("--engine", default="r50", choices=list(ENGINES))
    arguments = parser.parse_args()
    host = read_host()
    engine = ENGINES[arguments.engine]
    precisions = arguments.precision or [
        name for name in native_precisions(host) if not engine.lacking(host, name)
    ]
    with tempfile.TemporaryDirectory() as folder:
        sets = [f"ENGINE={engine.name}", f"WEIGHTS={arguments.weights}"]
        rows = list(measure(host, precisions, sets, arguments.rounds, Path(folder)))
    print("\n".join(table(rows)))
    missed = [row for row in rows if row.share < TARGETS.get(numerics_of(row.precision), 0)]
    sys.exit(3 if missed else 0)


def measure(
    host: Host, precisions: Sequence[str], sets: Sequence[str], rounds: int, out: Path
) -> Iterator[Row]:
    """Yields one row per precision, all measured in turn."""
    store = default_store()
    program = peak_program(host, store, Silent())
    bench = Bench(host, AssetResolver(store, Silent()), out, Silent())
    with ExitStack() as stack:
        contenders = []
        for precision in precisions:
            planned = plan(host, precision, sets)
            opened = open_session(planned, bench)
            contenders.append(Contender(planned, stack.enter_context(opened)))
        cpus = [cpu for slot in contenders[0].planned.placement.slots for cpu in slot.cpus]
        before = measure_peak(program, cpus, host)
        for number in range(rounds):
            for one in (
                contenders[number % len(contenders) :] + contenders[: number % len(contenders)]
            ):
                one.images_per_s.append(images_per_s(one.session.measure_round()))
            after = measure_peak(program, cpus, host)
            for one in contenders:
                both = [rate_of(peak, one.planned.case.precision) for peak in (before, after)]
                one.peaks.append(statistics.mean(both) / 1e9)
            before = after
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    for one in contenders:
        yield row_of(one)


def rate_of(peak: Peak, precision: str) -> float:
    """Returns operations per second of the instruction that bounds a precision."""
    return peak.rates[bounding_instruction(precision, peak.rates, peak.missing)].total


def plan(host: Host, precision: str, sets: Sequence[str]) -> Planned:
    """Returns the throughput case of one core an instance, two instances."""
    steps = _STEPS[numerics_of(precision)]
    sets = [*sets, f"STEPS={steps}", f"INSTANCES={_CORES}", "CORES_PER_INSTANCE=1"]
    name = CaseName("inference", "throughput", precision)
    effective = effective_case(name, collect({}, sets, {}), host)
    return plan_case(effective, host)


def images_per_s(samples: Samples | None) -> float:
    """Returns the throughput of one round."""
    common = None if samples is None else windows(samples)
    if samples is None or common is None:
        raise SystemExit("a session failed: run the same case by 'r50bench run' to see why")
    return throughput(samples, common).value


def row_of(one: Contender) -> Row:
    """Returns the figures of a contender whose session has ended."""
    outcome = one.session.outcome
    assert outcome is not None
    evidence, model = outcome.record.evidence, outcome.record.model
    if evidence is None or model is None or evidence.gop_per_image is None:
        raise SystemExit(f"{one.planned.case.name}: the engine's operations could not be counted")
    pairs = zip(one.images_per_s, one.peaks, strict=True)
    efficiency = [images * evidence.gop_per_image / peak for images, peak in pairs]
    compiled = layers(model.graph, pulled_back=True)
    padded = 2 * sum(layer.macs for layer in compiled) / 1e9 / evidence.gop_per_image
    case = one.planned.case
    return Row(
        case.precision,
        case.batch_size,
        statistics.median(one.images_per_s),
        statistics.median(one.peaks),
        efficiency,
        statistics.median(efficiency) * padded,
    )


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yields the lines to print."""
    yield (
        f"{'precision':13} {'batch':>5} {'images/s':>9} {'peak GOP/s':>11} {'efficiency':>11}"
        f" {'min-max':>13} {'with padding':>13} {'target':>7}"
    )
    for row in rows:
        target = TARGETS.get(numerics_of(row.precision))
        verdict = (
            "" if target is None else f"{target:.2f} {'ok' if row.share >= target else 'MISS'}"
        )
        spread = f"{min(row.efficiency):.3f}-{max(row.efficiency):.3f}"
        yield (
            f"{row.precision:13} {row.batch_size:5} {row.images_per_s:9.1f}"
            f" {row.peak_gop_per_s:11.0f} {row.share:11.3f} {spread:>13} {row.with_padding:13.3f}"
            f" {verdict:>12}"
        )


if __name__ == "__main__":
    main()
