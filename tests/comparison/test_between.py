"""What a history knows of the spread between runs of one case."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from r50bench.comparison.between import between_processes, spread_of
from r50bench.comparison.side import MeasuredRun
from r50bench.comparison.verdict import Sample, log_ratio
from r50bench.results.history import History
from support.measured_runs import run_of


def history_of(folder: Path, runs: Sequence[MeasuredRun]) -> History:
    history = History(folder / "history.sqlite")
    for number, run in enumerate(runs):
        created = f"2026-01-31T12:{number:02d}:00+00:00"
        history.add(replace(run.record, created=created), folder / run.record.id, run.figures)
    return history


def test_the_spread_is_that_from_each_run_to_the_next_five(tmp_path: Path) -> None:
    runs = [run_of(math.exp(value)) for value in (0.00, 0.02, 0.00, 0.02, 0.00)]
    with history_of(tmp_path, runs) as history:
        found = between_processes(history, [run_of(1).record], ())
    assert found is not None
    assert found.variance == pytest.approx(6 / 10 * 0.02**2 / 2)  # 6 of 10 steps are not 0
    assert found.freedom == pytest.approx(2 * 16 / 11)


def test_a_change_that_lasts_counts_little(tmp_path: Path) -> None:
    values = [0.001 * (number % 2) + (0.5 if number > 9 else 0.0) for number in range(20)]
    with history_of(tmp_path, [run_of(math.exp(value)) for value in values]) as history:
        found = between_processes(history, [run_of(1).record], ())
    assert found is not None
    assert math.sqrt(found.variance) < 0.16  # the standard deviation of the values is 0.25


def test_the_runs_in_question_and_other_cases_do_not_count(tmp_path: Path) -> None:
    asked = run_of(100)
    others = [
        run_of(50, precision="avx_fp32"),
        run_of(1, batch_size=64),
        run_of(2, engine="r50"),
        run_of(3, host="b" * 16),
        run_of(4, graph="v1.5"),
    ]
    same = [run_of(10.0), run_of(10.0), run_of(10.0), run_of(10.0)]
    with history_of(tmp_path, [asked, *others, *same]) as history:
        found = between_processes(history, [asked.record], [asked.record.id])
    assert found is not None
    assert found.variance == 0


def test_a_short_history_knows_nothing(tmp_path: Path) -> None:
    with history_of(tmp_path, [run_of(10), run_of(11), run_of(10)]) as history:
        assert between_processes(history, [run_of(1).record], ()) is None
        hostless = replace(run_of(1).record, host={})
        assert between_processes(history, [hostless], ()) is None


def test_neighbours_of_one_call_do_not_stand_for_runs_of_other_times(tmp_path: Path) -> None:
    # Calls of three processes: 0.001 apart within a call, 0.05 from one call to the next.
    values = [0.05 * (call % 2) + 0.001 * at for call in range(6) for at in range(3)]
    runs = [
        run_of(math.exp(value), invocation=f"call-{number // 3}")
        for number, value in enumerate(values)
    ]
    with history_of(tmp_path, runs) as history:
        found = between_processes(history, [run_of(1).record], ())
    assert found is not None
    assert math.sqrt(2 * found.variance) > 0.03  # within a call it is 0.001
    with history_of(tmp_path / "one call", runs[:3]) as history:
        assert between_processes(history, [run_of(1).record], ()) is None


def test_a_row_whose_call_is_damaged_is_of_no_call_and_hides_nothing(tmp_path: Path) -> None:
    runs = [run_of(math.exp(value)) for value in (0.00, 0.02, 0.00, 0.02, 0.00)]
    with history_of(tmp_path, runs) as history:
        whole = between_processes(history, [run_of(1).record], ())
    with sqlite3.connect(tmp_path / "history.sqlite") as damaged:
        damaged.execute("UPDATE records SET facts = json_set(facts, '$.invocation', 7)")
    damaged.close()
    with History(tmp_path / "history.sqlite") as history:
        assert between_processes(history, [run_of(1).record], ()) == whole
    assert whole is not None


def test_runs_of_a_drifting_machine_are_told_apart_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drifting, nearest = shares_told_apart()
    assert drifting < 0.12
    monkeypatch.setattr("r50bench.comparison.between._LAGS", 1)
    _, alone = shares_told_apart()
    assert nearest == pytest.approx(alone, abs=0.02)  # of a steady machine it is the same


def shares_told_apart() -> tuple[float, float]:
    """Of random pairs of 20 runs: of a machine whose neighbours resemble each other by 0.7, and of
    a steady one.
    """
    random = np.random.default_rng(4)
    wrong = np.zeros(2)
    for _ in range(400):
        steady = random.normal(size=22)
        drifting = steady.copy()
        for at in range(1, 22):
            drifting[at] = 0.7 * drifting[at - 1] + math.sqrt(1 - 0.49) * steady[at]
        one, other = random.choice(22, 2, replace=False)
        for kind, logs in enumerate((drifting, steady)):
            known = spread_of([[(float(log), None) for log in np.delete(logs, (one, other))]])
            sides = [Sample((math.exp(logs[at]),), (None,)) for at in (one, other)]
            wrong[kind] += log_ratio(*sides, known).p_equal() < 0.05
    return wrong[0] / 400, wrong[1] / 400
