"""Everything is made before anything is measured, several models at once."""

from __future__ import annotations

import threading

import pytest

from r50bench.assets.store import Store
from r50bench.engines.child import STOP
from r50bench.errors import AssetError, EngineError
from r50bench.main_job import prepare
from r50bench.main_job.plan import MainJob, Turn
from r50bench.main_job.prepare import prepare_models, with_pictures_there_are
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.notices import Silent
from support.fake_cases import host, planned


class Heard(Silent):
    def __init__(self):
        self.phases, self.details, self.warnings = [], [], []

    def phase(self, title, total=None):
        self.phases.append((title, total))

    def advance(self, done, detail=""):
        self.details.append((done, detail))

    def warn(self, notice):
        self.warnings.append(notice.text)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def bench(tmp_path, heard):
    assets = AssetResolver(Store(tmp_path / "cache"), Silent())
    return Bench(host(), assets, tmp_path / "runs", heard)


@pytest.fixture
def cases():
    return [planned("inference_throughput_fp32", BATCH_SIZE=size) for size in (1, 2)]


def test_models_are_made_at_the_same_time_below_one_line(bench, heard, cases, monkeypatch):
    meeting = threading.Barrier(2, timeout=30)
    monkeypatch.setattr(prepare, "gather", lambda *_: meeting.wait())
    assert prepare_models(cases, bench) == {}
    assert heard.phases == [("preparing 2 models", 2)]
    assert heard.details[-1] == (2, "")


def test_a_model_that_cannot_be_made_is_told_and_costs_no_other(bench, cases, monkeypatch):
    error = EngineError("the compiler died")

    def gather(case, *_):
        if case.batch_size == 1:
            raise error

    monkeypatch.setattr(prepare, "gather", gather)
    assert prepare_models(cases, bench) == {cases[0].case: error}


def test_what_cannot_be_fetched_is_told_before_anything_is_compiled(bench, cases, monkeypatch):
    error = AssetError("no network")

    def weights(case):
        if case.batch_size == 2:
            raise error

    made = []
    monkeypatch.setattr(bench.assets, "weights", weights)
    monkeypatch.setattr(prepare, "gather", lambda case, *_: made.append(case.batch_size))
    assert prepare_models(cases, bench) == {cases[1].case: error}
    assert made == [1]


def test_no_model_waits_on_an_idle_core_until_another_one_is_quantised(bench, monkeypatch):
    words = ("int8", "bf16", "int8", "fp32")
    cases = [
        planned(f"inference_throughput_avx_{word}", BATCH_SIZE=size)
        for size, word in enumerate(words, 1)
    ]
    begun = []
    monkeypatch.setattr(prepare, "_at_once", lambda _: 1)
    monkeypatch.setattr(bench.assets, "calibration", lambda case: None)
    monkeypatch.setattr(prepare, "gather", lambda case, *_: begun.append(case.batch_size))
    assert prepare_models(cases, bench) == {}
    assert begun == [1, 2, 4, 3]


def test_an_interruption_stops_the_compilations_at_once(bench, cases, monkeypatch):
    stopped = []

    def gather(case, *_):
        stopped.append(STOP.get().wait(30))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "gather", gather)
    monkeypatch.setattr(prepare, "_await", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare_models(cases, bench)
    assert stopped in ([True], [True, True])
    assert STOP.get() is None


def test_without_pictures_dummies_are_fed_where_nobody_asked_for_pictures(
    bench, heard, monkeypatch
):
    def pictures(case):
        raise AssetError("no npm")

    monkeypatch.setattr(bench.assets, "pictures", pictures)
    asked = planned("inference_throughput_fp32", DATA_TYPE="real")
    job = MainJob((Turn((asked,)),))
    assert with_pictures_there_are(job, bench) == job  # and it fails for want of them
    unasked = asked.became("default main job", data_type="real")
    fallen = with_pictures_there_are(MainJob((Turn((unasked,)),)), bench)
    assert [one.case.data_type for one in fallen.cases] == ["dummy"]
    assert heard.warnings == ["dummy pictures, and no accuracy: no npm"]
