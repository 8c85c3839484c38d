"""The figure of several processes, and what share of its spread lies between them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from r50bench.results.kpi import Kpi
from r50bench.results.processes import log_error, process_figures


def kpi(value: float, half_width: float | None = None) -> Kpi:
    if half_width is None:
        return Kpi("Average Throughput", "img/s", value, primary=True)
    return Kpi("Average Throughput", "img/s", value, value - half_width, value + half_width)


def test_the_interval_is_students_on_the_logarithms_of_processes() -> None:
    found = process_figures([kpi(90), kpi(100), kpi(110)])
    assert found.estimate.value == pytest.approx((90 * 100 * 110) ** (1 / 3))
    half = 4.302653 * float(np.std(np.log([90, 100, 110]), ddof=1)) / math.sqrt(3)
    assert found.estimate.high == pytest.approx(found.estimate.value * math.exp(half), rel=1e-6)
    assert found.spread == pytest.approx(float(np.std(np.log([90, 100, 110]), ddof=1)))


def test_the_share_between_is_what_the_spread_within_does_not_explain() -> None:
    between, within = 0.03, 0.02
    random = np.random.default_rng(5)
    logs = math.hypot(between, within) * random.standard_normal(4000)
    figures = [kpi(value, value * math.expm1(1.959964 * within)) for value in np.exp(logs)]
    share = process_figures(figures).between
    assert share == pytest.approx(between**2 / (between**2 + within**2), abs=0.03)


def test_a_spread_that_rounds_explain_lies_not_between_processes() -> None:
    assert process_figures([kpi(100, 20), kpi(101, 20)]).between == 0


def test_one_process_has_a_figure_and_no_spread() -> None:
    found = process_figures([kpi(100, 1)])
    assert found.estimate.value == pytest.approx(100)
    assert (found.estimate.low, found.spread, found.between) == (None, None, None)
    with pytest.raises(ValueError, match="no process"):
        process_figures([])


def test_what_has_no_interval_leaves_the_share_unknown() -> None:
    assert process_figures([kpi(100, 1), kpi(101)]).between is None
    assert log_error(kpi(100)) is None
    assert log_error(kpi(100, 1.98)) == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize("values", [(0, 0), (0, 3)])
def test_processes_of_which_one_has_0_have_an_arithmetic_mean_and_nothing_else(
    values: tuple[float, ...],
) -> None:
    found = process_figures([Kpi("Accuracy", "%", value, 0.0, 5.0) for value in values])
    assert found.estimate.value == sum(values) / 2
    assert (found.estimate.low, found.estimate.high) == (None, None)
    assert (found.spread, found.between) == (None, None)
