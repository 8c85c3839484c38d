"""A run that is INVALID says what to leave out of it."""

from __future__ import annotations

from typing import Any

import pytest

from r50bench.load import LoadgenSettings
from r50bench.mlperf.run.ways_out import ways_out


def said(scenario: str, *, target_measured: bool = False, **given: Any) -> str:
    asked = LoadgenSettings(scenario=scenario, mode="PerformanceOnly", **given)
    return ways_out(asked, target_measured=target_measured)


def test_a_rate_that_was_given_is_what_to_leave_out_first() -> None:
    text = said("Server", target_qps=400.0, quick=True)
    assert text.startswith("leave --target-qps 400 out: the target is measured then")
    assert "leave --quick out: of a longer run more queries may be late" in text
    assert "does without Server" in text


@pytest.mark.parametrize(
    ("given", "named"),
    [({"quick": True}, "--quick"), ({"duration_s": 3.0, "quick": True}, "--duration 3")],
)
def test_what_shortened_the_run_is_named(given: dict[str, Any], named: str) -> None:
    text = said("SingleStream", target_measured=True, **given)
    assert text == (
        f"run it while nothing else does; or leave {named} out: of a longer run more queries may"
        " be late"
    )


def test_a_target_that_was_replaced_is_no_culprit_and_a_bound_is_no_target() -> None:
    assert "--target" not in said("Offline", target_measured=True, target_qps=1.0)
    assert "--target" not in said("Server", target_measured=True, target_latency_ms=5.0)


def test_a_count_too_small_is_named() -> None:
    assert "leave --query-count out" in said("Server", target_measured=True, query_count=10)


def test_of_a_whole_run_there_is_nothing_to_leave_out() -> None:
    assert said("Server", target_measured=True) == "run it while nothing else does"
