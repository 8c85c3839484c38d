"""Reads the kernel's text files in /proc and /sys, below a root that a test can bring."""

from __future__ import annotations

from pathlib import Path

__all__ = ["parse_cpu_list", "read_int", "read_text", "read_words"]


def read_text(root: Path, path: str) -> str | None:
    """Returns a file's text without surrounding whitespace, or None where it cannot be read.

    ``path`` is as the kernel documents it, such as ``/proc/meminfo``; it is taken below ``root``.
    """
    try:
        return (root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(root: Path, path: str) -> int | None:
    """Returns a file's only number, or None where it is absent or something else."""
    text = read_text(root, path)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def read_words(root: Path, path: str) -> list[str]:
    """Returns a file's words, none where it cannot be read."""
    return (read_text(root, path) or "").split()


def parse_cpu_list(text: str) -> frozenset[int]:
    """Reads the kernel's list format, such as ``0-3,8,10-11``; an empty text is the empty set.

    Raises:
        ValueError: the text is no such list.
    """
    numbers: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)
