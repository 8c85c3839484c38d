"""Engines on AMX beside each other, by samples that nothing slowed down, and beside the peak.

    python benchmarks/amx.py [--precision amx_int8 …] [--batch 1 8 16 32] [--layout one …]
                             [--engines r50 openvino torch] [--rounds 9] [--weights v1]

Layouts: ``one`` is an instance on one core; ``two`` an instance whose threads have two cores;
``pair`` two instances of one core each at once. By default one core and two: batch 1 as ``one`` and
``two``, larger batches as ``one`` and ``pair``. ``taskset`` before the command chooses the cores.

Each engine's instances are processes of their own, loaded and warm; they take turns of a fraction
of a second, each round beginning with another engine. A sample is a batch between two loops of tile
products and loads; it is accepted if both took at most 1.6 times the product's time at the peak
(accepted_samples.py), which is 1.25 on a core of its own and 4 on one that is shared. Figures
are medians over the rounds of the median of accepted samples; ratios are of the same round, over
each of the other engines, with the 95 % interval of the median. The share of the peak counts the
operations of the graph without the pixels that nobody reads, padding included. ``--precision``
takes those of AVX-512 as well.

Goals for engine r50 are those of docs/performance.md. Exits with 3 where one is missed; OPEN is a
miss that lies within the noise, or a goal for which too few samples were accepted; it exits with 3
too. Refuses (6) where there is no AMX.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accepted_samples import Instances, build_canary, images_per_s

from r50bench.assets.store import default_store
from r50bench.case import Case
from r50bench.engines.registry import ENGINES
from r50bench.errors import R50BenchError
from r50bench.host.isa import native_precisions
from r50bench.host.topology import Host, read_host
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.inputs import gather
from r50bench.measure.measured_peak import limit_of
from r50bench.measure.peak_program import ensure_peak
from r50bench.models.layers import layers
from r50bench.notices import Silent
from r50bench.precision import numerics_of
from r50bench.results.ratio import ratio_of_rounds
from r50bench.results.stats import Estimate

_AMX = ("amx_int8", "amx_bfloat16", "amx_bfloat32")
_ENGINES = ("r50", "openvino", "torch")
_TOLERANCE = (
    1.6  # loads from L1 beside the products take 1.25 to 1.3 at full speed, 4 and more else
)
_OPERATIONS_OF_A_PRODUCT = 2 * 16 * 16 * 64

# r50 over OpenVINO: at batch 1, and at the best batch of each.
GOALS = {"amx_int8": (1.6, 1.9), "amx_bfloat16": (1.3, 1.5)}
BF32_OVER_BF16, INT8_OF_PEAK, PAIR_OVER_ONE = 0.75, 0.45, 1.9


@dataclass
class Contender:
    """One engine in one configuration; throughputs by round, None where nothing was accepted."""

    engine: str
    instances: Instances
    images_per_s: list[float | None] = field(default_factory=list)
    accepted: int = 0
    samples: int = 0

    @property
    def median(self) -> float | None:
        """The median throughput of the rounds that have one."""
        known = [rate for rate in self.images_per_s if rate is not None]
        return statistics.median(known) if known else None


@dataclass(frozen=True)
class Row:
    """What came out of one configuration for one engine; ``ratios`` are over each other engine.

    ``images_per_s`` is None where in no round all instances had accepted samples.
    """

    precision: str
    batch_size: int
    layout: str
    engine: str
    images_per_s: Estimate | None
    share_of_peak: float | None
    accepted: int
    samples: int
    ratios: dict[str, Estimate]


@dataclass(frozen=True)
class Verdict:
    """A goal and how it stands: ok, OPEN or MISS."""

    name: str
    goal: float
    found: Estimate | None

    @property
    def word(self) -> str:
        """``ok`` where it is met, ``OPEN`` where the noise does not allow an answer."""
        if self.found is None:
            return "OPEN"
        if self.found.value >= self.goal:
            return "ok"
        return "MISS" if self.found.high is not None and self.found.high < self.goal else "OPEN"

    def __str__(self) -> str:
        found = "nothing measured" if self.found is None else estimate_text(self.found, 2)
        return f"{self.word:5} {self.name}: {found} (goal ≥ {self.goal})"


def main() -> None:
    """Measures and prints; exits with 3 where a goal is missed or open, with 6 without AMX."""
    arguments = parse_arguments()
    host = read_host()
    missing = set(arguments.precision) - set(native_precisions(host))
    if not {"amx_tile", "amx_int8"} <= host.isa or missing:
        what = ", ".join(sorted(missing)) or "AMX"
        print(f"error: {host.model_name} has no {what}: nothing to measure here", file=sys.stderr)
        sys.exit(6)
    cores = [core.cpus[0] for core in host.cores][:2]
    rows = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            canary = build_canary(Path(folder))
            print(HEADER, flush=True)
            for precision, batch_size, layout in configurations(arguments, len(cores)):
                engines = engines_for(arguments.engines, host, precision)
                configuration = (precision, batch_size, layout)
                found = measure(arguments, host, cores, canary, configuration, engines)
                for row in found:
                    print(line(row), flush=True)
                rows += found
    except R50BenchError as error:
        print(f"error: {error.message}\n  hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    found = list(verdicts(rows))
    print("\n".join(map(str, found)))
    sys.exit(0 if all(verdict.word == "ok" for verdict in found) else 3)


def parse_arguments() -> argparse.Namespace:
    """Returns what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--precision", nargs="+", default=list(_AMX))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8, 16, 32])
    parser.add_argument("--layout", nargs="+", choices=("one", "two", "pair"))
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(_ENGINES))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.4, help="of a turn")
    parser.add_argument("--weights", default="auto", help="as of r50bench run")
    return parser.parse_args()


