"""The program that measures what cores do at most: built once for a host, run once a boot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from r50bench.assets.store import Store, sha256_of
from r50bench.errors import EngineError
from r50bench.host.peak import READ, TRIAD, Peak, build_command, measure_peak
from r50bench.host.toolchain import Compiler, compile_here
from r50bench.host.topology import Host
from r50bench.measure.measured_peak import (
    SOURCES,
    MeasuredPeak,
    builder_of_peak,
    keep_peak,
    known_peak,
)
from r50bench.notices import Progress

__all__ = ["ensure_peak", "peak_program"]

_PROGRAM = "peak_kernel"
_WHAT = "the program that measures the peak"
_REPETITIONS = 2
_TILES = frozenset({"amx_tile"})


def ensure_peak(
    host: Host, cpus: Sequence[int], store: Store, progress: Progress, root: Path = Path("/")
) -> MeasuredPeak:
    """Returns the peak of ``cpus``, measured now unless it was since the machine booted.

    Measuring takes a second, and another to build the program the first time. Where the rounds
    disagree it is repeated, and if they still do the figures are returned but not kept; nor are
    those of a machine that does not tell when it booted.

    Raises:
        EngineError: there is no C++ compiler and nothing that one built, or it cannot build it.
        RunFailed: the program failed.
    """
    known = known_peak(host, cpus, store, root)
    if known is not None:
        return known
    program = peak_program(host, store, progress)
    progress.phase("measuring the peak of the cores")
    peak = measure_peak(program, cpus, host)
    for _ in range(_REPETITIONS):
        if peak.steady:
            break
        peak = peak.merged(measure_peak(program, cpus, host))
    measured = _as_kept(peak)
    if measured.steady:
        keep_peak(measured, host, store, root)
    return measured


def _as_kept(peak: Peak) -> MeasuredPeak:
    by_test = {name: rates.per_cpu for name, rates in peak.rates.items()}
    read, triad = by_test.pop(READ), by_test.pop(TRIAD)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return MeasuredPeak(peak.cpus, by_test, read, triad, peak.missing, now, peak.steady)


def peak_program(host: Host, store: Store, progress: Progress) -> Path:
    """Returns the program that :func:`.measure_peak` runs, built where it is not kept already.

    Without a compiler it is what another one has built.

    Raises:
        EngineError: there is neither, or the compiler cannot build the program.
    """

    def make(folder: Path, compiler: Compiler) -> None:
        progress.phase(f"building {_WHAT}")
        _build(compiler, folder / _PROGRAM, host, progress)

    source = ", ".join(f"{file.name}, sha256 {sha256_of(file)}" for file in SOURCES)
    builder = builder_of_peak(host, store)
    folder, _ = builder.built(store, make, {"source": source}, progress)
    return folder / _PROGRAM


def _build(compiler: Compiler, target: Path, host: Host, progress: Progress) -> None:
    """Builds the program; without its tests of AMX where the compiler fails on those alone."""
    words, source = compiler.words, SOURCES[0]
    try:
        compile_here(build_command(words, source, target, host.arch), _WHAT)
    except EngineError as error:
        if not _TILES & host.isa:
            raise
        compile_here(build_command(words, source, target, host.arch, tiles=False), _WHAT)
        progress.note(f"the peak of AMX is left out: {error.message}; {error.hint}")
