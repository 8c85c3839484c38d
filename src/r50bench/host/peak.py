"""What cores can compute and move at most, as a small program of ours measures it.

The program is ``peak_kernel.cpp``: it keeps the instruction that a precision is named after busy on
all the given CPUs at once, out of registers, and streams memory. What it prints is read here; where
the compiled program and its figures are kept is for :mod:`r50bench.measure.peak_program` and
:mod:`r50bench.measure.measured_peak` to say.
"""

from __future__ import annotations

import heapq
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import RunFailed
from r50bench.host.isa import native_precisions
from r50bench.host.surroundings import noexec_mount
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS

__all__ = [
    "READ",
    "TRIAD",
    "Peak",
    "Rates",
    "build_command",
    "measure_peak",
    "parse_output",
]

READ, TRIAD = "read", "triad"
"""The program's tests of memory."""

_ROUNDS, _SLICE_MS = 12, 10  # a second for seven tests; clocks settle within a millisecond

_LEAST_BYTES = 32 << 20
_UNKNOWN_L3_BYTES = 32 << 20
_TIMEOUT_S = 60.0
_STEADY = 0.95
_REPEATED_SHARE = 4
_LINE = re.compile(r"(\w+) (\d+)((?: \d\.\d+e[+-]\d+)+)")
_FATAL = re.compile(r"(\w+) signal (\d+)")
_REFUSED = re.compile(r"(\w+) refused (.+)")


@dataclass(frozen=True)
class Rates:
    """Operations (or bytes) per second of one test, all CPUs at once.

    ``per_cpu`` is each CPU's best round, ``repeated`` the sum of what each CPU reached in a quarter
    of the rounds, in two at least.

    The best counts because nothing makes a core faster than it is, while neighbours and the
    hypervisor only ever take time from it: the best is the nearest to the limit, and a share of it
    flatters least. Each CPU has its own, since hardly a round leaves all of many CPUs in peace.
    """

    per_cpu: tuple[float, ...]
    repeated: float

    @property
    def total(self) -> float:
        """Operations (or bytes) per second of all CPUs together, each in its best round."""
        return sum(self.per_cpu)


@dataclass(frozen=True)
class Peak:
    """What ``cpus`` did at most when all were busy at once.

    ``rates`` by test of the program; ``missing`` says of the other tests why they have none, as far
    as that is known.
    """

    cpus: tuple[int, ...]
    rates: dict[str, Rates]
    missing: dict[str, str]

    @property
    def steady(self) -> bool:
        """Whether each best was reached repeatedly, within 5 %: if not, it may be too low."""
        compute = {name for row in PRECISIONS.values() for name in row.peak_instructions}
        return all(
            rates.repeated >= _STEADY * rates.total
            for name, rates in self.rates.items()
            if name in compute
        )

    def merged(self, other: Peak) -> Peak:
        """Returns the better of two measurements of the same CPUs, test by test and CPU by CPU."""
        rates = {**other.rates, **self.rates}
        for name in self.rates.keys() & other.rates.keys():
            mine, theirs = self.rates[name], other.rates[name]
            rates[name] = Rates(
                tuple(map(max, zip(mine.per_cpu, theirs.per_cpu, strict=True))),
                max(mine.repeated, theirs.repeated),
            )
        missing = {**other.missing, **self.missing}
        return Peak(
            self.cpus, rates, {name: why for name, why in missing.items() if name not in rates}
        )


def build_command(
    compiler: Sequence[str], source: Path, target: Path, arch: str, *, tiles: bool = True
) -> list[str]:
    """Returns the command that builds the program from its source for the CPU it is built on.

    Without ``tiles`` the tests of AMX are left out, for compilers and assemblers that know it too
    little.
    """
    # On Arm, only -mcpu=native is understood by GCC and Clang alike.
    native = "-mcpu=native" if arch == "aarch64" else "-march=native"
    flags = ["-std=c++17", "-O3", native, "-pthread", *([] if tiles else ["-DWITHOUT_TILES"])]
    return [*compiler, *flags, str(source), "-o", str(target)]


