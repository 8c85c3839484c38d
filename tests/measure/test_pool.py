"""The pool with real workers and the fake engine: barriers, faults, nothing left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from r50bench.case import Slot
from r50bench.engines.base import EngineSpec
from r50bench.errors import RunFailed, WorkerFailed
from r50bench.measure.pool import Pool
from r50bench.measure.protocol import (
    FeedSpec,
    Loaded,
    LoadEngine,
    Measure,
    Measured,
    Observed,
    ObserveKernels,
    Warmed,
    WarmUp,
    WorkerPlan,
)
from r50bench.notices import Silent

CPU = min(os.sched_getaffinity(0))
STEPS, WARMUP = 6, 2


def plan(worker, slots):
    engine = EngineSpec(
        engine="fake",
        device="cpu",
        precision="avx_fp32",
        graph="v1.5",
        convention="torchvision",
        state_dict="random:1",
        batch_size=1,
        threads=1,
        runners=len(slots),
        first_instance=slots[0].instance,
    )
    feed = FeedSpec(None, "torchvision", 1, 1, 2)
    return WorkerPlan(worker, slots, engine, feed, STEPS, WARMUP, False)


def slot(instance):
    return Slot(instance, (CPU,), (0,))


def pool(folder, *, timeout_s=20.0, workers=2, progress=None, **fake):
    environment = {**os.environ, "PYTHONSAFEPATH": "1", **fake}
    plans = [plan(number, (slot(number),)) for number in range(workers)]
    return Pool(plans, environment, folder, progress or Silent(), timeout_s=timeout_s)


def now():
    return time.perf_counter_ns()


def run_through(running):
    running.ask(LoadEngine(), Loaded)
    running.ask(ObserveKernels(), Observed)
    running.ask(WarmUp(now()), Warmed)
    return running.ask(Measure(now()), Measured)


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_every_worker_answers_with_its_own_instances_timings(tmp_path):
    with pool(tmp_path, FAKE_LATENCIES_NS="1000,3000") as running:
        pids = running.pids
        answers = run_through(running)
    timings = [timing for answer in answers for timing in answer.timings]
    assert [timing.instance for timing in timings] == [0, 1]
    for timing in timings:
        latencies = [
            end - start for start, end in zip(timing.starts_ns, timing.ends_ns, strict=True)
        ]
        assert sorted(latencies) == [1000] * 3 + [3000] * 3
    assert all(map(is_gone, pids))


def test_instances_report_the_cpus_the_kernel_gave_them(tmp_path):
    with pool(tmp_path, workers=1) as running:
        (loaded,) = running.ask(LoadEngine(), Loaded)
    assert loaded.cpus == ((CPU,),)


def test_instances_that_share_weights_run_in_one_process(tmp_path):
    shared = plan(0, (slot(0), slot(1)))
    with Pool([shared], dict(os.environ), tmp_path, Silent(), timeout_s=20.0) as running:
        (answer,) = run_through(running)
    assert [timing.instance for timing in answer.timings] == [0, 1]
    assert all(len(timing.ends_ns) == STEPS for timing in answer.timings)


class Counting(Silent):
    def __init__(self):
        self.most = 0

    def advance(self, done, detail=""):
        self.most = max(self.most, done)


def test_progress_counts_the_batches_of_all_instances(tmp_path):
    progress = Counting()
    with pool(tmp_path, progress=progress) as running:
        run_through(running)
    assert progress.most == 2 * STEPS


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("kill@4#1", r"worker 1 \(instance 1, pid \d+\) was killed by SIGKILL"),
        ("exit@4#1", r"worker 1 .* exited with status \d+"),
        ("raise@4#0", r"worker 0 \(instance 0, pid \d+\): .+"),
    ],
)
def test_a_worker_that_fails_ends_the_pool_and_is_named(tmp_path, fault, said):
    with pool(tmp_path, FAKE_FAULT=fault) as running:
        pids = running.pids
        with pytest.raises(WorkerFailed, match=said):
            run_through(running)
    assert all(map(is_gone, pids))


def test_a_hanging_worker_is_given_up_and_killed(tmp_path):
    said = r"worker 1 .* hangs: no batch and no answer for 3 s"
    with pool(tmp_path, timeout_s=3.0, FAKE_FAULT="hang@4#1") as running:
        pids = running.pids
        with pytest.raises(WorkerFailed, match=said):
            run_through(running)
    assert all(map(is_gone, pids))


def test_an_interrupt_leaves_no_process_within_two_seconds(tmp_path):
    def interrupted():
        with pool(tmp_path, FAKE_FAULT="hang@0") as running:
            pids.extend(running.pids)
            raise KeyboardInterrupt

    pids: list[int] = []
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 2
    assert all(map(is_gone, pids))


def test_what_went_wrong_in_a_worker_is_in_its_log(tmp_path):
    with (
        pool(tmp_path, workers=1, FAKE_FAULT="raise@0") as running,
        pytest.raises(WorkerFailed) as caught,
    ):
        running.ask(LoadEngine(), Loaded)
    assert "Traceback" in (tmp_path / "worker-0.log").read_text()
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("call", ["write", "read"])
def test_a_pipe_that_the_system_refuses_ends_the_pool_and_leaves_no_process(
    tmp_path, monkeypatch, call
):
    def refused(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pool(tmp_path) as workers:
        pids = workers.pids
        monkeypatch.setattr(os, call, refused)
        with pytest.raises(WorkerFailed, match=r"worker [01] .* cannot be"):
            workers.ask(LoadEngine(), Loaded)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_that_cannot_be_told_its_plan_is_not_left_behind(tmp_path, monkeypatch):
    started = []
    start = subprocess.Popen.__init__

    def noted(self, *args, **kwargs):
        start(self, *args, **kwargs)
        started.append(self)
        monkeypatch.setattr(os, "write", refused)

    def refused(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    with pytest.raises(WorkerFailed, match="cannot be told"), pool(tmp_path):
        pass
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_where_no_process_may_be_started_the_limit_is_named_and_no_pipe_is_left(
    tmp_path, monkeypatch
):
    def refused(*args, **kwargs):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refused)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(RunFailed, match="no more threads or processes"), pool(tmp_path):
        pass
    assert len(os.listdir("/proc/self/fd")) == before
