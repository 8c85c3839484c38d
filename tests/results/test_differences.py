"""What is said to differ between a record and its repetition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.results.differences import Difference, differences, figure_pairs
from r50bench.results.kpi import Kpi
from support import records

BEFORE = records.record_of(
    host={"model_name": "AMD EPYC", "cores": 2, "load_average": 0.1, "versions": {"torch": "2.13"}}
)


def test_the_same_run_differs_in_nothing() -> None:
    assert differences(BEFORE, replace(BEFORE, id="other", created="later")) == ()


def test_host_versions_model_and_engine_are_compared_and_the_moment_is_not() -> None:
    assert BEFORE.model is not None
    assert BEFORE.engine is not None
    host = {"model_name": "Xeon", "cores": 2, "load_average": 7, "versions": {"torch": "2.14"}}
    after = replace(
        BEFORE,
        host=host | {"container": "docker"},
        model=replace(BEFORE.model, weights="random", why="no network"),
        engine=replace(BEFORE.engine, compiled_in_this_run=True),
    )
    assert differences(BEFORE, after) == (
        Difference("host model_name", "AMD EPYC", "Xeon"),
        Difference("host versions torch", "2.13", "2.14"),
        Difference("host container", None, "docker"),
        Difference("model weights", "v1", "random"),
    )


def test_weights_that_were_chosen_automatically_do_not_differ_from_those_it_came_to() -> None:
    automatic = replace(BEFORE, case=replace(BEFORE.case, weights="auto"))
    assert differences(automatic, replace(BEFORE, case=replace(BEFORE.case, weights="v1"))) == ()


def test_a_part_that_only_one_record_has_differs_in_all_its_fields() -> None:
    found = {one.what for one in differences(BEFORE, replace(BEFORE, data=None))}
    assert found == {"data kind", "data name", "data pictures", "data sha256", "data skipped"}


@pytest.mark.parametrize(
    ("before", "after", "recounted"),
    [
        (Kpi("a", "", 10, 9, 11), Kpi("a", "", 20, 19, 21), False),
        (Kpi("Accuracy", "%", 95), Kpi("Accuracy", "%", 90), True),
        (Kpi("Accuracy", "%", 95), Kpi("Accuracy", "%", 95), False),
        (Kpi("Scored Pictures", "", 20), Kpi("Scored Pictures", "", 19), True),
    ],
)
def test_counts_that_come_out_otherwise_are_told_from_figures_that_scatter(
    before: Kpi, after: Kpi, recounted: bool
) -> None:
    (pair,) = figure_pairs([before], [after])
    assert pair.recounted is recounted
    assert pair.change == pytest.approx(after.value / before.value - 1)


def test_shares_change_by_points_and_other_figures_do_not() -> None:
    before = [Kpi("Harness Overhead", "%", -0.5), Kpi("a", "ms", 4)]
    after = [Kpi("Harness Overhead", "%", 0.25), Kpi("a", "ms", 5)]
    assert [pair.points for pair in figure_pairs(before, after)] == [0.75, None]


def test_figures_that_only_one_has_are_left_out() -> None:
    pairs = figure_pairs([Kpi("a", "", 0), Kpi("b", "", 1)], [Kpi("c", "", 1), Kpi("a", "", 0)])
    assert [(pair.before.name, pair.change) for pair in pairs] == [("a", None)]
