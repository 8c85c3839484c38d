"""Two runs on the same cores know of each other; a dead one is forgotten."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from r50bench.measure.bring_up import occupy

LOOK = "from r50bench.measure.bring_up import occupy\nwith occupy([0]) as o: print(*o())"
HOLD = (
    "import sys, time; from r50bench.measure.bring_up import occupy\n"
    "with occupy([1, 2]) as others:\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


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
