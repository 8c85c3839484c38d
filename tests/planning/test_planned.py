"""A planned case keeps what its instances are given in step with what it became."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.case import CaseName
from r50bench.load import Load, LoadGen, LoadgenSettings, Observe, Score, Steps
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case
from support import synthetic_hosts

HOST = synthetic_hosts.two_core_vm()


def planned(name: str) -> Planned:
    return plan_case(effective_case(CaseName.parse(name), {}, HOST), HOST)


def test_a_closed_loop_follows_steps_and_rounds() -> None:
    found = planned("inference_throughput_fp32").became("why not", steps=7, repeat=3)
    assert found.load == Steps(7, 3)
    assert (found.case.steps, found.case.repeat) == (7, 3)
    assert str(found.request["steps"]) == "7 (why not)"


def test_the_one_pass_over_all_pictures_stays_one() -> None:
    assert planned("inference_accuracy_fp32").became("why not", dataset="/p").load == Score()


@pytest.mark.parametrize("load", [Observe(2, 5), LoadGen(LoadgenSettings())])
def test_the_load_of_a_wing_is_the_wing_s_own(load: Load) -> None:
    found = replace(planned("inference_throughput_fp32"), load=load)
    assert found.became("why not", steps=7).load == load
