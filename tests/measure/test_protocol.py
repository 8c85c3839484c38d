"""Every message survives its line; garbage is not taken for a message."""

from __future__ import annotations

import msgspec
import pytest

from r50bench.case import Slot
from r50bench.engines.base import EngineSpec
from r50bench.load import LoadgenPlan
from r50bench.measure.protocol import (
    ANSWER_TO,
    Contention,
    Failed,
    FeedSpec,
    Loaded,
    LoadEngine,
    LoadgenRan,
    Measure,
    Measured,
    Observed,
    ObserveKernels,
    Predicted,
    RunLoadgen,
    ScorePictures,
    Timing,
    Warmed,
    WarmUp,
    WorkerPlan,
    decode_answer,
    decode_command,
    decode_plan,
    encode,
)
from r50bench.results.record import Evidence

PLAN = LoadgenPlan(dataset_size=20, query_count=1, duration_s=5.0)
COMMANDS = [
    LoadEngine(),
    ObserveKernels(),
    WarmUp(5),
    Measure(7),
    ScorePictures(),
    RunLoadgen(PLAN, "/runs/loadgen", (0, 1)),
]
ANSWERS = [
    Loaded("2.13", ((0, 1),), (0,), True, {"OMP_NUM_THREADS": "2"}, 0.5, 0.25),
    Observed("onednn_verbose,…", Evidence(True, "brgconv avx512_core", "53 convolutions")),
    Warmed(1.5, 1 << 30),
    Measured((Timing(0, [1, 2], [2, 3]),)),
    Predicted([3], [(1, 2, 3, 4, 5)]),
    LoadgenRan(Contention(None, 5)),
    Failed("AssetError", "no such file", None),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
def test_a_command_survives_its_line(command):
    assert decode_command(encode(command)) == command


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: type(one).__name__)
def test_an_answer_survives_its_line(answer):
    assert decode_answer(encode(answer)) == answer


def test_a_plan_survives_its_line():
    engine = EngineSpec("fake", "cpu", "avx_fp32", "v1", "caffe", "random:1", 8, 2)
    feed = FeedSpec(None, "caffe", 1, 8, 16)
    plan = WorkerPlan(
        0, (Slot(0, (0, 1), (0,)),), engine, feed, 100, 20, False, "canary.so", ((0, 5),)
    )
    assert decode_plan(encode(plan)) == plan


def test_every_command_has_one_answer_of_its_own():
    assert set(ANSWER_TO) == {type(command) for command in COMMANDS}
    assert len(set(ANSWER_TO.values())) == len(ANSWER_TO)


@pytest.mark.parametrize("line", [b"", b"\n", b"{}", b'{"type":"Loaded"}', b"\xff\x00", b"[1,2"])
def test_garbage_is_not_an_answer(line):
    with pytest.raises(msgspec.MsgspecError):
        decode_answer(line)
