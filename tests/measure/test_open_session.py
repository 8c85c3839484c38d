"""Several sessions open at once, measured in turns; each ends in a record of its own."""

from __future__ import annotations

import contextlib

import pytest

from r50bench.errors import EngineError, RunFailed, WorkerFailed
from r50bench.measure.session import open_session
from r50bench.results.kpi import kpis
from r50bench.results.record import read_record
from r50bench.results.timeline import throughput, windows
from support.fake_cases import bench, planned


@pytest.fixture
def opened(tmp_path):
    """Opens a case below tmp_path."""
    shared = bench(tmp_path)

    def opened(case):
        return open_session(case, shared)

    return opened


def case_of(latency_ns: int, **settings):
    settings = {"INSTANCES": 2, "STEPS": 2, "WARMUP_STEPS": 1, "BATCH_SIZE": 1, **settings}
    return planned("inference_throughput_fp32", FAKE_LATENCIES_NS=latency_ns, **settings)


def test_sessions_take_turns_and_each_leaves_its_own_record(opened):
    with contextlib.ExitStack() as stack:
        fast, slow = (stack.enter_context(opened(case_of(ns))) for ns in (1_000_000, 4_000_000))
        rounds = [[one.measure_round() for one in (fast, slow)] for _ in range(3)]
    for samples in zip(*rounds, strict=True):
        assert {sample.rounds.tolist() == [0] for sample in samples} == {True}
    assert throughput(rounds[0][0], windows(rounds[0][0])).value == pytest.approx(2000)
    values = [kpis(one.outcome.record, one.outcome.samples)[0].value for one in (fast, slow)]
    assert values == pytest.approx([2000, 500])


def test_the_record_counts_the_rounds_that_were_measured(opened):
    with opened(case_of(1_000_000, REPEAT=5)) as session:
        for _ in range(3):
            session.measure_round()
    record = read_record(session.outcome.folder)
    assert record.case.repeat == 3
    assert record.request["repeat"].value == 3
    assert session.outcome.samples.rounds.tolist() == [0, 1, 2]


def test_open_sessions_of_one_process_do_not_take_each_other_for_another_run(opened):
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(opened(case_of(1_000_000))) for _ in range(2)]
        for one in sessions:
            one.measure_round()
    for one in sessions:
        assert not any(one.code == "shared-cores" for one in one.outcome.record.notices)


def test_one_session_that_fails_leaves_the_others_alone(opened):
    with contextlib.ExitStack() as stack:
        dying = stack.enter_context(opened(case_of(1_000_000, FAKE_FAULT="kill@5#1")))
        living = stack.enter_context(opened(case_of(1_000_000)))
        measured = [(dying.measure_round(), living.measure_round()) for _ in range(3)]
    assert [samples is not None for samples, _ in measured] == [True, False, False]
    assert all(samples is not None for _, samples in measured)
    assert isinstance(dying.outcome.error, WorkerFailed)
    assert read_record(dying.outcome.folder).status == "invalid"
    assert read_record(living.outcome.folder).status == "valid"


def test_a_session_that_never_became_warm_measures_nothing_and_says_why(opened):
    with opened(case_of(1_000_000, FAKE_KERNELS="'ref:any f32'")) as session:
        assert isinstance(session.error, EngineError)
        assert session.measure_round() is None
    assert "is not what ran" in read_record(session.outcome.folder).reason


def test_a_session_without_a_round_has_no_valid_record(opened):
    with opened(case_of(1_000_000)) as session:
        pass
    assert isinstance(session.outcome.error, RunFailed)


def interrupt_two(opened):
    with opened(case_of(1_000_000)) as one, opened(case_of(1_000_000)):
        one.measure_round()
        raise KeyboardInterrupt


def test_leaving_by_an_interrupt_leaves_no_record_of_any(opened, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupt_two(opened)
    assert list((tmp_path / "runs").iterdir()) == []
