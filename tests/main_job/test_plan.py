"""The main job: what is planned for a host, and what is left out and said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.errors import Unsupported
from r50bench.main_job.plan import plan_main_job
from r50bench.parameters import collect
from support import synthetic_hosts


@pytest.fixture
def turin():
    return synthetic_hosts.host_of([[2]], model="turin")


def test_every_native_precision_is_measured_three_ways(turin):
    names = [one.case.name for one in plan_main_job(turin, {})]
    assert names == [
        f"inference_{mode}_{precision}"
        for precision in ("avx_fp32", "avx_bfloat16", "avx_int8")
        for mode in ("throughput", "latency", "accuracy")
    ]


def test_what_the_engine_cannot_run_is_left_out_and_said(turin):
    planned = plan_main_job(turin, collect({}, ["ENGINE=torch-eager"], {}))
    assert {one.case.precision for one in planned} == {"avx_fp32", "avx_bfloat16"}
    left_out = [one for one in planned[0].effective.notices if one.code == "left-out"]
    assert any("int8" in one.text for one in left_out)


def test_a_host_without_any_precision_is_refused(turin):
    with pytest.raises(Unsupported, match="none of the precisions"):
        plan_main_job(replace(turin, isa=frozenset()), {})
