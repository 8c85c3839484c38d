"""Plans for workers: who runs which slot, who scores which pictures; runs that share a core."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.case import Slot
from r50bench.engines.base import EngineSpec
from r50bench.measure.bring_up import occupy, shares, unbound
from r50bench.measure.protocol import FeedSpec, Loaded, WorkerPlan

LOOK = "from r50bench.measure.bring_up import occupy\nwith occupy([0]) as o: print(*o())"
HOLD = (
    "import sys, time; from r50bench.measure.bring_up import occupy\n"
    "with occupy([1, 2]) as others:\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


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


@pytest.fixture
def other_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()
    monkeypatch.setattr("tempfile.tempdir", None)


def test_a_run_on_a_shared_core_is_named(other_run):
    with occupy([0, 1]) as others:
        (notice,) = others()
    assert notice.code == "shared-cores"
    assert f"another r50bench run (pid {other_run.pid}) is measuring on CPU 1" in notice.text


def test_a_run_on_other_cores_is_not(other_run):
    with occupy([0, 3]) as others:
        assert others() == ()


def test_a_run_that_was_killed_is_forgotten(other_run):
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    with occupy([1, 2]) as others:
        assert others() == ()


def test_cores_are_free_again_after_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with occupy([0]):
        pass
    assert list((tmp_path / "r50bench-occupancy").iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", None)


def test_a_session_that_ends_leaves_those_beside_it_in_sight(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with occupy([0]) as others:
        with occupy([0]) as beside:
            assert (others(), beside()) == ((), ())
        seen = subprocess.run(
            [sys.executable, "-c", LOOK], capture_output=True, text=True, check=True
        )
    assert "is measuring on CPU 0" in seen.stdout
    monkeypatch.setattr("tempfile.tempdir", None)
