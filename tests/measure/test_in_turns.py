"""Cases that are open at once take turns, and each leaves a record of its own."""

from __future__ import annotations

import pytest

from r50bench.errors import EngineError, Unsupported, UsageError
from r50bench.measure import in_turns
from r50bench.measure.bring_up import BringUp
from r50bench.measure.in_turns import Entry, measure_in_turns
from r50bench.measure.session import Session, loading_session
from r50bench.results.kpi import FIRST_BATCH
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
            return loading_session(planned, bench)

        monkeypatch.setattr(in_turns, "loading_session", opening)

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


@pytest.fixture
def steps(monkeypatch):
    """What was done to which batch size on the way to warm instances, in order."""
    steps = []

    def noted(name, step):
        def noting(bring_up, *args, **options):
            steps.append((name, bring_up._case.batch_size))
            return step(bring_up, *args, **options)

        return noting

    for name in ("begin_loading", "finish_loading", "warm_up"):
        monkeypatch.setattr(BringUp, name, noted(name, getattr(BringUp, name)))
    return steps


def names_of_figures(result):
    return {kpi.name for kpi in result.outcome.block.kpis}


def test_engines_load_one_after_the_other_and_say_how_long_it_took(entry, steps):
    results = list(measure_in_turns([entry(1), entry(2)]))
    loading = ["begin_loading", "finish_loading", "warm_up"]
    assert steps == [(step, size) for size in (1, 2) for step in loading]
    assert all(FIRST_BATCH in names_of_figures(result) for result in results)


def test_engines_that_load_together_are_timed_alone_and_tell_no_time_to_the_first_batch(
    entry, order, steps
):
    results = list(measure_in_turns([entry(1), entry(2)], loading_together=True))
    loading = ["begin_loading", "finish_loading", "warm_up"]
    assert steps == [(step, size) for step in loading for size in (1, 2)]
    assert order == [1, 2, 2, 1, 1, 2]
    for result in results:
        assert result.error is None
        assert FIRST_BATCH not in names_of_figures(result)


def test_one_that_fails_to_load_leaves_the_other_that_loads_beside_it(entry):
    failing, living = measure_in_turns(
        [entry(1, FAKE_FAULT="raise@0"), entry(2)], loading_together=True
    )
    assert failing.outcome.record.status == "invalid"
    assert living.error is None


def test_one_that_does_not_fit_this_machine_leaves_nothing_of_its_session(
    entry, monkeypatch, tmp_path
):
    finish = BringUp.finish_loading

    def refuse(bring_up):
        if bring_up._case.batch_size == 1:
            raise Unsupported("no such instructions")
        finish(bring_up)

    monkeypatch.setattr(BringUp, "finish_loading", refuse)
    refused, living = measure_in_turns([entry(1), entry(2)], loading_together=True)
    assert (refused.outcome, str(refused.error)) == (None, "no such instructions")
    assert living.error is None
    assert [path.parent for path in tmp_path.rglob("record.json")] == [living.outcome.folder]
