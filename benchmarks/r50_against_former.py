"""Engine r50 of this checkout beside our kernels of a former version, in turns.

    PYTHONPATH=src python3 benchmarks/r50_against_former.py [--former dca87d0] [--rounds 9]
            [--precision avx_int8 …] [--batch 8] [--cores 1] [--steps 30] [--repeat 3]
            [--weights random] [--former-engine torch] [--cpus 0,1]

``--former`` is a git revision of this repository, unpacked into a temporary folder, or the folder
of a checkout. In a version before engines were called by their names, ours was ``torch``; one in
which it is called r50 is compared by ``--former-engine r50``. In every round each version runs the
same case in a process of its own, on the same CPUs, with the same weights, allocator and steps;
each round begins with the other version. A record says whose code computed, so that a precision for
which the former version had no kernels of ours is left out, and says so. Throughput is that of
either's samples, by this version's arithmetic.

Prints for each precision the median of the rounds' ratios, this version over the former, its 95 %
interval by order statistics, and the least and greatest. Exits with 3 where such an interval lies
below 0.98, with 4 where it reaches below and above, with 6 where this CPU runs none of the
precisions on engine r50.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from r50bench.engines.registry import ENGINES
from r50bench.errors import CheckFailed, R50BenchError, RunFailed, TooNoisy, Unsupported, UsageError
from r50bench.host.isa import native_precisions
from r50bench.host.topology import Host, read_host, usable_cores
from r50bench.precision import PRECISIONS
from r50bench.results.ratio import ratio_of_rounds
from r50bench.results.record import read_record
from r50bench.results.samples import samples_of
from r50bench.results.stats import Estimate
from r50bench.results.timeline import throughput, windows

ENGINE = "r50"
LEAST_RATIO = 0.98
LEAST_ROUNDS = 6  # fewer give the median no interval
_TIMEOUT_S = 1800.0
_REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Version:
    """One of the two: what to call it, the folder above its package, our engine's name in it."""

    name: str
    source: Path
    engine: str


@dataclass(frozen=True)
class Setting:
    """What both versions run, apart from the precision."""

    batch: int
    cores: int
    steps: int
    repeat: int
    weights: str


@dataclass
class Rounds:
    """Images/s of both versions, by round; ``left_out`` says why there are none."""

    now: list[float] = field(default_factory=list)
    former: list[float] = field(default_factory=list)
    left_out: str = ""


class NotOurs(Exception):
    """What ran were not our kernels."""


@dataclass(frozen=True)
class Comparison:
    """The ratios of one precision: their median with its interval, the least and the greatest."""

    precision: str
    ratio: Estimate
    least: float
    greatest: float

    @property
    def verdict(self) -> str:
        """``kept``, ``slower``, or ``open`` where the interval reaches over the bar."""
        low, high = self.ratio.low, self.ratio.high
        if low is None or high is None:
            return "open"
        if high < LEAST_RATIO:
            return "slower"
        return "kept" if low >= LEAST_RATIO else "open"


def compared(precision: str, rounds: Rounds) -> Comparison:
    """Returns how this version compares, by the ratios of the same round."""
    ratios = [now / former for now, former in zip(rounds.now, rounds.former, strict=True)]
    ratio = ratio_of_rounds(rounds.now, rounds.former)
    return Comparison(precision, ratio, min(ratios), max(ratios))


def raise_verdict(found: Sequence[Comparison]) -> None:
    """Ends in an error unless every precision kept its speed.

    Raises:
        RunFailed: nothing was compared.
        CheckFailed: one is slower by more than the noise.
        TooNoisy: of one it cannot be told.
    """
    if not found:
        raise RunFailed("the former version has kernels of ours for none of the precisions")
    by_verdict = {
        verdict: [one.precision for one in found if one.verdict == verdict]
        for verdict in ("slower", "open")
    }
    if by_verdict["slower"]:
        raise CheckFailed(
            f"below {LEAST_RATIO} of the former speed: {', '.join(by_verdict['slower'])}",
            hint="r50bench profile --engine r50 shows where the time goes",
        )
    if by_verdict["open"]:
        raise TooNoisy(
            f"on either side of {LEAST_RATIO} of the former speed: {', '.join(by_verdict['open'])}",
            hint="more --rounds, or a machine on which nothing else runs",
        )


