"""Runs under what sandboxes and containers refuse: a feature less, a notice, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from r50bench.host import topology
from r50bench.results.record import read_record
from support import synthetic_hosts
from support.command_line import Call
from support.compilers import write_compiler
from support.denied_calls import can_deny, denying

RUN = (
    *("run", "inference_throughput_avx_fp32", "--engine", "fake", "--weights", "random"),
    *("--steps", "3", "--out", "out"),
)
Done = subprocess.CompletedProcess
Denied = Callable[..., "Done[str]"]


@pytest.fixture
def denied(fake_environment: dict[str, str], tmp_path: Path) -> Denied:
    """Runs r50bench with system calls denied."""
    if not can_deny():
        pytest.skip("no seccomp filter can be set here")

    def run(calls: str, *args: str, **variables: str) -> Done[str]:
        return subprocess.run(
            denying(calls, [sys.executable, "-m", "r50bench", *args]),
            env=fake_environment | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def codes(folder: Path) -> set[str]:
    (record,) = folder.glob("out/*/record.json")
    return {notice.code for notice in read_record(record.parent).notices}


@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EPERM"])
def test_without_flock_a_run_is_valid_and_the_record_says_what_was_missing(
    denied: Denied, tmp_path: Path, error: str
) -> None:
    done = denied(f"flock={error}", *RUN)
    assert done.returncode == 0, done.stderr
    assert "no-locks" in codes(tmp_path)
    assert [path.name for path in tmp_path.glob("out/.*")] == []


@pytest.mark.parametrize(
    "calls",
    [
        "memfd_create=ENOSYS",
        "memfd_create=EPERM,fallocate=EOPNOTSUPP,set_mempolicy=EPERM",
        "sched_getaffinity=EPERM",
        "fsync=EINVAL",
        "statx=ENOSYS,clone3=ENOSYS",
    ],
)
def test_a_call_that_another_can_stand_in_for_costs_nothing(
    denied: Denied, tmp_path: Path, calls: str
) -> None:
    done = denied(calls, *RUN)
    assert done.returncode == 0, done.stderr
    assert "no-locks" not in codes(tmp_path)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two CPUs to be bound to one")
def test_where_binding_is_refused_the_run_is_invalid_and_says_who_forbids_it(
    denied: Denied, tmp_path: Path
) -> None:
    done = denied("sched_setaffinity=EPERM", *RUN, "--cores-per-instance", "1")
    assert done.returncode == 5
    assert "cannot be bound to CPU" in done.stderr
    assert "a seccomp filter" in done.stderr
    assert "Traceback" not in done.stderr
    (folder,) = tmp_path.glob("out/*")
    assert json.loads((folder / "record.json").read_bytes())["status"] == "invalid"


def test_where_workers_may_not_be_killed_they_end_by_themselves(
    denied: Denied, tmp_path: Path
) -> None:
    done = denied("kill=EPERM", *RUN, FAKE_FAULT="raise@4")
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert denied("kill=EPERM", *RUN).returncode == 0


def test_where_no_session_may_be_started_the_refusal_is_named(denied: Denied) -> None:
    done = denied("setsid=EPERM", *RUN)
    assert done.returncode == 5
    assert "forbids setsid" in done.stderr


def test_a_child_s_status_is_known_where_whoever_started_it_ignores_its_end(
    fake_environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, '-m', 'r50bench', *sys.argv[1:]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *RUN],
        env=fake_environment | {"FAKE_FAULT": "exit@4"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 5
    assert "exited with status 3" in done.stderr


def test_a_file_that_may_not_grow_is_blamed_on_its_limit(
    fake_environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 1; exec {sys.executable} -m r50bench {' '.join(RUN)}"],
        env=fake_environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 5
    assert "ulimit -f is" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_assembler_without_amx_is_refused_with_what_is_missing_and_what_works(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = synthetic_hosts.host_of([[2]], model="spr")
    monkeypatch.setattr(topology, "read_host", lambda: host)
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(tmp_path / "g++"))
    monkeypatch.chdir(tmp_path)
    said = "/tmp/cc.s:9: Error: no such instruction: \\`tilezero %%tmm0'\\n"
    write_compiler(tmp_path / "g++", f'printf "{said}" >&2; exit 1')
    answer = r50bench_here(
        *("run", "inference_throughput_amx_bfloat16", "--engine", "r50", "--weights", "random")
    )
    assert answer.code == 6
    assert "does not know tilezero" in answer.err
    assert "--engine torch-eager runs without" in answer.err
    assert "Traceback" not in answer.err
    assert not list(tmp_path.glob("r50bench-runs/*"))
