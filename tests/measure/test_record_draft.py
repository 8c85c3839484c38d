"""A run's folder appears whole or not at all, and workers' answers are taken only whole."""

from __future__ import annotations

import errno
import fcntl
import os

import numpy as np
import pytest

from r50bench.errors import UsageError, WorkerFailed
from r50bench.measure.protocol import Contention, Measured, Predicted, Timing
from r50bench.measure.record_draft import (
    RunFolder,
    lost_cpu_share,
    others_cpus,
    predictions_of,
    samples_of,
    slowdown,
)


def test_a_folder_that_is_kept_takes_its_final_name(tmp_path):
    with RunFolder(tmp_path / "runs", "one") as folder:
        (folder.path / "record.json").write_text("{}")
        assert not folder.final.exists()
        final = folder.keep()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]
    assert (final / "record.json").read_text() == "{}"


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def interrupted():
        with RunFolder(tmp_path, "one") as folder:
            (folder.path / "samples.csv").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_around_it_goes_with_it_where_it_was_made_for_it_and_is_empty(tmp_path):
    with RunFolder(tmp_path / "runs", "one"):
        pass
    assert list(tmp_path.iterdir()) == []
    with RunFolder(tmp_path / "runs", "one"), RunFolder(tmp_path / "runs", "two") as other:
        other.keep()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["two"]
    with RunFolder(tmp_path / "runs", "three"):
        (tmp_path / "runs" / "two").rmdir()
    assert (tmp_path / "runs").is_dir()


def test_what_a_killed_run_left_is_swept_and_a_living_ones_folder_is_not(tmp_path):
    dead = tmp_path / ".unfinished-dead"
    dead.mkdir()
    with RunFolder(tmp_path, "living") as living:
        for folder in (dead, living.path):
            os.utime(folder, (0, 0))
        with RunFolder(tmp_path, "next"):
            assert living.path.exists()
            assert not dead.exists()


def test_a_place_that_is_a_file_is_refused_with_the_mend(tmp_path):
    (tmp_path / "runs").write_text("")
    with (
        pytest.raises(UsageError, match="cannot write runs") as caught,
        RunFolder(tmp_path / "runs", "one"),
    ):
        pass
    assert "--out" in caught.value.hint


def test_a_place_that_refuses_a_lock_keeps_the_run_and_says_so(tmp_path, monkeypatch):
    def denied(*arguments):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", denied)
    with RunFolder(tmp_path, "one") as folder:
        assert [notice.code for notice in folder.notices] == ["no-locks"]
        folder.keep()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_place_that_refuses_otherwise_is_left_as_it_was(tmp_path, monkeypatch):
    def denied(*arguments):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(fcntl, "flock", denied)
    with pytest.raises(UsageError, match="cannot write runs"), RunFolder(tmp_path, "one"):
        pass
    assert list(tmp_path.iterdir()) == []


def measured(*timings):
    return Measured(tuple(Timing(*timing) for timing in timings))


def test_samples_keep_round_instance_step_and_stamps():
    rounds = [
        [measured((0, [10, 20], [19, 30])), measured((1, [11, 22], [21, 33]))],
        [measured((0, [50, 60], [59, 70])), measured((1, [51, 62], [61, 73]))],
    ]
    samples = samples_of(rounds, batch_size=8, steps=2)
    assert samples.round.tolist() == [0, 0, 1, 1] * 2
    assert samples.instance.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert samples.step.tolist() == [0, 1] * 4
    assert samples.start_ns.tolist() == [10, 20, 50, 60, 11, 22, 51, 62]
    assert samples.end_ns.tolist() == [19, 30, 59, 70, 21, 33, 61, 73]
    assert samples.images.tolist() == [8] * 8


def test_an_instance_that_answers_short_is_named():
    with pytest.raises(WorkerFailed, match="instance 1 answered 1 batches of 2"):
        samples_of([[measured((0, [1, 2], [2, 3]), (1, [1], [2]))]], batch_size=1, steps=2)


def test_the_lost_share_is_that_of_the_worker_worst_off_over_all_rounds():
    def rounds(*of_each):
        return [[Measured((), Contention(lost_ns, 100)) for lost_ns in one] for one in of_each]

    assert lost_cpu_share(rounds([1, 5], [0, 7])) == 12 / 200
    assert lost_cpu_share(rounds([0])) == 0
    assert lost_cpu_share(rounds([1, None])) is None
    assert lost_cpu_share([]) is None


ROW = (7, 1, 2, 3, 4)
OTHER = (5, 7, 2, 3, 4)


def test_the_slowdown_is_that_of_half_the_batches_against_the_fastest_tenth():
    def of(*latencies_ms):
        ends = np.cumsum(latencies_ms) * 1_000_000
        starts = [0, *ends[:-1]]
        return samples_of([[measured((0, [*map(int, starts)], [*map(int, ends)]))]], 1, len(ends))

    assert slowdown(of(*[10] * 20)) == 1
    assert slowdown(of(*[10] * 5, *[30] * 15)) == 3
    assert slowdown(of(*[10] * 19, 500)) == 1  # one hiccup is none
    assert slowdown(of(*[10] * 5, *[30] * 5)) is None  # too few to say


def watched(wall_s, own_s, busy_s):
    busy_ns = None if busy_s is None else round(busy_s * 1e9)
    return Measured((), Contention(0, round(wall_s * 1e9), round(own_s * 1e9), busy_ns))


def test_others_have_what_the_machine_worked_and_no_worker_did():
    # Two workers of 1 CPU each; a compiler of 1.5 CPUs beside the second round alone.
    rounds = [[watched(2, 2, 4), watched(2, 2, 4)], [watched(2, 2, 7), watched(2, 2, 7.1)]]
    assert others_cpus(rounds) == 0.75
    assert others_cpus(rounds[:1]) == 0


def test_others_are_unknown_where_the_kernel_does_not_say_or_the_look_was_too_short():
    assert others_cpus([[watched(2, 1, None)]]) is None
    assert others_cpus([[watched(0.1, 0.1, 0.3)]]) is None
    assert others_cpus([]) is None


def test_predictions_come_back_in_the_order_of_the_data_set():
    answers = [Predicted([2], [OTHER]), Predicted([0, 1], [ROW, OTHER])]
    found = predictions_of(answers, ("a", "b", "c"), (7, 7, 1))
    assert found.top5 == (ROW, OTHER, OTHER)
    assert found.counts() == (3, 1, 2)


@pytest.mark.parametrize(
    "answers",
    [
        [Predicted([0], [ROW])],
        [Predicted([0, 0], [ROW, ROW])],
        [Predicted([0, 1], [ROW, ROW]), Predicted([1], [ROW])],
        [Predicted([0, 2], [ROW, ROW])],
    ],
)
def test_every_picture_must_be_answered_exactly_once(answers):
    with pytest.raises(WorkerFailed, match="pictures were answered"):
        predictions_of(answers, ("a", "b"), (7, 7))
