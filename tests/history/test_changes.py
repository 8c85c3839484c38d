from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.history.changes import Change, changes_of
from r50bench.history.series import series_of
from r50bench.results.record import Record, write_record
from support.records import record_of
from support.stored_runs import keep_series


def explain(before: Record, after: Record) -> list[str]:
    return [f"kernel {before.host['kernel']} -> {after.host['kernel']}"]


@pytest.mark.parametrize(("unit", "better"), [("img/s", False), ("ms", True)])
def test_a_change_says_when_between_which_runs_and_what_else_changed(
    tmp_path: Path, unit: str, better: bool
) -> None:
    runs = keep_series(tmp_path, [100, 101] * 10 + [90, 91] * 5, unit=unit)
    for at, kernel in ((19, "6.1"), (20, "6.6")):
        (tmp_path / "runs" / runs[at].id).mkdir(parents=True)
        record = record_of(id=runs[at].id, host={"kernel": kernel})
        write_record(record, tmp_path / "runs" / runs[at].id)
    (series,) = series_of(runs)
    (change,) = changes_of(series, explain)
    assert (change.before.id, change.after.id) == (runs[19].id, runs[20].id)
    assert change.ratio.value == pytest.approx(0.9, rel=0.01)
    assert change.points == (20, 10)
    assert change.better is better
    assert change.suspects == ("kernel 6.1 -> 6.6",)


def test_what_else_changed_is_unknown_where_a_record_is_gone(tmp_path: Path) -> None:
    (series,) = series_of(keep_series(tmp_path, [100, 101] * 10 + [90, 91] * 5))
    (change,) = changes_of(series, explain)
    assert isinstance(change, Change)
    assert change.suspects is None
