"""What the sockets and their memory draw, as the kernel counts it in microjoules.

RAPL through powercap, which AMD's processors have under Intel's name too (Linux,
Documentation/power/powercap/powercap.rst); else a driver of hwmon that counts by socket
(Documentation/hwmon/sysfs-interface.rst). RAPL may be read by root alone, unless an administrator
allows more: what may not be read is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.host.kernel_files import names_in, read_int, read_text

__all__ = ["EnergyCounter", "energy_counters", "joules_between", "read_energy_uj"]

_POWERCAP, _HWMON = "/sys/class/powercap", "/sys/class/hwmon"
_ZONE = re.compile(r"intel-rapl:(\d+)(:\d+)?")
# Zones that do not contain one another: a package has its cores in it, and not its memory; psys,
# the platform, would have both.
_PACKAGE, _MEMORY = "package-", "dram"
_LABEL = re.compile(r"(energy\d+)_label")
_OF_A_SOCKET = re.compile(r"e?(socket|package|soc)[ _-]?\d*", re.IGNORECASE)
# Twice what the largest sockets are built for: a counter that could have gone round more than once
# at this power tells nothing.
_MOST_W = 1000.0


@dataclass(frozen=True)
class EnergyCounter:
    """A file of microjoules that only rises, and begins again after ``range_uj``, where that is.

    ``name`` is such as ``RAPL package-0``, ``path`` as the kernel documents it.
    """

    name: str
    path: str
    range_uj: int | None = None


def energy_counters(root: Path = Path("/")) -> tuple[EnergyCounter, ...]:
    """Returns the counters that together are the sockets and their memory, below ``root``.

    None where there are none, or one of them may not be read: a part would pass for the whole.
    """
    for counters in (tuple(_of_powercap(root)), tuple(_of_hwmon(root))):
        if counters and read_energy_uj(counters, root) is not None:
            return counters
    return ()


def read_energy_uj(
    counters: Sequence[EnergyCounter], root: Path = Path("/")
) -> tuple[int, ...] | None:
    """Returns what the counters show now, in their order; None where one cannot be read."""
    shown = [read_int(root, counter.path) for counter in counters]
    known = tuple(value for value in shown if value is not None)
    return known if len(known) == len(shown) else None


def joules_between(
    counters: Sequence[EnergyCounter],
    before: Sequence[int],
    after: Sequence[int],
    seconds: float,
) -> float | None:
    """Returns what was drawn between two readings that lie ``seconds`` apart, over all counters.

    None where a counter fell without a range to go round, or may have gone round more than once.
    """
    total_uj = 0
    for counter, first, last in zip(counters, before, after, strict=True):
        drawn = last - first
        if counter.range_uj is not None:
            if seconds * _MOST_W * 1e6 >= counter.range_uj:
                return None
            drawn += counter.range_uj if drawn < 0 else 0
        if drawn < 0:
            return None
        total_uj += drawn
    return total_uj / 1e6


def _of_powercap(root: Path) -> Iterator[EnergyCounter]:
    for folder in names_in(root, _POWERCAP):
        zone = _ZONE.fullmatch(folder)
        name = read_text(root, f"{_POWERCAP}/{folder}/name") or ""
        if zone is not None and (name.startswith(_PACKAGE) or name == _MEMORY):
            yield EnergyCounter(
                f"RAPL {name}" if name != _MEMORY else f"RAPL {name}-{zone[1]}",
                f"{_POWERCAP}/{folder}/energy_uj",
                read_int(root, f"{_POWERCAP}/{folder}/max_energy_range_uj"),
            )


def _of_hwmon(root: Path) -> Iterator[EnergyCounter]:
    for folder in names_in(root, _HWMON):
        driver = read_text(root, f"{_HWMON}/{folder}/name") or folder
        for file in names_in(root, f"{_HWMON}/{folder}"):
            channel = _LABEL.fullmatch(file)
            label = read_text(root, f"{_HWMON}/{folder}/{file}") if channel else None
            if channel and label and _OF_A_SOCKET.fullmatch(label):
                path = f"{_HWMON}/{folder}/{channel[1]}_input"
                yield EnergyCounter(f"{driver} {label}", path)
