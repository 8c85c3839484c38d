"""The main job is run in turns, and what fails costs its own row only."""

from __future__ import annotations

import pytest

from r50bench.assets.store import Store
from r50bench.errors import EngineError
from r50bench.main_job import run as running
from r50bench.main_job.plan import MainJob, Turn
from r50bench.main_job.run import run_main_job
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.notices import Silent
from r50bench.results.kpi import THROUGHPUT, figures_by_name
from r50bench.results.timeline import windows
from support.fake_cases import host, planned

SETTINGS = {"STEPS": 4, "REPEAT": 3, "WARMUP_STEPS": 1, "BATCH_SIZE": 2, "INSTANCES": 2}


def case(latency_ns=1_000_000, name="inference_throughput_int8", **settings):
    return planned(name, FAKE_LATENCIES_NS=latency_ns, **SETTINGS | settings)


@pytest.fixture
def run(tmp_path):
    def run(*turns):
        assets = AssetResolver(Store(tmp_path / "cache"), Silent())
        job = MainJob(tuple(Turn(tuple(cases)) for cases in turns))
        found = run_main_job(job, Bench(host(), assets, tmp_path / "runs", Silent()))
        return list(found)

    return run


def test_every_case_leaves_its_record_with_figures_to_the_digit(run):
    results = run([case(1_000_000), case(2_000_000)], [case(name="inference_latency_int8")])
    assert [one.planned.case.mode for one in results] == ["throughput", "throughput", "latency"]
    fast, slow = (figures_by_name(one.outcome.record, one.outcome.samples) for one in results[:2])
    assert fast[THROUGHPUT].value == pytest.approx(2 * 2000)
    assert slow[THROUGHPUT].value == pytest.approx(2 * 1000)
    assert [len(windows(one.outcome.samples)) for one in results] == [3, 3, 3]


def test_an_engine_that_fails_costs_its_own_row_only(run):
    broken = case(FAKE_FAULT="raise@4")
    failed, good, after = run([broken, case()], [case(name="inference_latency_int8")])
    assert failed.error is not None
    assert failed.outcome.record.status == "invalid"
    assert (good.error, after.error) == (None, None)


def test_what_cannot_be_prepared_fails_without_being_opened(run, monkeypatch):
    bad, good = case(1_000_000), case(2_000_000)
    error = EngineError("no compiler")
    monkeypatch.setattr(running, "prepare_models", lambda *_: {bad.case: error})
    first, second = run([bad, good])
    assert (first.outcome, first.error) == (None, error)
    assert second.error is None


def test_throughput_is_paced_where_no_steps_are_asked(run, monkeypatch):
    monkeypatch.setattr(running, "ROUND_S", 0.2)
    settings = {"FAKE_REALTIME": 1, "WARMUP_STEPS": 5, "REPEAT": 1}
    slow = case(20_000_000, **settings)
    (result,) = run([slow.became("default", steps=100)])
    assert 4 <= result.outcome.record.case.steps <= 12
