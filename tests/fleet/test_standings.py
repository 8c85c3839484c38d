"""A row per question, a cell per node."""

from __future__ import annotations

import math

import pytest

from r50bench.fleet.standings import standings
from r50bench.results.kpi import Kpi
from r50bench.results.stats import Estimate
from support.fleet_records import answered


def test_nodes_stand_from_the_best_to_those_without_a_figure() -> None:
    (one,) = standings(
        [
            answered("int8", "a", 100.0),
            answered("int8", "b", reason="the node died"),
            answered("int8", "c", 120.0),
        ]
    )
    assert [(cell.title, cell.estimate and cell.estimate.value) for cell in one.cells] == [
        ("c", 120.0),
        ("a", 100.0),
        ("b", None),
    ]
    assert one.cells[-1].reason == "the node died"
    assert one.best is one.cells[0]
    assert (one.name, one.unit) == ("Average Throughput", "img/s")


def test_of_a_latency_the_smallest_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kpi, "more_is_better", property(lambda kpi: False))
    (one,) = standings([answered("latency", "a", 3.0), answered("latency", "b", 2.0)])
    assert [cell.title for cell in one.cells] == ["b", "a"]
    assert not one.more_is_better


def test_intervals_that_reach_into_the_best_ones_are_level_with_it() -> None:
    (one,) = standings(
        [
            answered("int8", "a", 100.0, half_width=2.0),
            answered("int8", "b", 97.0, half_width=1.0),
            answered("int8", "c", 96.9, half_width=1.0),
            answered("int8", "d", 99.0),
        ]
    )
    assert one.level == ("b",)


def test_processes_of_a_node_are_one_cell_with_an_interval_of_their_own() -> None:
    (one,) = standings([answered("int8", "a", 100.0, 121.0)])
    (cell,) = one.cells
    assert cell.processes == 2
    assert cell.estimate is not None
    assert math.isclose(cell.estimate.value, 110.0)
    # Student's t with one degree of freedom: 12.706 × 0.0953 on the logarithms.
    assert cell.estimate.high == pytest.approx(110.0 * math.exp(12.7062 * math.log(1.21) / 2), 1e-4)


def test_an_answer_after_a_failure_takes_its_place() -> None:
    (one,) = standings(
        [answered("int8", "a", reason="the node died"), answered("int8", "a", 100.0)]
    )
    assert [cell.estimate for cell in one.cells] == [Estimate(100.0)]


def test_of_an_errand_of_several_each_record_answers_a_question_of_its_own() -> None:
    found = standings(
        [
            answered("*", "a", 100.0, several=True, precision="avx_fp32"),
            answered("*", "a", 200.0, several=True),
            answered("*", "b", 210.0, several=True),
            answered("*", "c", several=True, reason="the node died"),
        ]
    )
    assert [(one.question, [cell.title for cell in one.cells]) for one in found] == [
        ("inference_throughput_avx_fp32 torch, batch 8, 2 × 1 cores", ["a"]),
        ("inference_throughput_avx_int8 torch, batch 8, 2 × 1 cores", ["b", "a"]),
        ("*", ["c"]),
    ]


def test_a_question_that_nobody_answered_has_no_best() -> None:
    (one,) = standings([answered("int8", "a", reason="no weights")])
    assert one.best is None
    assert one.unit == ""
