"""What a query asks of the history in SQL: never less than what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.conditions import condition_of
from r50bench.mlperf.query.facts import facts_of_record, tags_of_record
from r50bench.mlperf.query.terms import COMPARE, Comparison, Presence, TagTerm, Term, Truth
from r50bench.mlperf.query.times import read_period
from r50bench.mlperf.query.vocabulary import KEYS, TAGS
from r50bench.precision import NUMERICS
from r50bench.results.history import History
from r50bench.results.kpi import kpis
from r50bench.results.record import Accuracy, Record
from support.records import case_of, record_of, samples_of_latencies
from support.scripted_loadgen import result_of


def made() -> list[Record]:
    """Records of every sort, each of one that differs from the others in what it has."""
    stream = LoadgenSettings("SingleStream", "PerformanceOnly", dataset_size=20, sut_name="mine")
    offline = replace(stream, scenario="Offline", sut_name="")
    real = case_of(data_type="real")
    return [
        record_of(id="a"),
        record_of("latency", "avx_fp32", id="b", reason="it died", model=None, engine=None),
        record_of("accuracy", "amx_int8", id="c", accuracy=Accuracy(20, 19, 20)),
        record_of(id="d", case=replace(real, verbose=True), loadgen=result_of(stream)),
        record_of(
            id="e",
            case=replace(real, customer_env=(("A", 'b "c"'),), engine="onnxruntime"),
            loadgen=result_of(offline),
            accuracy=Accuracy(3, 1, 2),
        ),
        record_of(id="f", case=real, loadgen=result_of(LoadgenSettings())),
        record_of(id="g", case=case_of(engine="of_tomorrow", precision="amx_of_tomorrow")),
    ]


def terms_about(facts: dict[str, Any]) -> Iterator[Term]:
    """Yields terms of every kind about every key, with the values that a record has."""
    for key in KEYS.values():
        yield Presence(key)
        yield Truth(key, wanted=True)
        yield Truth(key, wanted=False)
        value = facts.get(key.name)
        for sign in COMPARE if value is not None else ():
            if sign in ("=", "!=") or isinstance(value, int | float | str):
                yield Comparison(key, sign, read_period(value) if key.name == "created" else value)
    for sign in COMPARE:
        yield from (Comparison(KEYS["precision"], sign, name) for name in NUMERICS)


def test_every_record_that_is_meant_is_found(tmp_path: Path) -> None:
    samples = samples_of_latencies([[10] * 20] * 2)
    known = {}
    with History(tmp_path / "history.sqlite") as history:
        for record in made():
            timed = record.status == "valid" and not record.loadgen and record.accuracy is None
            figures = kpis(record, samples) if timed else ()
            primary = next((kpi.value for kpi in figures if kpi.primary), None)
            history.add(record, tmp_path, figures)
            known[record.id] = tags_of_record(record), facts_of_record(record, primary)
        terms = {term for _, facts in known.values() for term in terms_about(facts)}
        terms |= {TagTerm(tag, negated) for tag in TAGS for negated in (True, False)}
        wasted = 0
        for term in terms:
            meant = {name for name, (tags, facts) in known.items() if term.holds(tags, facts)}
            found = {entry.id for entry in history.entries(*condition_of([term]))}
            assert meant <= found, str(term)
            wasted += len(found - meant)
    assert wasted < len(terms) / 4


def test_terms_are_joined_and_their_values_are_bound(tmp_path: Path) -> None:
    with History(tmp_path / "history.sqlite") as history:
        for record in made():
            history.add(record, tmp_path)
        evil = Comparison(KEYS["reason"], "=", "it died' OR TRUE --")
        assert history.entries(*condition_of([evil])) == []
        both = [Comparison(KEYS["reason"], "=", "it died"), TagTerm("main_job")]
        assert [entry.id for entry in history.entries(*condition_of(both))] == ["b"]
        assert len(history.entries(*condition_of([]))) == len(made())


@pytest.mark.parametrize("value", [95.0, 171.97])
def test_figures_are_met_although_they_are_stored_as_text(tmp_path: Path, value: float) -> None:
    record = record_of(id="a", accuracy=Accuracy(20, 19, 20))
    with History(tmp_path / "history.sqlite") as history:
        history.add(record, tmp_path)
        term = Comparison(KEYS["accuracy"], "=", value)
        assert bool(history.entries(*condition_of([term]))) is (value == 95.0)
