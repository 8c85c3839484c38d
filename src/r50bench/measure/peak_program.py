"""The program that measures what cores do at most: built once for a host, run once a boot."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from r50bench.assets.store import Store, sha256_of
from r50bench.errors import EngineError
from r50bench.host.peak import READ, TRIAD, Peak, build_command, measure_peak
from r50bench.host.refusals import explained
from r50bench.host.toolchain import Compiler
from r50bench.host.topology import Host
from r50bench.measure.measured_peak import (
    PROGRAMS,
    SOURCES,
    MeasuredPeak,
    builder_of,
    compiler_of_peak,
    keep_peak,
    known_peak,
)
from r50bench.notices import Progress

__all__ = ["ensure_peak", "peak_program"]

_PROGRAM = "peak_kernel"
_BUILD_TIMEOUT_S = 120.0
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
    if peak.steady:
        keep_peak(measured, host, store, root)
    else:
        progress.note("the machine was not at rest when its peak was measured; it will be again")
    return measured


def _as_kept(peak: Peak) -> MeasuredPeak:
    by_test = {name: rates.per_cpu for name, rates in peak.rates.items()}
    read, triad = by_test.pop(READ), by_test.pop(TRIAD)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return MeasuredPeak(peak.cpus, by_test, read, triad, peak.missing, now)


def peak_program(host: Host, store: Store, progress: Progress) -> Path:
    """Returns the program that :func:`.measure_peak` runs, built where it is not kept already.

    Without a compiler it is what another one has built.

    Raises:
        EngineError: there is neither, or the compiler cannot build the program.
    """
    builder = builder_of(host, store)
    if (kept := store.find(PROGRAMS, builder.key)) is not None:
        return kept / _PROGRAM
    compiler = builder.compiler or compiler_of_peak()  # what was kept is gone

    def make(folder: Path) -> None:
        progress.phase("building the program that measures the peak")
        _build(compiler, folder / _PROGRAM, host, progress)

    source = ", ".join(f"{file.name}, sha256 {sha256_of(file)}" for file in SOURCES)
    provenance = {"source": source, "compiler": builder.version}
    return store.produce(PROGRAMS, builder.key, make, provenance, progress) / _PROGRAM


def _build(compiler: Compiler, target: Path, host: Host, progress: Progress) -> None:
    """Builds the program; without its tests of AMX where the compiler fails on those alone."""
    words, source = compiler.words, SOURCES[0]
    try:
        _compile(build_command(words, source, target, host.arch))
    except EngineError as error:
        if not _TILES & host.isa:
            raise
        _compile(build_command(words, source, target, host.arch, tiles=False))
        progress.note(f"the peak of AMX is left out: {error.message}; {error.hint}")


def _compile(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            check=False,
        )
        failure = None if done.returncode == 0 else _reason(done.stderr, done.returncode)
    except subprocess.TimeoutExpired:
        failure = f"it did not end within {_BUILD_TIMEOUT_S:g} s"
    except OSError as error:
        told = explained(error)
        failure = str(error) if told is None else told.message
    if failure is not None:
        raise EngineError(
            f"{command[0]} cannot build the program that measures the peak: {failure}",
            hint="name another C++ compiler in CXX",
        )


def _reason(said: str, status: int) -> str:
    """Returns the first line that names an error, or the first line at all."""
    lines = said.strip().splitlines() or [f"it ended with status {status}"]
    return next((line for line in lines if "rror:" in line), lines[0])
