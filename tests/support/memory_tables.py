"""Memory devices as the firmware's tables (SMBIOS 3.7, 7.18) have them."""

from __future__ import annotations

import struct

__all__ = ["device"]


def device(
    locator: str, bank: str = "", *, size: int = 32768, rated: int = 4800, now: int = 0
) -> bytes:
    """A structure of type 17 as far as its configured speed."""
    fields = bytearray(0x28)
    fields[0:4] = struct.pack("<BBH", 17, len(fields), 1)
    struct.pack_into("<H", fields, 0x0C, size)
    fields[0x10], fields[0x11] = 1, 2 if bank else 0
    struct.pack_into("<H", fields, 0x15, rated)
    struct.pack_into("<H", fields, 0x20, now or rated)
    strings = b"\0".join(text.encode() for text in (locator, bank) if text)
    return bytes(fields) + strings + b"\0\0"
