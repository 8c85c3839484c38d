from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from r50bench.history.series import HistoryRun, run_of, series_of
from r50bench.results.history import History
from r50bench.results.kpi import Kpi
from r50bench.results.record import Record
from support.records import case_of, record_of

HOST = {"model_name": "AMD EPYC", "fingerprint": "a" * 16}


def stored(
    tmp_path: Path, *records: Record, unit: str = "img/s", imported: bool = False
) -> list[HistoryRun]:
    """Returns the runs of records with figures 100, 101…, as the history gives them."""
    with History(tmp_path / "history.sqlite") as history:
        for number, record in enumerate(records):
            valid = record.status == "valid"
            figures = [Kpi("figure", unit, 100 + number, 99, 102 + number, True)] if valid else []
            history.add(record, tmp_path / record.id, figures, imported=imported)
        return [run_of(entry) for entry in history.entries(with_facts=True)]


def measured(number: int, **changes: Any) -> Record:
    changes = {"host": HOST} | changes
    made = record_of(**changes, id=f"run-{number}")
    return replace(made, created=f"2026-01-{number:02}T12:00:00+00:00")


def test_runs_of_one_question_on_one_host_are_a_series_in_the_order_of_time(tmp_path: Path) -> None:
    (series,) = series_of(stored(tmp_path, *map(measured, (2, 1, 3))))
    assert [run.id for run in series.runs] == ["run-1", "run-2", "run-3"]
    assert list(series.figures) == [101, 100, 102]
    assert (series.unit, series.lower_is_better) == ("img/s", False)
    assert (series.newest.low, series.newest.high) == (99, 104)


@pytest.mark.parametrize(
    "other",
    [
        {"host": HOST | {"fingerprint": "b" * 16}},
        {"host": HOST | {"model_name": "of a cloned image"}},
        {"case": case_of(batch_size=64)},
        {"case": case_of(engine="r50")},
        {"case": case_of(cores_per_instance=2)},
        {"precision": "avx_fp32"},
        {"mode": "latency"},
        {"graph": "v1.5"},
    ],
)
def test_another_question_or_host_is_another_series(tmp_path: Path, other: dict[str, Any]) -> None:
    series = series_of(stored(tmp_path, measured(1), measured(2, **other), measured(3)))
    assert [[run.id for run in one.runs] for one in series] == [["run-1", "run-3"], ["run-2"]]


def test_how_long_it_was_measured_and_under_which_system_is_the_same_series(tmp_path: Path) -> None:
    changed = measured(2, case=case_of(steps=500, repeat=3, seed=1), host=HOST | {"kernel": "6.6"})
    assert len(series_of(stored(tmp_path, measured(1), changed))) == 1


def test_what_has_no_figure_is_in_no_series(tmp_path: Path) -> None:
    runs = stored(tmp_path, measured(1), measured(2, reason="it died"), measured(3, model=None))
    assert len(runs) == 3
    assert [[run.id for run in one.runs] for one in series_of(runs)] == [["run-1"]]


def test_an_imported_run_of_no_known_host_is_not_taken_for_one_of_this_host(tmp_path: Path) -> None:
    nameless = {"model_name": "AMD EPYC"}
    stored(tmp_path, measured(1, host=nameless))
    runs = stored(tmp_path, measured(2, host=nameless), imported=True)
    assert len(series_of(runs)) == 2


def test_the_processes_of_one_call_are_one_point_their_mean(tmp_path: Path) -> None:
    calls = (None, "monday", "monday", "tuesday", None, "tuesday")
    records = [measured(day + 1, invocation=call) for day, call in enumerate(calls)]
    (series,) = series_of(stored(tmp_path, *records))
    assert [[run.id for run in point.runs] for point in series.points] == [
        ["run-1"],
        ["run-2", "run-3"],
        ["run-4", "run-6"],
        ["run-5"],
    ]
    means = [100, math.sqrt(101 * 102), math.sqrt(103 * 105), 104]
    assert list(series.figures) == pytest.approx(means)
    assert series.points[0].estimate.low is None
    low, high = series.points[1].estimate.low, series.points[1].estimate.high
    assert low is not None
    assert high is not None
    assert low < 101
    assert high > 102


def test_lower_is_better_of_times_alone(tmp_path: Path) -> None:
    (series,) = series_of(stored(tmp_path, measured(1, mode="latency"), unit="ms"))
    assert series.lower_is_better
    assert series.spread is None


def test_the_spread_is_that_from_run_to_run_whatever_changed_for_good(tmp_path: Path) -> None:
    (series,) = series_of(stored(tmp_path, *(measured(day) for day in range(1, 11))))
    steady = replace_figures(series.runs, [100, 101] * 5 + [200, 202] * 5)
    assert steady.spread == pytest.approx(0.12, abs=0.01)
    assert replace_figures(series.runs, [100, 101] * 20).spread == pytest.approx(0.007, abs=1e-3)


def replace_figures(runs: tuple[HistoryRun, ...], figures: list[float]) -> Any:
    (series,) = series_of(
        replace(runs[0], id=f"{at:02}", value=value) for at, value in enumerate(figures)
    )
    return series


def test_equal_processes_of_one_call_have_the_very_figure_of_a_single_run(tmp_path: Path) -> None:
    (series,) = series_of(stored(tmp_path, *(measured(day, invocation="one") for day in (1, 2))))
    same = [replace(run, value=7960.199004975124) for run in series.runs]
    (series,) = series_of(same)
    assert list(series.figures) == [7960.199004975124]
