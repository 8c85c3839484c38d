"""The folder of a sweep, also one that a former r50bench began."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from r50bench.errors import UsageError
from r50bench.sweep.folder import SweepFolder, read_plan
from support.former_records import FORMER


@pytest.fixture
def former(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FORMER / "sweep", tmp_path / "sweep"))


def test_a_sweep_of_schema_1_goes_on_where_it_was(former: Path) -> None:
    plan = read_plan(former)
    with SweepFolder.opened(former, plan) as folder:
        runs, damaged = folder.runs()
    assert damaged == []
    assert [len(runs[point.case]) for point in plan.points if point.case] == [1, 1]
    assert [
        str(point.effective.request["batch_size"]) for point in plan.points if point.effective
    ] == [
        "1 (--set)",
        "2 (--set)",
    ]


def test_a_plan_that_is_opened_is_not_edited(former: Path) -> None:
    before = (former / "sweep.json").read_bytes()
    with SweepFolder.opened(former, read_plan(former)):
        pass
    assert (former / "sweep.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [({"schema_version": 99}, "follows schema 99"), ({"points": [3]}, "damaged")],
)
def test_a_plan_that_cannot_be_read_is_refused_with_its_path(
    former: Path, change: dict[str, object], said: str
) -> None:
    raw = json.loads((former / "sweep.json").read_text())
    (former / "sweep.json").write_text(json.dumps(raw | change))
    with pytest.raises(UsageError, match=said) as caught:
        read_plan(former)
    assert "sweep.json" in caught.value.message