def configurations(arguments: argparse.Namespace, cores: int) -> Iterator[tuple[str, int, str]]:
    """Yields precision, batch size and layout of what is measured."""
    for precision in arguments.precision:
        for batch_size in arguments.batch:
            usual = ("one", "two") if batch_size == 1 else ("one", "pair")
            for layout in arguments.layout or usual:
                if layout == "one" or cores > 1:
                    yield precision, batch_size, layout


def engines_for(names: Sequence[str], host: Host, precision: str) -> list[str]:
    """Returns the engines that have kernels for a precision here, and says which have none."""
    found = []
    for name in names:
        if why := ENGINES[name].lacking(host, precision):
            print(f"{precision:13} {name} is left out: {why}", file=sys.stderr)
        else:
            found.append(name)
    return found


def measure(
    arguments: argparse.Namespace,
    host: Host,
    cores: Sequence[int],
    canary: Path,
    configuration: tuple[str, int, str],
    engines: Sequence[str],
) -> list[Row]:
    """Returns a row for each engine, all measured in turn."""
    precision, batch_size, layout = configuration
    cpus = {"one": [cores[:1]], "two": [cores], "pair": [[cpu] for cpu in cores]}[layout]
    store, silent = default_store(), Silent()
    peak = ensure_peak(host, sorted({cpu for mine in cpus for cpu in mine}), store, silent)
    slowest = min(peak.rates["tdpbusd"])
    most_ns = _TOLERANCE * _OPERATIONS_OF_A_PRODUCT / slowest * 1e9
    bench = Bench(host, AssetResolver(store, silent), Path(), silent)
    contenders: list[Contender] = []
    try:
        for engine in engines:
            case = Case(
                mode="throughput",
                precision=precision,
                batch_size=batch_size,
                cores_per_instance=len(cpus[0]),
                instances=len(cpus),
                steps=1,
                warmup_steps=1,
                engine=engine,
                weights=arguments.weights,
            )
            inputs = gather(case, bench)
            instances = Instances(inputs.engine, inputs.environment, cpus, canary)
            contenders.append(Contender(engine, instances))
        for number in range(arguments.rounds):
            first = number % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                turn = contender.instances.turn(arguments.seconds)
                rate, accepted = images_per_s(turn, batch_size, most_ns)
                contender.images_per_s.append(rate)
                contender.accepted += accepted
                contender.samples += sum(map(len, turn))
    finally:
        for contender in contenders:
            contender.instances.close()
    compiled = layers(inputs.engine.graph, pulled_back=True)
    gop = 2 * sum(layer.macs for layer in compiled) / 1e9
    limit = limit_of(peak, precision)
    return [row(configuration, mine, contenders, gop / limit.gop_per_s) for mine in contenders]


