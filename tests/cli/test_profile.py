"""``r50bench profile`` with the fake engine."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from r50bench.cli import profile as verb
from r50bench.errors import RunFailed
from r50bench.host import topology
from r50bench.host.topology import Core
from r50bench.planning.planned import Planned
from r50bench.profile.run import Profile
from support import synthetic_hosts
from support.command_line import Call

FAKE = "FAKE_PEAK=30000,1000 FAKE_LATENCIES_NS=10000000"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, r50bench_here: Call) -> Call:
    """Runs ``r50bench profile`` on a machine whose only core is one of this one's."""
    machine = synthetic_hosts.host_of([[1]])
    core = Core((min(os.sched_getaffinity(0)),), 0, 0)
    monkeypatch.setattr(topology, "read_host", lambda: replace(machine, cores=(core,)))
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def call(*args: str):
        return r50bench_here(
            "profile", "--engine", "fake", "--weights", "random", "--customer-env", FAKE, *args
        )

    return call


def test_a_profile_prints_its_table_and_leaves_a_picture(
    profile: Call, r50bench_here: Call, tmp_path: Path
) -> None:
    answer = profile("inference_throughput_fp32", "--rounds", "3", "--batch-size", "8")
    assert answer.code == 0, answer.err
    assert "outside of kernels" in answer.out
    (folder,) = (tmp_path / "r50bench-profiles").iterdir()
    assert "<svg" in (folder / "profile.html").read_text()
    assert f"{folder.name}/profile.html" in answer.out
    assert r50bench_here("report", str(folder), "-o", "page.html").code == 0
    assert "Layers against the limit: avx_fp32 on fake" in Path("page.html").read_text()


def test_json_is_printed_alone_and_is_what_lies_in_the_folder(
    profile: Call, tmp_path: Path
) -> None:
    answer = profile("inference_throughput_fp32", "--rounds", "3", "--batch-size", "8", "--json")
    (data,) = json.loads(answer.out)
    assert data["outside_ms"] == pytest.approx(4.6)
    assert data["efficiency"] == pytest.approx(8 * 7.896503808 / 30_000 / 0.010)
    (folder,) = (tmp_path / "r50bench-profiles").iterdir()
    assert json.loads((folder / "profile.json").read_text()) == data


def test_without_an_engine_every_one_whose_kernels_can_tell_is_profiled(
    profile: Call, monkeypatch: pytest.MonkeyPatch, r50bench_here: Call
) -> None:
    (data,) = json.loads(profile("inference_throughput_fp32", "--rounds", "3", "--json").out)
    found = msgspec.convert(data, Profile)
    folder = Path("somewhere")

    def profile_case(planned: Planned, *_: object) -> tuple[Profile, Path]:
        if planned.case.engine == "r50":
            raise RunFailed("the instance died")
        return replace(found, case=planned.case), folder

    monkeypatch.setattr(verb, "profile_case", profile_case)
    died = r50bench_here("profile", "inference_throughput_avx_fp32", "--weights", "random")
    assert (died.code, "outside of kernels" in died.out) == (5, True)

    monkeypatch.setattr(
        verb,
        "profile_case",
        lambda planned, *_: (replace(found, case=planned.case), folder),
    )
    both = r50bench_here("profile", "inference_throughput_avx_fp32", "--weights", "random")
    assert both.code == 0
    last = both.out.splitlines()[-1]
    assert last.startswith("# torch 10.0 ms a batch, ")
    assert " · r50 10.0 ms a batch, " in last


def test_an_engine_that_this_cpu_keeps_from_it_is_named_with_the_reason(
    profile: Call, monkeypatch: pytest.MonkeyPatch, r50bench_here: Call
) -> None:
    (data,) = json.loads(profile("inference_throughput_fp32", "--rounds", "3", "--json").out)
    found = msgspec.convert(data, Profile)
    monkeypatch.setattr(
        verb,
        "profile_case",
        lambda planned, *_: (replace(found, case=planned.case), Path("somewhere")),
    )
    machine = synthetic_hosts.host_of([[1]], model="haswell")
    monkeypatch.setattr(topology, "read_host", lambda: machine)
    asked = ("profile", "inference_throughput_fp32", "--weights", "random")
    alone = r50bench_here(*asked)
    assert alone.code == 0, alone.err
    assert "! no profile of r50: the CPU has no AVX-512" in alone.err
    assert "no profile of" not in r50bench_here(*asked, "--engine", "torch").err


def test_one_case_is_profiled_at_a_time(profile: Call) -> None:
    answer = profile("inference_*_int8")
    assert answer.code == 2
    assert "means 3 cases" in answer.err


def test_accuracy_is_refused(profile: Call) -> None:
    answer = profile("inference_accuracy_int8")
    assert answer.code == 2
    assert "times nothing" in answer.err
