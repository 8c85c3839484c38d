"""The memory modules that the firmware tells of, as ``dmidecode`` shows them to root.

Read from the kernel's copy of its tables (SMBIOS 3.7, DSP0134, 7.18: memory devices), so that no
program is needed. Boards name their slots as they like; where the names do not say which channel a
slot is on, nothing is said of channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r50bench.notices import Notice

__all__ = ["MemoryModules", "Slot", "examine_modules", "read_memory_modules"]

_TABLES = "sys/firmware/dmi/tables/DMI"
_MOST_BYTES, _MOST_STRUCTURES = 1 << 20, 4096
"""Large servers have some 10 KB in some 200 structures."""

_HEADER = 4
_MEMORY_DEVICE, _END = 17, 127
# Offsets in a memory device.
_SIZE, _LOCATOR, _BANK, _SPEED, _CONFIGURED = 0x0C, 0x10, 0x11, 0x15, 0x20

_SOCKET = re.compile(r"(?:CPU|PROC|SOCKET|NODE|P)[ _-]?(\d{1,2})", re.I)
_CHANNEL = re.compile(r"CH(?:ANNEL)?[ _-]?([A-P]|\d{1,2})(?![A-Z0-9])", re.I)
_LETTERED = re.compile(r"(?:^|[ _-])(?:DIMM[ _-]?)?([A-P])[ _-]?[0-3]$", re.I)


@dataclass(frozen=True)
class Slot:
    """A place for a module: ``channel`` is its socket and channel, None where its name tells none.

    ``rated`` and ``configured`` are MT/s, None where unknown or without a module.
    """

    channel: tuple[str, str] | None
    filled: bool
    rated: int | None
    configured: int | None


@dataclass(frozen=True)
class MemoryModules:
    """All slots of a machine; at least one holds a module."""

    slots: tuple[Slot, ...]

    @property
    def channels(self) -> tuple[int, int] | None:
        """How many channels have a module, and how many there are; None where nobody can tell."""
        named = [(slot.channel, slot.filled) for slot in self.slots if slot.channel is not None]
        if len(named) < len(self.slots):
            return None
        filled = {channel for channel, has_module in named if has_module}
        return len(filled), len({channel for channel, _ in named})

    @property
    def slowed(self) -> tuple[int, int] | None:
        """The least speed that a module runs at, and the least they are made for, if that is more.

        In MT/s.
        """
        filled = [slot for slot in self.slots if slot.filled]
        rated = [slot.rated for slot in filled if slot.rated]
        configured = [slot.configured for slot in filled if slot.configured]
        if not rated or not configured or min(configured) >= min(rated):
            return None
        return min(configured), min(rated)


def read_memory_modules(root: Path = Path("/")) -> MemoryModules | None:
    """Returns the machine's memory modules; None where the firmware tells this user of none."""
    try:
        with (root / _TABLES).open("rb") as file:
            table = file.read(_MOST_BYTES)
    except OSError:
        return None
    slots = tuple(_slot(*found) for found in _structures(table) if found[0][0] == _MEMORY_DEVICE)
    return MemoryModules(slots) if any(slot.filled for slot in slots) else None


def examine_modules(root: Path = Path("/")) -> Iterator[Notice]:
    """Yields what about the modules costs bandwidth; nothing is said of what is unknown."""
    found = read_memory_modules(root)
    if found is None:
        return
    if found.channels is not None and found.channels[0] < found.channels[1]:
        filled, channels = found.channels
        yield Notice(
            "memory-channels",
            f"{filled} of {channels} memory channels have a module: the bandwidth is at most"
            f" {100 * filled / channels:.0f} % of what the board can have",
            "a module on every channel, all alike",
        )
    if found.slowed is not None:
        now, rated = found.slowed
        yield Notice(
            "memory-speed",
            f"memory runs at {now} MT/s, and the modules are made for {rated}",
            "the firmware's memory frequency, and one module a channel where two slow it down",
        )


def _structures(table: bytes) -> Iterator[tuple[bytes, list[str]]]:
    """Yields each structure's fields and its strings, as far as the table is whole."""
    at = 0
    for _ in range(_MOST_STRUCTURES):
        if at + _HEADER > len(table) or table[at] == _END:
            return
        end = at + table[at + 1]
        behind = table.find(b"\0\0", end)
        if end < at + _HEADER or behind < 0:
            return
        strings = [part.decode("ascii", "replace") for part in table[end:behind].split(b"\0")]
        yield table[at:end], strings
        at = behind + 2


def _slot(fields: bytes, strings: list[str]) -> Slot:
    filled = _word(fields, _SIZE) not in (None, 0, 0xFFFF)
    names = [_string(fields, strings, at) for at in (_BANK, _LOCATOR)]
    speeds = (_word(fields, _SPEED), _word(fields, _CONFIGURED)) if filled else (None, None)
    rated, configured = (speed if speed not in (0, 0xFFFF) else None for speed in speeds)
    return Slot(_channel(names), filled, rated, configured)


def _channel(names: list[str]) -> tuple[str, str] | None:
    channel = next(
        (
            match[1].upper()
            for pattern in (_CHANNEL, _LETTERED)
            for name in names
            if (match := pattern.search(name.strip()))
        ),
        None,
    )
    if channel is None:
        return None
    socket = next((match[1] for name in names if (match := _SOCKET.search(name))), "")
    return socket, channel


def _word(fields: bytes, at: int) -> int | None:
    return int.from_bytes(fields[at : at + 2], "little") if at + 2 <= len(fields) else None


def _string(fields: bytes, strings: list[str], at: int) -> str:
    number = fields[at] if at < len(fields) else 0
    return strings[number - 1] if 0 < number <= len(strings) else ""
