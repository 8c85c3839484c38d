"""A refusal of the system is told with the limit that it comes from, and how that is raised."""

from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path

import pytest

from r50bench.host.refusals import (
    explained,
    explained_log,
    forbidden_by,
    killed_for_memory,
    time_is_up,
    why_not_started,
)
from support.machine_tree import MachineTree

LIMITS = {
    resource.RLIMIT_NPROC: 40,
    resource.RLIMIT_AS: 900 << 20,
    resource.RLIMIT_FSIZE: 1024,
    resource.RLIMIT_NOFILE: 12,
    resource.RLIMIT_CPU: 7,
}


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (LIMITS[kind], LIMITS[kind]))


@pytest.fixture
def group(tree: MachineTree) -> Path:
    tree.cgroup_v2(
        "/job",
        {"job/pids.max": "9", "job/memory.max": str(512 << 20), "job/memory.events": "oom_kill 2"},
    )
    return tree.root


def refusal(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "message", "mend"),
    [
        (
            RuntimeError("can't start new thread"),
            "pids.max of the control group is 9",
            "pids-limit",
        ),
        (refusal(errno.EAGAIN), "ulimit -u is 40", "ulimit -u"),
        (MemoryError(), "the control group's limit is 512 MiB, ulimit -v is 900 MiB", "--memory"),
        (refusal(errno.ENOMEM), "not enough memory", "fewer instances"),
        (refusal(errno.EFBIG, "/out/samples.csv"), "/out/samples.csv would be larger", "ulimit -f"),
        (refusal(errno.EMFILE), "ulimit -n is 12", "ulimit -n 1024"),
    ],
)
def test_what_is_refused_is_told_with_its_limit_and_the_way_to_raise_it(
    group: Path, error: BaseException, message: str, mend: str
) -> None:
    told = explained(error, group)
    assert told is not None
    assert told.exit_code == 5
    assert message in told.message
    assert mend in (told.hint or "")


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("x"), refusal(errno.ENOENT)])
def test_what_is_no_refusal_is_left_as_it_is(group: Path, error: BaseException) -> None:
    assert explained(error, group) is None


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("libgomp: Thread creation failed: Resource temporarily unavailable", "no more threads"),
        ("OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 2", "no more threads"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "not enough memory"),
        ("cc1plus: out of memory allocating 65536 bytes", "not enough memory"),
        ("/usr/bin/ld: final link failed: File too large", "ulimit -f is 1 KiB"),
    ],
)
def test_programs_say_it_in_words_of_their_own(group: Path, log: str, message: str) -> None:
    told = explained_log(f"first\n{log}\nlast", group)
    assert told is not None
    assert message in told.message
    assert explained_log("error: expected ';'", group) is None


def test_a_process_that_the_kernel_killed_for_its_memory_is_known_by_the_count(
    group: Path,
) -> None:
    told = killed_for_memory(1, group)
    assert told is not None
    assert "512 MiB" in told.message
    assert killed_for_memory(2, group) is None
    assert killed_for_memory(None, group) is None


def test_a_process_that_ran_out_of_cpu_time_is_told_its_limit() -> None:
    told = time_is_up(-signal.SIGKILL)
    assert told is not None
    assert "ulimit -t is 7 s" in told.message
    assert time_is_up(1) is None


def test_what_a_program_lacked_to_be_started_is_named() -> None:
    assert "--dev /dev" in (why_not_started(refusal(errno.ENOENT, "/dev/null")) or "")
    assert "setsid" in (why_not_started(refusal(errno.EPERM)) or "")
    assert why_not_started(refusal(errno.ENOENT, "/usr/bin/python3")) is None


def test_what_forbids_a_call_is_named_as_far_as_proc_says(tree: MachineTree) -> None:
    tree.write("/proc/self/status", "Seccomp:\t0\n")
    assert forbidden_by(tree.root) == "the kernel"
    tree.write("/proc/self/status", "Seccomp:\t2\n")
    tree.write("/proc/self/attr/current", "docker-default (enforce)\n")
    assert forbidden_by(tree.root) == (
        "a seccomp filter or the security profile docker-default (enforce)"
    )
    tree.write("/proc/version", "Linux version 4.4.0 gVisor")
    assert forbidden_by(tree.root).endswith("or gVisor")
