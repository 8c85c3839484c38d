"""The environment and the priority of r50bench on a node."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from r50bench.fleet.surroundings import at_usual_priority, environment_of_runs

RAYS = {
    "RAY_JOB_ID": "01000000",
    "RAY_AUTH_TOKEN": "secret",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONBREAKPOINT": "ray.util.rpdb.set_trace",
}


def test_what_ray_sets_and_what_decides_figures_does_not_reach_a_run() -> None:
    login = {"PATH": "/usr/bin", "HOME": "/root", "R50BENCH_CACHE": "/cache", "LANG": "C.UTF-8"}
    cases = {"BATCH_SIZE": "64", "R50BENCH_PRECISION": "int8", "KMP_BLOCKTIME": "1"}
    left = environment_of_runs(login | RAYS | cases, Path("/work/data"))
    assert left == login | {"R50BENCH_DATA": "/work/data"}


def test_nice_is_taken_back_where_that_may_be_and_told_where_it_may_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nice = [15]

    def set_nice(which: int, who: int, value: int) -> None:
        nice[0] = value

    def refuse(which: int, who: int, value: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "getpriority", lambda which, who: nice[0])
    monkeypatch.setattr(os, "setpriority", refuse)
    assert at_usual_priority() == 15
    monkeypatch.setattr(os, "setpriority", set_nice)
    assert at_usual_priority() == 0


def test_more_than_the_usual_priority_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpriority", lambda which, who: -5)
    monkeypatch.setattr(os, "setpriority", lambda *_: pytest.fail("it was meant"))
    assert at_usual_priority() == -5
