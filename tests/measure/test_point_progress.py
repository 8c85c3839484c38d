"""The progress of a point, or of a budget, over all the sessions it is made of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from r50bench.measure import point_progress
from r50bench.measure.point_progress import BudgetProgress, PointProgress
from r50bench.notices import Notice, Silent
from support.fake_cases import planned


class Heard(Silent):
    """Keeps all that is said."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def phase(self, title: str, total: int | None = None) -> None:
        self.said.append(("phase", title, total))

    def advance(self, done: int, detail: str = "") -> None:
        self.said.append(("advance", done, detail))

    def note(self, text: str) -> None:
        self.said.append(("note", text))

    def warn(self, notice: Notice) -> None:
        self.said.append(("warn", notice.code))


def test_a_points_total_counts_the_batches_of_all_instances_warm_up_included() -> None:
    heard = Heard()
    case = planned("inference_latency_fp32", INSTANCES=2, STEPS=10, WARMUP_STEPS=5).case
    PointProgress(heard).begin("1 of 4", case)
    assert heard.said == [("phase", "1 of 4", 30)]


def test_phases_of_a_session_add_up_to_that_of_its_point() -> None:
    heard = Heard()
    point = PointProgress(heard)
    point.phase("case  warm-up", 10)
    point.advance(4)
    point.advance(10)
    point.phase("case  measuring", 20)
    point.advance(5)
    point.advance(6, "round 2")
    assert heard.said == [
        ("advance", 0, "warm-up"),
        ("advance", 4, "warm-up"),
        ("advance", 10, "warm-up"),
        ("advance", 10, "measuring"),
        ("advance", 15, "measuring"),
        ("advance", 16, "round 2"),
    ]


def test_what_every_session_says_is_said_once() -> None:
    heard = Heard()
    point = PointProgress(heard)
    for _ in range(3):
        point.note("weights are random")
        point.warn(Notice("governor", "the governor is powersave"))
    point.note("another")
    assert heard.said == [("note", "weights are random"), ("warn", "governor"), ("note", "another")]


def test_a_budget_is_one_phase_in_whole_seconds_whatever_works_within_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter((100.0, 100.5, 101.25))
    monkeypatch.setattr(point_progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    heard = Heard()
    budget = BudgetProgress(heard, "tuning", 1.5)
    budget.phase("case  compiling", 7)
    budget.advance(1000)
    assert heard.said == [
        ("phase", "tuning", 2),
        ("advance", 0, "compiling"),
        ("advance", 1, "compiling"),
    ]