def precisions_here(host: Host, asked: Sequence[str]) -> list[str]:
    """Returns the precisions that engine r50 runs on ``host``: of those asked, else of AVX.

    Raises:
        UsageError: one that is asked is none.
        Unsupported: there is none.
    """
    if unknown := [name for name in asked if name not in PRECISIONS]:
        raise UsageError(
            f"unknown precision {unknown[0]!r}", hint=f"known: {', '.join(PRECISIONS)}"
        )
    wanted = asked or [row.name for row in PRECISIONS.values() if row.family == "avx"]
    engine, native = ENGINES[ENGINE], native_precisions(host)
    refused = {}
    for name in wanted:
        if PRECISIONS[name].numerics.name not in engine.numerics["cpu"]:
            refused[name] = "there are no kernels for it"
        elif why := engine.lacking(host, name):
            refused[name] = why
        elif name not in native:
            refused[name] = "the CPU lacks its instructions"
    if len(refused) == len(wanted):
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise Unsupported(
            f"engine {ENGINE} runs none of the precisions on {host.model_name}: {reasons}",
            hint="it needs AVX-512; there is nothing to compare without",
        )
    return [name for name in wanted if name not in refused]


def unpacked(former: str, folder: Path) -> Path:
    """Returns the folder above the former package: of a checkout, or unpacked from a revision.

    Raises:
        UsageError: there is no such folder and no such revision, or it holds no r50bench.
    """
    source = Path(former) / "src"
    if not source.is_dir():
        command = ["git", "-C", str(_REPOSITORY), "archive", "--format=tar", former, "src"]
        try:
            archive = subprocess.run(command, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"") or str(error).encode()
            raise UsageError(
                f"{former} is neither a checkout nor a revision: {said.decode().strip()}",
                hint="--former names a folder with src/r50bench, or a revision of this repository",
            ) from None
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        source = folder / "src"
    if not (source / "r50bench" / "__init__.py").is_file():
        raise UsageError(f"there is no r50bench in {source}", hint="--former names another version")
    return source


