"""LoadGen's accuracy log in the form in which it is submitted."""

from __future__ import annotations

import hashlib

__all__ = ["MOST_SUBMITTED_BYTES", "hash_line", "truncated"]

# mlcommons/inference, tools/submission/truncate_accuracy_log.py: a log of 4 KiB or more keeps that
# much of either end. The checker takes what is at most 10 KiB for truncated.
_KEPT_BYTES = 4096
_CUT = b"\n\n...\n\n"
MOST_SUBMITTED_BYTES = 10 * 1024


def truncated(log: bytes) -> bytes:
    """Returns the log as it is submitted: its first and last 4 KiB, or all of a shorter one."""
    if len(log) < _KEPT_BYTES:
        return log
    return log[:_KEPT_BYTES] + _CUT + log[-_KEPT_BYTES:]


def hash_line(log: bytes) -> str:
    """Returns the line of accuracy.txt that vouches for the whole log."""
    return f"hash={hashlib.sha256(log).hexdigest()}\n"
