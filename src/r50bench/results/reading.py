"""Files read back: regular, bounded, of the shape that is due, and named where they are refused.

What lies on a disk may be cut short, grown, replaced by something else, or made by others. None of
it may cost more than a bounded amount of memory, hang, or hide the files beside it.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, TypeVar

from r50bench.errors import UsageError, system_refusal
from r50bench.results.atomic import from_json
from r50bench.wording import visible

__all__ = ["MOST_JSON_BYTES", "checked_json", "plain_json", "read_bounded", "tail_of"]

MOST_JSON_BYTES = 64 << 20
"""A record of 10,000 workers with their environments is smaller by half."""

_SHOWN_LINE = 500

T = TypeVar("T")


def read_bounded(path: Path, most: int = MOST_JSON_BYTES) -> bytes:
    """Returns the bytes of a regular file that has ``most`` of them at most.

    Raises:
        FileNotFoundError: there is none.
        UsageError: it is no regular file (a FIFO would be waited for), or it is larger.
        RunFailed: the system refuses it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise system_refusal(f"read {path}", error) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is no regular file", hint="remove it, or replace it")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise system_refusal(f"read {path}", error) from error
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise UsageError(
            f"{path} has {found.st_size:,} bytes, where {most:,} are the most that can be right",
            hint="take it from where it was copied, or remove it",
        )
    return data


def plain_json(data: bytes) -> Any:
    """Returns what JSON says, of any shape, with control characters of its texts made visible.

    Line feeds and tabs stay. No text that comes from a file may move the terminal's cursor. UTF-16,
    which PowerShell's ``>`` writes, is understood, and so is a byte-order mark.

    Raises:
        ValueError: it is no JSON, is nested too deep, or is of another encoding.
    """
    import msgspec

    try:
        encoding = json.detect_encoding(data)
        if encoding != "utf-8":
            data = data.decode(encoding).encode()
        return _visible(from_json(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def checked_json(data: bytes, shape: type[T]) -> T:
    """Returns what JSON says, as ``shape``, which msgspec knows how to check.

    Raises:
        ValueError: it is no JSON, or of another shape.
    """
    import msgspec

    try:
        return msgspec.convert(plain_json(data), shape)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def tail_of(path: Path, lines: int, most: int = 64 << 10) -> list[str]:
    """Returns the last lines of a text file, reading ``most`` bytes of it at most.

    Control characters are made visible, and long lines are cut. What cannot be read has no lines.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read(most).decode(errors="replace")
    except OSError:
        return []
    return [visible(line)[:_SHOWN_LINE] for line in text.strip().splitlines()[-lines:]]


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(name): _visible(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_visible(part) for part in value]
    return value
