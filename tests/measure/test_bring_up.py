"""Plans for workers: who runs which slot, who scores which pictures; runs that share a core."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from r50bench.case import Slot
from r50bench.engines.base import EngineSpec
from r50bench.measure.bring_up import shares, unbound
from r50bench.measure.protocol import FeedSpec, Loaded, WorkerPlan


@given(pictures=st.integers(0, 50_000), instances=st.integers(1, 512))
def test_shares_cover_every_picture_once_and_differ_by_one_at_most(pictures, instances):
    ranges = shares(pictures, instances)
    assert len(ranges) == instances
    assert ranges[0][0] == 0
    assert ranges[-1][1] == pictures
    assert all(left[1] == right[0] for left, right in itertools.pairwise(ranges))
    sizes = [end - first for first, end in ranges]
    assert max(sizes) - min(sizes) <= 1


def test_binding_that_was_meant_and_is_not_is_said():
    engine = EngineSpec("torch", "cpu", "avx_fp32", "v1", "caffe", "random:1", 1, 2)
    feed = FeedSpec(None, "caffe", 1, 1, 2)
    plan = WorkerPlan(0, (Slot(0, (0, 1), (0,)),), engine, feed, 1, 1, True)
    bound = Loaded("torch", ((0, 1),), (0,), True, {}, 0.1, 0.1)
    loose = Loaded("torch", ((0, 1),), (), False, {}, 0.1, 0.1)
    assert unbound([plan], [bound]) == ()
    codes = [notice.code for notice in unbound([plan], [loose])]
    assert codes == ["memory-unbound", "threads-unbound"]
