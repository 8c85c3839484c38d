"""Cases that are open at once take turns, and each leaves a record of its own."""

from __future__ import annotations

import pytest

from r50bench.errors import EngineError, UsageError
from r50bench.measure import in_turns
from r50bench.measure.in_turns import Entry, measure_in_turns
from r50bench.measure.session import Session, open_session
from r50bench.results.timeline import throughput, windows
from support.fake_cases import bench, planned


@pytest.fixture
def entry(tmp_path):
    here = bench(tmp_path)

    def entry(batch_size, **settings):
        chosen = {"REPEAT": 3, "STEPS": 4, "WARMUP_STEPS": 1, "BATCH_SIZE": batch_size}
        return Entry(planned("inference_throughput_int8", **chosen | settings), here)

    return entry


@pytest.fixture
def order(monkeypatch):
    """The batch sizes of the sessions in the order in which their rounds were asked."""
    order = []
    measure = Session.measure_round

    def noting(session):
        order.append(session.case.batch_size)
        return measure(session)

    monkeypatch.setattr(Session, "measure_round", noting)
    return order


def test_each_round_begins_with_another_case(entry, order):
    results = list(measure_in_turns([entry(1), entry(2), entry(3)]))
    assert order == [1, 2, 3, 2, 3, 1, 3, 1, 2]
    assert [result.planned.case.batch_size for result in results] == [1, 2, 3]


def test_each_case_has_the_figures_it_would_have_alone(entry):
    slow, fast = measure_in_turns(
        [entry(2, FAKE_LATENCIES_NS=2_000_000), entry(2, FAKE_LATENCIES_NS=1_000_000)]
    )
    figures = [
        throughput(result.outcome.samples, windows(result.outcome.samples)).value
        for result in (slow, fast)
    ]
    assert figures == pytest.approx([1000 * slow.planned.case.instances, 2 * figures[0]])


def test_a_case_that_dies_on_the_way_leaves_the_others_all_their_rounds(entry):
    dying, living = measure_in_turns([entry(1, FAKE_FAULT="raise@6"), entry(2)])
    assert dying.outcome.record.status == "invalid"
    assert dying.error is dying.outcome.error
    assert living.error is None
    assert living.outcome.record.case.repeat == 3


@pytest.fixture
def refusing(monkeypatch):
    """Has the case of a batch size refuse to open."""

    def refusing(batch_size, error):
        def opening(planned, bench):
            if planned.case.batch_size == batch_size:
                raise error
            return open_session(planned, bench)

        monkeypatch.setattr(in_turns, "open_session", opening)

    return refusing


def test_what_cannot_be_opened_is_told_before_anything_is_measured(entry, order, refusing):
    refusing(2, EngineError("no compiler"))
    results = measure_in_turns([entry(1), entry(2), entry(3)])
    told = next(results)
    assert (told.outcome, str(told.error), order) == (None, "no compiler", [])
    assert [result.planned.case.batch_size for result in results] == [1, 3]
    assert order == [1, 3, 3, 1, 1, 3]


def test_a_request_that_cannot_be_right_ends_them_all(entry, order, refusing):
    refusing(2, UsageError("no such folder"))
    with pytest.raises(UsageError, match="no such folder"):
        list(measure_in_turns([entry(1), entry(2)]))
    assert not order
