"""Batches that need no copy: what is sorted stays what was asked."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from r50bench.measure.loads.loadgen.batching import order_in_runs
from r50bench.measure.loads.loadgen.qsl import SampleLibrary
from r50bench.measure.protocol import FeedSpec


def is_run(rows, loaded):
    return all(
        (after - before) % loaded == 1 % loaded for before, after in itertools.pairwise(rows)
    )


@given(
    loaded=st.integers(1, 40),
    draws=st.lists(st.integers(0, 10**6), min_size=1, max_size=300),
    size=st.integers(1, 20),
)
def test_every_sample_is_in_one_batch_and_runs_come_first(loaded, draws, size):
    rows = np.array(draws, np.int64) % loaded
    order, count = order_in_runs(rows, loaded, size)
    assert sorted(order.tolist()) == list(range(len(rows)))
    batches = [rows[order[at : at + size]].tolist() for at in range(0, len(rows), size)]
    assert all(is_run(batch, loaded) and len(batch) == size for batch in batches[:count])
    if size == 1:
        assert count == len(rows)


def test_most_of_what_loadgen_draws_needs_no_copy():
    rows = np.random.default_rng(1).integers(0, 1024, 200_000)
    _, runs = order_in_runs(rows, 1024, 16)
    assert runs * 16 / len(rows) > 0.85


def test_a_batch_holds_the_pictures_asked_for_wherever_they_lie(tmp_path):
    pictures = np.random.default_rng(2).integers(0, 256, (9, 224, 224, 3), dtype=np.uint8)
    np.save(tmp_path / "pictures.npy", pictures)
    feed = FeedSpec(str(tmp_path / "pictures.npy"), "torchvision", 1, 4, 4)
    library = SampleLibrary(feed, 9)
    library.load([8, 2, 5, 7, 0])
    room = np.zeros((4, 224, 224, 3), np.float32)
    alone = {index: library.pictures[library.rows_of([index])[0]] for index in (8, 2, 5, 7, 0)}
    assert len({picture.tobytes() for picture in alone.values()}) == 5
    for asked in ([8, 2, 5, 7], [7, 0, 8, 2], [2, 8, 0, 7], [0, 8], [5, 5, 5]):
        library.copy(library.rows_of(asked), room)
        for row, index in enumerate(asked):
            np.testing.assert_array_equal(room[row].transpose(2, 0, 1), alone[index])
    behind_the_last_row = library.pictures[3:7]
    for row, index in enumerate([7, 0, 8, 2]):
        np.testing.assert_array_equal(behind_the_last_row[row], alone[index])
