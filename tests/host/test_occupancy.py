"""Runs that measure on the same CPUs are told of each other, whatever lies where they look."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from r50bench.host.occupancy import occupy, others_on
from support.denied_calls import can_deny, denying

LOOK = "from r50bench.host.occupancy import occupy\nwith occupy([0]) as o: print(*o())"
HOLD = (
    "import sys, time; from r50bench.host.occupancy import occupy\n"
    "with occupy([1, 2]) as others:\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


@pytest.fixture(autouse=True)
def _temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def folder_in(tmp_path: Path) -> Path:
    return tmp_path / f"r50bench-{os.getuid()}" / "occupancy"


@pytest.fixture
def other_run():
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_run_on_a_shared_core_is_named(other_run):
    with occupy([0, 1]) as others:
        (notice,) = others()
    assert notice.code == "shared-cores"
    assert f"another r50bench run (pid {other_run.pid}) is measuring on CPU 1" in notice.text


def test_who_looks_without_holding_a_core_is_told_of_others_and_is_not_seen(other_run, tmp_path):
    (found,) = others_on([0, 1])
    assert found.code == "shared-cores"
    assert others_on([0, 3]) == ()
    with occupy([0]) as others:
        assert others() == ()


def test_a_run_on_other_cores_is_not(other_run):
    with occupy([0, 3]) as others:
        assert others() == ()


def test_a_run_that_was_killed_is_forgotten(other_run):
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    with occupy([1, 2]) as others:
        assert others() == ()


def test_cores_are_free_again_after_the_run(tmp_path):
    with occupy([0]):
        pass
    assert list((folder_in(tmp_path)).iterdir()) == []


def test_a_session_that_ends_leaves_those_beside_it_in_sight():
    with occupy([0]) as others:
        with occupy([0]) as beside:
            assert (others(), beside()) == ((), ())
        seen = subprocess.run(
            [sys.executable, "-c", LOOK], capture_output=True, text=True, check=True
        )
    assert "is measuring on CPU 0" in seen.stdout


def test_the_folder_is_for_this_user_alone(tmp_path):
    with occupy([0]):
        folder = folder_in(tmp_path)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        (own,) = folder.iterdir()
        assert own.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["private", "occupancy"])
def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path, place):
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    folder = folder_in(tmp_path)
    if place == "private":
        folder.parent.symlink_to(victim)
    else:
        folder.parent.mkdir(mode=0o700)
        folder.symlink_to(victim)
    with occupy([0]) as others:
        (notice,) = others()
    assert notice.code == "occupancy-unknown"
    assert victim.stat().st_mode & 0o777 == 0o700
    assert list(victim.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    folder = folder_in(tmp_path)
    folder.parent.mkdir(mode=0o700)
    folder.touch()
    with occupy([0]) as others:
        (notice,) = others()
    assert notice.code == "occupancy-unknown"
    assert str(folder) in notice.text


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[1]", b'{"cpus": 3}', b'{"cpus": [[1], "1", null]}', b"[" * 60_000, b"\xff\xfe"],
    ids=repr,
)
def test_a_malformed_entry_of_a_living_process_is_passed_over(tmp_path, other_run, data):
    folder = folder_in(tmp_path)
    (entry,) = folder.iterdir()
    entry.write_bytes(data)
    with occupy([1, 2]) as others:
        assert others() == ()


def test_neither_pipes_nor_links_nor_what_has_other_names_holds_a_run_up(tmp_path):
    with occupy([0]):
        folder = folder_in(tmp_path)
    os.mkfifo(folder / "77-0.json")
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({"cpus": [0]}))
    (folder / "78-0.json").symlink_to(secret)
    (folder / "79-0.json").mkdir()
    (folder / "notes.json").write_text(json.dumps({"cpus": [0]}))
    with (folder / "80-0.json").open("wb") as file:
        file.truncate(1 << 40)
    began = time.monotonic()
    with occupy([0]) as others:
        assert others() == ()
    assert time.monotonic() - began < 1
    assert secret.exists()
    assert (folder / "notes.json").exists()


def test_a_folder_with_entries_without_end_is_not_read_to_its_end(tmp_path):
    with occupy([0]):
        folder = folder_in(tmp_path)
    for number in range(3000):
        (folder / f"junk-{number}").touch()
    with occupy([0]) as others:
        assert others() == ()


def looked_under(calls: str) -> str:
    if not can_deny():
        pytest.skip("the kernel cannot deny calls")
    command = denying(calls, [sys.executable, "-c", LOOK])
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_without_locks_it_is_said_that_process_ids_have_to_do(other_run):
    said = looked_under("flock=ENOLCK")
    assert "known by their process ids alone" in said
    assert "locks are refused (no locks available)" in said
    # Who lives still counts, and CPU 0 is not what the other run has.
    assert "is measuring on" not in said


def test_what_the_system_refuses_is_said_and_costs_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr("r50bench.host.occupancy.private_folder", lambda: None)
    with occupy([0]) as others:
        (notice,) = others()
    assert notice.code == "occupancy-unknown"
    assert "no temporary folder" in notice.text


def test_a_folder_that_may_not_be_written_is_said(tmp_path):
    assert "not known" in looked_under("renameat=EROFS")
