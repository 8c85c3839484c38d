"""The batches of an instance: rotation, real pictures, the last batch filled up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.measure.feed import batches_to_score, ring_of_batches
from r50bench.measure.inputs import PICTURE_BYTES, ring_pictures
from r50bench.measure.protocol import FeedSpec


class EchoRunner:
    """Hands back what it is given."""

    def prepare(self, batch):
        return np.array(batch)


@given(batch_size=st.integers(1, 512), l3_bytes=st.integers(1 << 20, 128 << 20))
def test_the_ring_is_whole_batches_and_twice_the_last_level_cache(batch_size, l3_bytes):
    count = ring_pictures(batch_size, l3_bytes)
    assert count % batch_size == 0
    assert count >= 2 * batch_size
    assert count * PICTURE_BYTES >= 2 * l3_bytes


def test_a_huge_cache_does_not_make_a_huge_ring():
    assert ring_pictures(8, 1 << 30) == 1024


def test_a_ring_holds_no_more_batches_than_the_pictures_there_are_fill_but_two_at_least():
    assert ring_pictures(1, 1 << 25, 20) == 20
    assert ring_pictures(16, 1 << 25, 20) == 32
    assert ring_pictures(64, 1 << 25, 20) == 128


def spec(pictures, batch_size, ring):
    return FeedSpec(
        pictures=str(pictures) if pictures else None,
        convention="torchvision",
        seed=1,
        batch_size=batch_size,
        ring_pictures=ring,
    )


def test_dummy_batches_are_the_same_again_and_differ_by_instance():
    feed = spec(None, 2, 4)
    first = ring_of_batches(feed, EchoRunner(), 0)
    assert [batch.shape for batch in first] == [(2, 3, 224, 224)] * 2
    assert all(
        np.array_equal(a, b)
        for a, b in zip(first, ring_of_batches(feed, EchoRunner(), 0), strict=True)
    )
    assert not np.array_equal(first[0], ring_of_batches(feed, EchoRunner(), 1)[0])


@pytest.fixture
def five_pictures(tmp_path):
    path = tmp_path / "pictures.npy"
    values = np.arange(5, dtype=np.uint8)[:, None, None, None]
    np.save(path, np.broadcast_to(values, (5, 224, 224, 3)).copy())
    return path


def test_real_pictures_fill_the_ring_by_starting_over(five_pictures):
    batches = ring_of_batches(spec(five_pictures, 2, 6), EchoRunner(), 0)
    reds = [float(picture[0, 0, 0]) for batch in batches for picture in batch]
    assert len(reds) == 6
    assert reds[0] == reds[5]
    assert len(set(reds)) == 5


def test_the_last_batch_is_filled_but_only_real_pictures_are_named(five_pictures):
    scored = list(batches_to_score(spec(five_pictures, 2, 4), (1, 4)))
    assert [indices for indices, _ in scored] == [[1, 2], [3]]
    assert [batch.shape for _, batch in scored] == [(2, 3, 224, 224)] * 2
