"""What becomes of the accuracy log on its way into a submission."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from r50bench.mlperf.submission.accuracy_log import MOST_SUBMITTED_BYTES, hash_line, truncated


@given(size=st.integers(0, 40_000))
def test_a_truncated_log_is_never_taken_for_a_whole_one(size: int) -> None:
    log = bytes(at % 251 for at in range(size))
    kept = truncated(log)
    assert len(kept) <= MOST_SUBMITTED_BYTES
    if size < 4096:
        assert kept == log
    else:
        assert kept.startswith(log[:4096])
        assert kept.endswith(log[-4096:])
        assert b"\n\n...\n\n" in kept


def test_the_hash_is_of_the_bytes_as_they_were() -> None:
    assert hash_line(b"abc") == f"hash={hashlib.sha256(b'abc').hexdigest()}\n"
