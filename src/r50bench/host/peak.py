"""What cores can compute and move at most, as a small program of ours measures it.

The program is ``peak_kernel.cpp``: it keeps the instruction that a precision is named after busy on
all the given CPUs at once, out of registers, and streams memory. What it prints is read here; where
the compiled program and its figures are kept is for :mod:`r50bench.measure.measured_peak` to say.
"""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import RunFailed, Unsupported
from r50bench.host.topology import Host

__all__ = [
    "INSTRUCTIONS",
    "READ",
    "SOURCE",
    "TRIAD",
    "Peak",
    "Rates",
    "build_command",
    "measure_peak",
    "parse_rates",
    "peak_rates",
]

SOURCE = Path(__file__).with_name("peak_kernel.cpp")
"""The program's source."""

INSTRUCTIONS: dict[str, tuple[str, ...]] = {
    "avx_fp32": ("fma_512", "fma_256"),
    "avx_bfloat16": ("vdpbf16ps_512",),
    "avx_int8": ("vpdpbusd_512", "vpdpbusd_256"),
    "amx_bfloat16": ("tdpbf16ps",),
    "amx_bfloat32": ("tdpbf16ps",),
    "amx_int8": ("tdpbusd",),
    "arm_fp32": ("fmla_128",),
    "arm_bf16": ("bfmmla_128",),
    "arm_int8": ("smmla_128", "sdot_128"),
}
"""The program's tests that bound a precision: the first one that the CPU has does."""

READ, TRIAD = "read", "triad"
"""The program's tests of memory."""

_ROUNDS, _SLICE_MS = 12, 10  # a second for seven tests; clocks settle within a millisecond

_LEAST_BYTES = 32 << 20
_UNKNOWN_L3_BYTES = 32 << 20
_TIMEOUT_S = 60.0
_STEADY = 0.95
_LINE = re.compile(r"(\w+) (\d+)((?: \d\.\d+e[+-]\d+)+)")


@dataclass(frozen=True)
class Rates:
    """Operations (or bytes) per second of one test, all CPUs at once.

    ``per_cpu`` is each CPU's best round, ``typical`` the median over the rounds of all together.

    The best counts because nothing makes a core faster than it is, while neighbours and the
    hypervisor only ever take time from it: the best is the nearest to the limit, and a share of it
    flatters least. Each CPU has its own, since hardly a round leaves all of many CPUs in peace.
    """

    per_cpu: tuple[float, ...]
    typical: float

    @property
    def total(self) -> float:
        """The sum over the CPUs."""
        return sum(self.per_cpu)


@dataclass(frozen=True)
class Peak:
    """What ``cpus`` did at most when all were busy at once; ``rates`` by test of the program."""

    cpus: tuple[int, ...]
    rates: dict[str, Rates]

    @property
    def steady(self) -> bool:
        """Whether the rounds agree, within 5 %: if not, somebody else was busy meanwhile."""
        compute = {name for names in INSTRUCTIONS.values() for name in names}
        return all(
            rates.typical >= _STEADY * rates.total
            for name, rates in self.rates.items()
            if name in compute
        )

    def merged(self, other: Peak) -> Peak:
        """Returns the better of two measurements of the same CPUs, test by test and CPU by CPU."""
        return Peak(
            self.cpus,
            {
                name: Rates(
                    tuple(map(max, zip(rates.per_cpu, other.rates[name].per_cpu, strict=True))),
                    max(rates.typical, other.rates[name].typical),
                )
                for name, rates in self.rates.items()
            },
        )


def peak_rates(peak: Peak, precision: str) -> tuple[str, Rates]:
    """Returns the instruction that bounds ``precision``, and its rates in operations per second.

    Raises:
        Unsupported: this CPU, or the compiler the program was built with, has no such instruction.
    """
    wanted = INSTRUCTIONS[precision]
    for name in wanted:
        if name in peak.rates:
            return name, peak.rates[name]
    raise Unsupported(
        f"the peak of {precision} is not known: neither CPU nor compiler has {' or '.join(wanted)}",
        hint="a newer compiler may know the instruction: install one or name it in CXX",
    )


def build_command(compiler: Sequence[str], target: Path, arch: str) -> list[str]:
    """Returns the command that builds the program for the CPU it is built on."""
    # On Arm, only -mcpu=native is understood by GCC and Clang alike.
    native = "-mcpu=native" if arch == "aarch64" else "-march=native"
    flags = ["-std=c++17", "-O3", native, "-pthread"]
    return [*compiler, *flags, str(SOURCE), "-o", str(target)]


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
        raise RunFailed(f"the peak could not be measured: {error}") from error
    if done.returncode != 0:
        said = done.stderr.strip() or f"{program.name} ended with status {done.returncode}"
        raise RunFailed(f"the peak could not be measured: {said}")
    return Peak(tuple(cpus), parse_rates(done.stdout, len(cpus)))


def parse_rates(text: str, cpus: int) -> dict[str, Rates]:
    """Reads what the program prints: per line a test, its round, and one rate per CPU.

    Raises:
        RunFailed: a line is something else, a rate is not positive, or the tests of memory are
            missing, which come last.
    """
    rounds: dict[str, list[tuple[float, ...]]] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        rates = tuple(float(word) for word in match[3].split()) if match else ()
        if match is None or len(rates) != cpus or min(rates) <= 0:
            raise RunFailed(f"the program that measures the peak printed {line!r}")
        rounds.setdefault(match[1], []).append(rates)
    if not {READ, TRIAD} <= rounds.keys():
        raise RunFailed("the program that measures the peak ended early")
    return {name: _rates(found) for name, found in rounds.items()}


def _rates(rounds: Sequence[tuple[float, ...]]) -> Rates:
    return Rates(tuple(map(max, zip(*rounds, strict=True))), statistics.median(map(sum, rounds)))


def _bytes_per_cpu(host: Host, cpus: int) -> int:
    """Four times what the caches hold, shared out, as STREAM asks; an eighth of memory at most."""
    wanted = max(_LEAST_BYTES, 4 * (host.l3_bytes or _UNKNOWN_L3_BYTES) // cpus)
    affordable = (host.usable_memory_bytes or 8 * wanted * cpus) // (8 * cpus)
    return min(wanted, affordable)