def measure_peak(program: Path, cpus: Sequence[int], host: Host) -> Peak:
    """Runs the program on all ``cpus`` at once, about two seconds.

    Raises:
        RunFailed: it failed, did not end, or printed something else than its figures.
    """
    size = _bytes_per_cpu(host, len(cpus))
    words = [",".join(map(str, cpus)), str(_ROUNDS), str(_SLICE_MS), str(size)]
    try:
        done = subprocess.run(
            [str(program), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = f"{program.parent} is mounted noexec" if noexec_mount(program.parent) else error
        raise RunFailed(
            f"the peak could not be measured: {why}", hint="shares of the peak are left out"
        ) from error
    if done.returncode != 0:
        said = done.stderr.strip() or f"{program.name} {_ending(done.returncode)}"
        raise RunFailed(
            f"the peak could not be measured: {said}", hint="shares of the peak are left out"
        )
    rates, missing = parse_output(done.stdout, len(cpus))
    return Peak(tuple(cpus), rates, {**_not_compiled(host, rates), **missing})


def parse_output(text: str, cpus: int) -> tuple[dict[str, Rates], dict[str, str]]:
    """Reads what the program prints: rates by test, and of tests that have none, why not.

    A test has a line a round, with one rate per CPU, or one line with the signal that ended it or
    with what the kernel answered when it was asked for AMX's tiles.

    Raises:
        RunFailed: a line is something else, a rate is not positive, or the tests of memory are
            missing, which come last.
    """
    rounds: dict[str, list[tuple[float, ...]]] = {}
    missing: dict[str, str] = {}
    for line in text.splitlines():
        if fatal := _FATAL.fullmatch(line):
            missing[fatal[1]] = _ending(-int(fatal[2]))
        elif refused := _REFUSED.fullmatch(line):
            missing[refused[1]] = f"needs AMX's tiles, which the kernel refuses: {refused[2]}"
        else:
            match = _LINE.fullmatch(line)
            rates = tuple(float(word) for word in match[3].split()) if match else ()
            if match is None or len(rates) != cpus or min(rates) <= 0:
                raise RunFailed(
                    f"the program that measures the peak printed {line!r}",
                    hint="shares of the peak are left out",
                )
            rounds.setdefault(match[1], []).append(rates)
    if not {READ, TRIAD} <= rounds.keys():
        raise RunFailed(
            "the program that measures the peak ended early",
            hint="shares of the peak are left out",
        )
    return {name: _rates(outcomes) for name, outcomes in rounds.items()}, missing


def _rates(rounds: Sequence[tuple[float, ...]]) -> Rates:
    by_cpu = list(zip(*rounds, strict=True))
    repetitions = max(2, len(rounds) // _REPEATED_SHARE)
    repeated = sum(heapq.nlargest(repetitions, rates)[-1] for rates in by_cpu)
    return Rates(tuple(map(max, by_cpu)), repeated)


def _ending(status: int) -> str:
    """Says how a process ended, by the return code that :mod:`subprocess` gives it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name} ({signal.strsignal(-status)})"
    except ValueError:  # a signal without a name
        return f"was ended by signal {-status}"


def _not_compiled(host: Host, rates: Mapping[str, Rates]) -> dict[str, str]:
    """Says of instructions that this CPU has and the program has no test of that it was not built
    with one."""
    return {
        name: "is known to this CPU, but not to the C++ compiler that built the program:"
        " install a newer one (AMX: g++ 11 or clang 12) or name it in CXX"
        for precision in native_precisions(host)
        if not rates.keys() & set(PRECISIONS[precision].peak_instructions)
        for name in PRECISIONS[precision].peak_instructions
    }


def _bytes_per_cpu(host: Host, cpus: int) -> int:
    """Four times what the caches hold, shared out, as STREAM asks; an eighth of memory at most."""
    wanted = max(_LEAST_BYTES, 4 * (host.l3_bytes or _UNKNOWN_L3_BYTES) // cpus)
    affordable = (host.usable_memory_bytes or 8 * wanted * cpus) // (8 * cpus)
    return min(wanted, affordable)