def refuse_another(version: Version) -> None:
    """Makes sure that what Python finds is the version, and not one that is installed.

    Raises:
        RunFailed: it is another.
    """
    program = "import r50bench; print(r50bench.__file__)"
    environment = os.environ | {"PYTHONPATH": str(version.source)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = Path(done.stdout.strip() or ".")
    if not found.is_relative_to(version.source):
        raise RunFailed(
            f"{version.name} is hidden by {found}: {done.stderr.strip() or 'it comes first'}",
            hint="run it by a Python into which r50bench is not installed",
        )


def measure(
    versions: tuple[Version, Version], precision: str, setting: Setting, rounds: int, folder: Path
) -> Rounds:
    """Runs both versions in turns, each round beginning with the other.

    The first run of each, in which it builds its kernels, is not counted.

    Raises:
        RunFailed: a run failed.
    """
    found = Rounds()
    figures = {versions[0].name: found.now, versions[1].name: found.former}
    try:
        for version in versions:
            images_per_s(version, precision, setting, folder)
        for number in range(rounds):
            order = versions if number % 2 == 0 else versions[::-1]
            for version in order:
                figures[version.name].append(images_per_s(version, precision, setting, folder))
    except NotOurs as error:
        return Rounds(left_out=str(error))
    return found


def images_per_s(version: Version, precision: str, setting: Setting, folder: Path) -> float:
    """Runs one process and returns its throughput.

    Raises:
        RunFailed: it failed.
        NotOurs: it was not our kernels that computed.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        _run(version, precision, setting, Path(name))
        found = list(Path(name).glob("runs/*/record.json"))
        if len(found) != 1:
            raise RunFailed(f"{version.name} left {len(found)} records of one run")
        record = read_record(found[0])
        if record.engine is None or record.engine.name != ENGINE:
            computed = "nothing" if record.engine is None else f"engine {record.engine.name}"
            raise NotOurs(f"in {version.name}, {computed} computed it")
        samples = samples_of(record, found[0].parent)
        common = None if samples is None else windows(samples)
        if samples is None or common is None:
            raise RunFailed(f"{version.name} left no samples of {precision}")
        return throughput(samples, common).value


def command_of(version: Version, precision: str, setting: Setting) -> list[str]:
    """Returns the words after ``python -m`` by which either version runs the case."""
    options = {
        "engine": version.engine,
        "weights": setting.weights,
        "batch-size": setting.batch,
        "instances": 1,
        "cores-per-instance": setting.cores,
        "steps": setting.steps,
        "warmup-steps": setting.steps,
        "repeat": setting.repeat,
        "allocator": "system",
        "out": "runs",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return ["r50bench", "run", f"inference_throughput_{precision}", *words, "--no-tuned", "--quiet"]


def _run(version: Version, precision: str, setting: Setting, folder: Path) -> None:
    words = command_of(version, precision, setting)
    environment = os.environ | {
        "PYTHONPATH": str(version.source),
        # A history that this version has brought up to date is none to the former.
        "R50BENCH_DATA": str(folder / "data"),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"{version.name} did not end within {_TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise RunFailed(f"{version.name} ended with {done.returncode}: {last}")


HEADER = (
    f"{'precision':13} {'former':>9} {'now':>9}  now ÷ former, 95 % interval, least to greatest"
)


def line(found: Comparison, rounds: Rounds) -> str:
    """Returns what is printed of a precision."""
    ratio = found.ratio
    interval = (
        "none" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f}–{ratio.high:.3f}"
    )
    former, now = (sorted(values)[len(values) // 2] for values in (rounds.former, rounds.now))
    return (
        f"{found.precision:13} {former:9.1f} {now:9.1f}  {ratio.value:.3f} ({interval},"
        f" {found.least:.3f} to {found.greatest:.3f}): {found.verdict}"
    )


def _comparisons(arguments: argparse.Namespace, precisions: Sequence[str]) -> Iterator[Comparison]:
    setting = Setting(
        arguments.batch, arguments.cores, arguments.steps, arguments.repeat, arguments.weights
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        former = unpacked(arguments.former, folder / "former")
        versions = (
            Version("this version", _REPOSITORY / "src", ENGINE),
            Version(f"former version {arguments.former}", former, arguments.former_engine),
        )
        for version in versions:
            refuse_another(version)
        print(HEADER, flush=True)
        for precision in precisions:
            rounds = measure(versions, precision, setting, arguments.rounds, folder)
            if rounds.left_out:
                print(f"{precision:13} left out: {rounds.left_out}", flush=True)
                continue
            found = compared(precision, rounds)
            print(line(found, rounds), flush=True)
            yield found


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--former", default="dca87d0", help="a revision, or a checkout's folder")
    parser.add_argument("--former-engine", default="torch", help="what ours was called in it")
    parser.add_argument("--precision", nargs="+", default=[], help="default: all of AVX")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--cores", type=int, default=1, help="of the one instance")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=3, help="measured times of so many steps")
    parser.add_argument("--weights", default="random", help="random, or v1 and v1.5 of the cache")
    parser.add_argument("--cpus", default="", help="such as 0,1; default: the first cores")
    return parser.parse_args(words)


def _pin(cpus: str, host: Host, cores: int) -> None:
    """Binds this process, and with it all that it starts, to the same CPUs throughout.

    Raises:
        UsageError: they are no CPUs of this host, or too few.
    """
    usable = usable_cores(host)
    if len(usable) < cores:
        raise UsageError(f"{cores} cores are asked, and {len(usable)} may be used here")
    try:
        chosen = {int(word) for word in cpus.split(",")} if cpus else set()
        os.sched_setaffinity(0, chosen or {cpu for core in usable[:cores] for cpu in core.cpus})
    except (OSError, ValueError) as error:
        raise UsageError(f"--cpus {cpus}: {error}", hint="numbers of usable CPUs, as 0,1") from None


def main(words: Sequence[str]) -> int:
    arguments = _arguments(words)
    try:
        if arguments.rounds < LEAST_ROUNDS:
            raise UsageError(f"--rounds {arguments.rounds} give no interval", hint="at least 6")
        host = read_host()
        precisions = precisions_here(host, arguments.precision)
        _pin(arguments.cpus, host, arguments.cores)
        raise_verdict(list(_comparisons(arguments, precisions)))
    except R50BenchError as error:
        print(f"r50_against_former: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  hint: {error.hint}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
