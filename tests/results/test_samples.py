from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import RunFailed, UsageError
from r50bench.results.record import write_record
from r50bench.results.samples import (
    Samples,
    read_measured,
    read_samples,
    samples_of,
    write_samples,
)
from support.records import record_of, samples_of_latencies

HEADER = "round,instance,step,start_ns,end_ns,images\n"


def rows(*values: tuple[int, int, int, int, int, int]) -> Samples:
    return Samples(*np.array(values, dtype=np.int64).T)


@given(
    latencies=st.lists(st.lists(st.floats(0, 1e3), min_size=1, max_size=5), min_size=1, max_size=4),
    rounds=st.integers(1, 3),
)
def test_samples_read_back_as_they_were_written(
    latencies: list[list[float]], rounds: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = samples_of_latencies(latencies, rounds=rounds)
    path = tmp_path_factory.mktemp("samples") / "samples.csv"
    sha256 = write_samples(samples, path)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    again = read_samples(path, sha256)
    for column in ("round", "instance", "step", "start_ns", "end_ns", "images"):
        assert np.array_equal(getattr(again, column), getattr(samples, column))


def test_the_file_is_one_line_a_batch_under_a_header(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    write_samples(rows((0, 1, 0, 5, 9, 8), (0, 0, 0, 4, 10, 8)), path)
    assert path.read_text() == HEADER + "0,0,0,4,10,8\n0,1,0,5,9,8\n"


def test_parts_of_several_workers_join_in_the_order_of_instances() -> None:
    joined = Samples.joined([rows((0, 1, 0, 5, 9, 8)), rows((0, 0, 0, 4, 10, 8))])
    assert joined.instance.tolist() == [0, 1]
    assert joined.latency_ns.tolist() == [6, 4]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([(0, 0, 0, 9, 5, 8)], "step 0 of instance 0 in round 0 ends before it starts"),
        ([(0, 0, 0, 5, 9, 0)], "holds no picture"),
        ([(0, 0, 0, 0, 5, 8), (0, 0, 0, 5, 9, 8)], "occurs twice"),
        ([(0, 0, 0, 0, 5, 8), (0, 0, 1, 4, 9, 8)], "step 1 .* before the batch before it"),
        ([(0, 0, 0, 50, 60, 8), (1, 0, 0, 0, 9, 8)], "round 1 starts before the batch before"),
        (
            [(0, 0, 0, 0, 5, 8), (0, 1, 0, 0, 5, 8), (1, 0, 0, 6, 9, 8)],
            "instance 1 is missing from round 1",
        ),
    ],
)
def test_stamps_that_cannot_be_of_a_run_are_refused(
    values: list[tuple[int, int, int, int, int, int]], complaint: str
) -> None:
    with pytest.raises(RunFailed, match=complaint):
        rows(*values)


def test_columns_of_other_shapes_or_types_are_refused() -> None:
    one, two = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
    with pytest.raises(RunFailed, match="differ in length"):
        Samples(one, one, two, one, one, one)
    with pytest.raises(RunFailed, match="start_ns is no row of integers"):
        Samples(one, one, one, one.astype(np.float64), one, one)
    none = one[:0]
    with pytest.raises(RunFailed, match="nothing was timed"):
        Samples(none, none, none, none, none, none)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "first line"),
        ("round,step\n1,2\n", "first line"),
        (HEADER.strip(), "first line"),
        (HEADER, "no rows"),
        (HEADER + "0,0,0,4,10,8\n0,1,0,5,9", "last line is cut short"),
        (HEADER + "0,0,0,4,10,8\n0,1,0,5\n", "damaged"),
        (HEADER + "0,0,0,4,10\n", "5 columns"),
        (HEADER + "0,0,0,4,ten,8\n", "ten"),
        (HEADER + "0,0,0,4,99999999999999999999,8\n", "damaged"),
        (HEADER + "0,0,0,4,1,8\n", "ends before it starts"),
        (HEADER + "\0\0\0\n", "damaged"),
    ],
)
def test_a_damaged_file_is_refused_with_its_path(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text(text)
    with pytest.raises(RunFailed, match=complaint) as caught:
        read_samples(path)
    assert str(path) in caught.value.message


def test_another_file_than_the_record_s_is_refused(tmp_path: Path) -> None:
    write_samples(rows((0, 0, 0, 4, 10, 8)), tmp_path / "samples.csv")
    with pytest.raises(RunFailed, match="sha256"):
        samples_of(record_of(), tmp_path)


def test_a_record_that_timed_nothing_has_no_samples(tmp_path: Path) -> None:
    assert samples_of(record_of("accuracy"), tmp_path) is None


def test_an_invalid_record_is_read_without_what_it_left(tmp_path: Path) -> None:
    left = record_of(reason="worker 1 died")  # which names samples that are not there
    write_record(left, tmp_path)
    assert read_measured(tmp_path) == (left, None)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        samples_of(record_of(), tmp_path)
