"""The limit of a case's cores, as it was measured since the machine booted: found in 10 ms.

Measuring it is :mod:`.peak_program`'s.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from r50bench.assets.store import Store, sha256_of
from r50bench.errors import AssetError, Unsupported, UsageError
from r50bench.host import topology
from r50bench.host.kernel_files import read_text
from r50bench.host.snapshot import fingerprint
from r50bench.host.toolchain import Compiler, compiler_of, find_compiler
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS
from r50bench.results.record import Limit

__all__ = [
    "PROGRAMS",
    "SOURCES",
    "Builder",
    "MeasuredPeak",
    "bounding_instruction",
    "builder_of",
    "compiler_of_peak",
    "keep_peak",
    "known_peak",
    "limit_of",
]

SOURCES = tuple(
    Path(topology.__file__).with_name(name) for name in ("peak_kernel.cpp", "amx_tiles.h")
)
"""The source of the program that measures, and what that includes; keys name both."""

PROGRAMS = "peak-programs"
"""The kind of the program's entries in the store."""

_KIND, _FILE = "peaks", "peak.json"
_SHAPE = 2  # raise it when what is kept of a peak changes


@dataclass(frozen=True)
class MeasuredPeak:
    """What each of ``cpus`` did at most while all were busy, in their order.

    ``rates`` are operations per second by instruction, ``read`` and ``triad`` bytes per second of
    memory. ``missing`` says of other instructions why they have none, as far as that is known.
    ``measured`` is when (UTC, ISO 8601).
    """

    cpus: tuple[int, ...]
    rates: dict[str, tuple[float, ...]]
    read: tuple[float, ...]
    triad: tuple[float, ...]
    missing: dict[str, str]
    measured: str


def limit_of(measured: MeasuredPeak, precision: str) -> Limit:
    """Returns what a record keeps of a peak.

    Raises:
        Unsupported: as :func:`bounding_instruction`.
    """
    instruction = bounding_instruction(precision, measured.rates, measured.missing)
    return Limit(
        instruction=instruction,
        gop_per_s=sum(measured.rates[instruction]) / 1e9,
        read_gb_per_s=sum(measured.read) / 1e9,
        triad_gb_per_s=sum(measured.triad) / 1e9,
        cpus=measured.cpus,
        measured=measured.measured,
    )


def bounding_instruction(
    precision: str, measured: Collection[str], missing: Mapping[str, str]
) -> str:
    """Returns which of the instructions that were ``measured`` bounds ``precision``.

    ``missing`` is why others have no figure.

    Raises:
        Unsupported: this CPU, or the compiler the program was built with, has no such instruction,
            or it cannot be carried out here.
    """
    wanted = PRECISIONS[precision].peak_instructions
    for name in wanted:
        if name in measured:
            return name
    for name in wanted:
        if name in missing:
            raise Unsupported(
                f"the peak of {precision} is not known: {name} {missing[name]}",
                hint="the other precisions have their peaks",
            )
    raise Unsupported(
        f"the peak of {precision} is not known: this CPU has no {' or '.join(wanted)}",
        hint="the precisions that it runs have their peaks",
    )


@dataclass(frozen=True)
class Builder:
    """Who built the program that measures, or will: ``key`` is its entry's in the store.

    ``compiler`` is None where there is none here and the program of another one is kept.
    """

    key: str
    version: str
    compiler: Compiler | None


def builder_of(host: Host, store: Store) -> Builder:
    """Returns who builds the program of ``host``: this process's compiler, which is no case's.

    Raises:
        EngineError: there is none, and no program that one made.
    """
    stem = f"{host.arch}-{_digest([sha256_of(file) for file in SOURCES], sorted(host.isa))}"
    if find_compiler(os.environ) is None:
        kept = store.newest(PROGRAMS, stem)
        if kept is not None:
            return Builder(kept.key, str(kept.source.get("compiler", "")), None)
    compiler = compiler_of_peak()
    return Builder(f"{stem}-{compiler.digest}", compiler.version, compiler)


def compiler_of_peak() -> Compiler:
    """Returns this process's compiler.

    Raises:
        EngineError: there is none.
    """
    return compiler_of(os.environ, "the machine's peak is not known")


def known_peak(
    host: Host, cpus: Sequence[int], store: Store, root: Path = Path("/")
) -> MeasuredPeak | None:
    """Returns the peak of ``cpus`` where it was measured since the machine booted.

    Raises:
        EngineError: as :func:`builder_of`, which is part of the key.
    """
    key = _key(host, cpus, builder_of(host, store), root)
    found = None if key is None else store.find(_KIND, key)
    if key is None or found is None:
        return None
    kept = _read(found / _FILE)
    if kept is None:
        with suppress(AssetError):
            store.remove(_KIND, key)
    return kept


def keep_peak(measured: MeasuredPeak, host: Host, store: Store, root: Path = Path("/")) -> None:
    """Keeps a peak for :func:`known_peak`, and forgets what was measured before this boot.

    That of a machine that does not tell when it booted is not kept, nor is any in a store that can
    only be read: an image's, or another user's.
    """
    builder = builder_of(host, store)
    key = _key(host, measured.cpus, builder, root)
    if key is None:
        return

    def make(folder: Path) -> None:
        (folder / _FILE).write_bytes(msgspec.json.encode(measured))

    with suppress(AssetError):
        machine, boot, _ = key.split("-")
        for entry in store.entries():
            of_machine = entry.kind == _KIND and entry.key.startswith(f"{machine}-")
            if of_machine and not entry.key.startswith(f"{machine}-{boot}-"):
                store.remove(_KIND, entry.key)
        source = f"{SOURCES[0].name}, {builder.version}"
        store.produce(_KIND, key, make, {"source": source})


def _key(host: Host, cpus: Sequence[int], builder: Builder, root: Path) -> str | None:
    """Returns machine, boot and the rest that decides a peak; None where no boot is told."""
    boot = read_text(root, "/proc/sys/kernel/random/boot_id")
    if not boot:
        return None
    machine = _digest(fingerprint(root), host.model_name, sorted(host.isa))[:8]
    return f"{machine}-{_digest(boot)[:8]}-{_digest(_SHAPE, builder.key, list(cpus))}"


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _read(file: Path) -> MeasuredPeak | None:
    """Returns what was measured, None where the file is damaged: measuring takes a second."""
    from r50bench.results.reading import checked_json, read_bounded

    try:
        return checked_json(read_bounded(file), MeasuredPeak)
    except (ValueError, OSError, UsageError):
        return None
