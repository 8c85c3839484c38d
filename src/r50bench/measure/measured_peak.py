"""The limit of a case's cores, as it was measured since the machine booted: found in 10 ms.

Measuring it is :mod:`.peak_program`'s.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from r50bench.assets.store import Store, sha256_of
from r50bench.engines.preparation import Builder, builder_of, digest
from r50bench.errors import AssetError, Unsupported
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.until_reboot import UntilReboot
from r50bench.precision import PRECISIONS
from r50bench.results.record import Limit

__all__ = [
    "SOURCES",
    "MeasuredPeak",
    "bounding_instruction",
    "builder_of_peak",
    "keep_peak",
    "known_peak",
    "limit_of",
]

SOURCES = tuple(
    Path(topology.__file__).with_name(name) for name in ("peak_kernel.cpp", "amx_tiles.h")
)
"""The source of the program that measures, and what that includes; keys name both."""

_PROGRAMS, _PEAKS = "peak-programs", "peaks"


@dataclass(frozen=True)
class MeasuredPeak:
    """What each of ``cpus`` did at most while all were busy, in their order.

    ``rates`` are operations per second by instruction, ``read`` and ``triad`` bytes per second of
    memory. ``missing`` says of other instructions why they have none, as far as that is known.
    ``measured`` is when (UTC, ISO 8601). Rounds agreed where it is ``steady``.
    """

    cpus: tuple[int, ...]
    rates: dict[str, tuple[float, ...]]
    read: tuple[float, ...]
    triad: tuple[float, ...]
    missing: dict[str, str]
    measured: str
    steady: bool = True


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
        steady=measured.steady,
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


def builder_of_peak(host: Host, store: Store) -> Builder:
    """Returns who builds the program of ``host``: this process's compiler, which is no case's.

    Raises:
        EngineError: there is none, and no program that one made.
    """
    stem = f"{host.arch}-{digest([sha256_of(file) for file in SOURCES], sorted(host.isa))}"
    return builder_of(_PROGRAMS, stem, store, os.environ, "the machine's peak is not known")


def known_peak(
    host: Host, cpus: Sequence[int], store: Store, root: Path = Path("/")
) -> MeasuredPeak | None:
    """Returns the peak of ``cpus`` where it was measured since the machine booted.

    Raises:
        EngineError: as :func:`builder_of_peak`, which is part of the key.
    """
    builder = builder_of_peak(host, store)
    return UntilReboot(_PEAKS, MeasuredPeak, store, host, root).find(builder.key, list(cpus))


def keep_peak(measured: MeasuredPeak, host: Host, store: Store, root: Path = Path("/")) -> None:
    """Keeps a peak for :func:`known_peak`, and forgets what was measured before this boot.

    That of a machine that does not tell when it booted is not kept, nor is any in a store that can
    only be read: an image's, or another user's.
    """
    builder = builder_of_peak(host, store)
    kept = UntilReboot(_PEAKS, MeasuredPeak, store, host, root)
    with suppress(AssetError):
        source = f"{SOURCES[0].name}, {builder.version}"
        kept.keep(measured, builder.key, list(measured.cpus), source=source)
