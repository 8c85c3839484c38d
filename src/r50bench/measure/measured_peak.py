"""The limit of a case's cores: measured once per boot, kept in the store, found again in 10 ms."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from r50bench.assets.store import Store, sha256_of
from r50bench.errors import EngineError, UsageError
from r50bench.host.kernel_files import read_text
from r50bench.host.peak import (
    READ,
    SOURCES,
    TRIAD,
    Peak,
    build_command,
    measure_peak,
    peak_rates,
)
from r50bench.host.refusals import explained
from r50bench.host.snapshot import fingerprint
from r50bench.host.toolchain import Compiler, compiler_of
from r50bench.host.topology import Host
from r50bench.notices import Progress
from r50bench.results.record import Limit

__all__ = ["MeasuredPeak", "ensure_peak", "limit_of", "peak_program"]

_PROGRAMS, _PEAKS = "peak-programs", "peaks"
_PROGRAM, _FILE = "peak_kernel", "peak.json"
_BUILD_TIMEOUT_S = 120.0
_REPETITIONS = 2
_TILES = frozenset({"amx_tile"})


@dataclass(frozen=True)
class MeasuredPeak:
    """A peak and when it was measured (UTC, ISO 8601)."""

    peak: Peak
    measured: str


def limit_of(measured: MeasuredPeak, precision: str) -> Limit:
    """Returns what a record keeps of a peak."""
    rates = measured.peak.rates
    instruction, compute = peak_rates(measured.peak, precision)
    return Limit(
        instruction=instruction,
        gop_per_s=compute.total / 1e9,
        read_gb_per_s=rates[READ].total / 1e9,
        triad_gb_per_s=rates[TRIAD].total / 1e9,
        cpus=measured.peak.cpus,
        measured=measured.measured,
    )


def ensure_peak(
    host: Host, cpus: Sequence[int], store: Store, progress: Progress, root: Path = Path("/")
) -> MeasuredPeak:
    """Returns the peak of ``cpus``, measured now unless it was since the machine booted.

    Measuring takes a second, and another to build the program the first time. Where the rounds
    disagree it is repeated, and if they still do the figures are returned but not kept; nor are
    those of a machine that does not tell when it booted.
    """
    version = _compiler().version
    boot = read_text(root, "/proc/sys/kernel/random/boot_id")
    machine = _digest(fingerprint(root), host.model_name, sorted(host.isa))[:8]
    epoch = f"{machine}-{_digest(boot)[:8]}"
    key = f"{epoch}-{_digest(_program_key(host, version), list(cpus))}"
    found = store.find(_PEAKS, key) if boot else None
    if found is not None:
        if (kept := _read(found / _FILE)) is not None:
            return kept
        store.remove(_PEAKS, key)
    program = peak_program(host, store, progress)
    progress.phase("measuring the peak of the cores")
    peak = _measure(program, cpus, host)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    measured = MeasuredPeak(peak, now)
    if not peak.steady:
        progress.note("the machine was not at rest when its peak was measured; it will be again")
    elif boot:
        _forget_other_boots(store, machine, epoch)
        _keep(measured, key, store, version)
    return measured


def peak_program(host: Host, store: Store, progress: Progress) -> Path:
    """Returns the program that :func:`.measure_peak` runs, built where it is not kept already.

    Raises:
        EngineError: there is no C++ compiler, or it cannot build the program.
    """
    compiler = _compiler()
    version = compiler.version

    def make(folder: Path) -> None:
        progress.phase("building the program that measures the peak")
        _build(compiler, folder / _PROGRAM, host, progress)

    source = ", ".join(f"{file.name}, sha256 {sha256_of(file)}" for file in SOURCES)
    provenance = {"source": source, "compiler": version}
    key = _program_key(host, version)
    return store.produce(_PROGRAMS, key, make, provenance, progress) / _PROGRAM


def _program_key(host: Host, version: str) -> str:
    sources = [sha256_of(file) for file in SOURCES]
    return f"{host.arch}-{_digest(sources, version, sorted(host.isa))}"


def _measure(program: Path, cpus: Sequence[int], host: Host) -> Peak:
    """Measures until the rounds agree, a few times at most; the best counts."""
    peak = measure_peak(program, cpus, host)
    for _ in range(_REPETITIONS):
        if peak.steady:
            break
        peak = peak.merged(measure_peak(program, cpus, host))
    return peak


def _build(compiler: Compiler, target: Path, host: Host, progress: Progress) -> None:
    """Builds the program; without its tests of AMX where the compiler fails on those alone."""
    try:
        _compile(build_command(compiler.words, target, host.arch))
    except EngineError as error:
        if not _TILES & host.isa:
            raise
        _compile(build_command(compiler.words, target, host.arch, tiles=False))
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


def _compiler() -> Compiler:
    return compiler_of(os.environ, "the machine's peak is not known")


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _forget_other_boots(store: Store, machine: str, epoch: str) -> None:
    """Removes what was measured on this machine before it booted last."""
    for entry in store.entries():
        older = entry.key.startswith(f"{machine}-") and not entry.key.startswith(f"{epoch}-")
        if entry.kind == _PEAKS and older:
            store.remove(entry.kind, entry.key)


def _keep(measured: MeasuredPeak, key: str, store: Store, version: str) -> None:
    def make(folder: Path) -> None:
        (folder / _FILE).write_bytes(msgspec.json.encode(measured))

    store.produce(_PEAKS, key, make, {"source": f"{SOURCES[0].name}, {version}"})


def _read(file: Path) -> MeasuredPeak | None:
    """Returns what was measured, None where the file is damaged: measuring takes a second."""
    from r50bench.results.reading import checked_json, read_bounded

    try:
        return checked_json(read_bounded(file), MeasuredPeak)
    except (ValueError, OSError, UsageError):
        return None
