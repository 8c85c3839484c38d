"""The limit of a case's cores: measured once per boot, kept in the store, found again in 10 ms."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from r50bench.assets.store import Store, sha256_of
from r50bench.errors import AssetError, EngineError, UsageError
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
from r50bench.host.toolchain import Compiler, compiler_of, find_compiler
from r50bench.host.topology import Host
from r50bench.notices import Progress
from r50bench.results.record import Limit

__all__ = ["MeasuredPeak", "ensure_peak", "limit_of", "peak_program"]

_PROGRAMS, _PEAKS = "peak-programs", "peaks"
_PROGRAM, _FILE = "peak_kernel", "peak.json"
_PURPOSE = "the machine's peak is not known"
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
    builder = _builder(host, store)
    boot = read_text(root, "/proc/sys/kernel/random/boot_id")
    machine = _digest(fingerprint(root), host.model_name, sorted(host.isa))[:8]
    epoch = f"{machine}-{_digest(boot)[:8]}"
    key = f"{epoch}-{_digest(builder.key, list(cpus))}"
    found = store.find(_PEAKS, key) if boot else None
    if found is not None:
        if (kept := _read(found / _FILE)) is not None:
            return kept
        store.remove(_PEAKS, key)
    program = _program(builder, host, store, progress)
    progress.phase("measuring the peak of the cores")
    peak = _measure(program, cpus, host)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    measured = MeasuredPeak(peak, now)
    if not peak.steady:
        progress.note("the machine was not at rest when its peak was measured; it will be again")
    elif boot:
        with suppress(AssetError):  # of an image's or another user's, which can only be read
            _forget_other_boots(store, machine, epoch)
            _keep(measured, key, store, builder.version)
    return measured


@dataclass(frozen=True)
class _Builder:
    """Who built the program, or will: ``key`` is its entry's in the store.

    ``compiler`` is None where there is none here and the program of another one is kept.
    """

    key: str
    version: str
    compiler: Compiler | None


def _builder(host: Host, store: Store) -> _Builder:
    stem = f"{host.arch}-{_digest([sha256_of(file) for file in SOURCES], sorted(host.isa))}"
    if find_compiler(os.environ) is None:
        kept = store.newest(_PROGRAMS, stem)
        if kept is not None:
            return _Builder(kept.key, str(kept.source.get("compiler", "")), None)
    compiler = compiler_of(os.environ, _PURPOSE)
    return _Builder(f"{stem}-{compiler.digest}", compiler.version, compiler)


def peak_program(host: Host, store: Store, progress: Progress) -> Path:
    """Returns the program that :func:`.measure_peak` runs, built where it is not kept already.

    Without a compiler it is what another one has built.

    Raises:
        EngineError: there is neither, or the compiler cannot build the program.
    """
    return _program(_builder(host, store), host, store, progress)


def _program(builder: _Builder, host: Host, store: Store, progress: Progress) -> Path:
    if (kept := store.find(_PROGRAMS, builder.key)) is not None:
        return kept / _PROGRAM
    compiler = builder.compiler or compiler_of(os.environ, _PURPOSE)  # what was kept is gone

    def make(folder: Path) -> None:
        progress.phase("building the program that measures the peak")
        _build(compiler, folder / _PROGRAM, host, progress)

    source = ", ".join(f"{file.name}, sha256 {sha256_of(file)}" for file in SOURCES)
    provenance = {"source": source, "compiler": builder.version}
    return store.produce(_PROGRAMS, builder.key, make, provenance, progress) / _PROGRAM


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
