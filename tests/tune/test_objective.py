"""The words for an objective."""

from __future__ import annotations

import pytest

from r50bench.errors import UsageError
from r50bench.tune.objective import Objective


@pytest.mark.parametrize(
    ("text", "objective", "shown"),
    [
        ("throughput", Objective("throughput"), "throughput"),
        (" Latency ", Objective("latency"), "latency"),
        (
            "throughput@latency<=15ms",
            Objective("throughput", "latency", 15e6),
            "throughput@latency<=15ms",
        ),
        (
            "throughput@p99 ≤ 0.5 s",
            Objective("throughput", "p99", 5e8),
            "throughput@p99<=500ms",
        ),
        (
            "throughput@p50<=200us",
            Objective("throughput", "p50", 2e5),
            "throughput@p50<=0.2ms",
        ),
    ],
)
def test_objectives_are_read_and_shown(text: str, objective: Objective, shown: str) -> None:
    assert Objective.parse(text) == objective
    assert str(objective) == shown
    assert Objective.parse(shown) == objective


@pytest.mark.parametrize(
    "text",
    ["", "speed", "throughput@15ms", "throughput@latency<=15", "throughput@latency<=0ms",
     "latency@p99<=3ms", "throughput@latency>=3ms"],
)  # fmt: skip
def test_other_words_are_refused_with_what_is_right(text: str) -> None:
    with pytest.raises(UsageError, match="unknown objective") as caught:
        Objective.parse(text)
    assert "throughput@latency<=15ms" in str(caught.value.hint)