def row(
    configuration: tuple[str, int, str],
    mine: Contender,
    contenders: Sequence[Contender],
    share_of_an_image: float,
) -> Row:
    """Returns an engine's figures; ``share_of_an_image`` of a second of the peak."""
    known = [rate for rate in mine.images_per_s if rate is not None]
    figure = ratio_of_rounds(known, [1.0] * len(known)) if known else None
    ratios = {}
    for other in contenders:
        pairs = [
            (rate, beside)
            for rate, beside in zip(mine.images_per_s, other.images_per_s, strict=True)
            if rate is not None and beside is not None
        ]
        if other is not mine and pairs:
            ratios[other.engine] = ratio_of_rounds(*map(list, zip(*pairs, strict=True)))
    return Row(
        *configuration,
        mine.engine,
        figure,
        figure and figure.value * share_of_an_image,
        mine.accepted,
        mine.samples,
        ratios,
    )


def verdicts(rows: Sequence[Row]) -> Iterator[Verdict]:
    """Yields the goals of engine r50 for what was measured."""
    ours = {(row.precision, row.batch_size, row.layout): row for row in rows if row.engine == "r50"}
    for precision, (at_one, at_best) in GOALS.items():
        for layout in ("one", "two"):
            if (single := ours.get((precision, 1, layout))) is not None:
                name = f"{precision} over OpenVINO, batch 1, {layout}"
                yield Verdict(name, at_one, single.ratios.get("openvino"))
        best = best_of(rows, precision, "r50")
        beside = best_of(rows, precision, "openvino")
        if best is not None and beside is not None:
            ratio = quotient(best.images_per_s, beside.images_per_s)
            batches = f"batch {best.batch_size} over {beside.batch_size}"
            yield Verdict(f"{precision} over OpenVINO, {batches}, one", at_best, ratio)
    int8 = best_of(rows, "amx_int8", "r50")
    if int8 is not None and int8.share_of_peak is not None:
        yield Verdict("amx_int8 of the peak", INT8_OF_PEAK, Estimate(int8.share_of_peak))
    bf16, bf32 = (best_of(rows, name, "r50") for name in ("amx_bfloat16", "amx_bfloat32"))
    if bf16 is not None and bf32 is not None:
        ratio = quotient(bf32.images_per_s, bf16.images_per_s)
        yield Verdict("amx_bfloat32 over amx_bfloat16", BF32_OVER_BF16, ratio)
    for (precision, batch_size, layout), pair in ours.items():
        alone = ours.get((precision, batch_size, "one"))
        if layout == "pair" and alone is not None:
            ratio = quotient(pair.images_per_s, alone.images_per_s)
            name = f"{numerics_of(precision)}, batch {batch_size}, two instances over one"
            yield Verdict(name, PAIR_OVER_ONE, ratio)


def best_of(rows: Sequence[Row], precision: str, engine: str) -> Row | None:
    """Returns the row of the best batch on one core, None where none has a figure."""
    mine = [
        (row.images_per_s.value, row)
        for row in rows
        if (row.precision, row.engine, row.layout) == (precision, engine, "one")
        and row.images_per_s is not None
    ]
    return max(mine, key=lambda rated: rated[0])[1] if mine else None


def quotient(above: Estimate | None, below: Estimate | None) -> Estimate | None:
    """Returns the ratio of figures that were not measured in turn, its ends from theirs.

    None where one of them is unknown.
    """
    if above is None or below is None:
        return None
    low = above.low and below.high and above.low / below.high
    high = above.high and below.low and above.high / below.low
    return Estimate(above.value / below.value, low or None, high or None)


HEADER = (
    f"{'precision':13} {'batch':>5} {'layout':6} {'engine':11} {'images/s':>22} {'of peak':>7}"
    f" {'accepted':>11}  ratio over the others"
)


def line(row: Row) -> str:
    """Returns what is printed of a row."""
    figure = "not all undisturbed" if row.accepted else "nothing accepted"
    share = ""
    if row.images_per_s is not None and row.share_of_peak is not None:
        figure = estimate_text(row.images_per_s, 1)
        share = f"{row.share_of_peak:.3f}"
    ratios = ", ".join(f"{name} {estimate_text(ratio, 3)}" for name, ratio in row.ratios.items())
    return (
        f"{row.precision:13} {row.batch_size:5} {row.layout:6} {row.engine:11} {figure:>22}"
        f" {share:>7} {row.accepted:5}/{row.samples:<5}  {ratios}"
    )


def estimate_text(figure: Estimate, digits: int) -> str:
    """Returns the figure with its interval, where it has one."""
    text = f"{figure.value:.{digits}f}"
    if figure.low is None or figure.high is None:
        return text
    return f"{text} ({figure.low:.{digits}f}–{figure.high:.{digits}f})"


if __name__ == "__main__":
    main()
