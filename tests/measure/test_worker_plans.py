"""Plans for workers: who runs which slot, who scores which pictures."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from r50bench.measure.worker_plans import shares


@given(pictures=st.integers(0, 50_000), instances=st.integers(1, 512))
def test_shares_cover_every_picture_once_and_differ_by_one_at_most(pictures, instances):
    ranges = shares(pictures, instances)
    assert len(ranges) == instances
    assert ranges[0][0] == 0
    assert ranges[-1][1] == pictures
    assert all(left[1] == right[0] for left, right in itertools.pairwise(ranges))
    sizes = [end - first for first, end in ranges]
    assert max(sizes) - min(sizes) <= 1
