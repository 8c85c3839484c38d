"""Latency over time: every instance in its colour, rounds beside each other."""

from __future__ import annotations

import re
from pathlib import Path

from r50bench.report.records_page.latency_strip import latency_strip_svg
from r50bench.report.records_page.shown import Shown, labelled
from support.records import record_of, samples_of_latencies


def test_a_slow_spell_is_told_with_its_instance_its_time_and_its_latency() -> None:
    samples = samples_of_latencies([[10.0] * 100, [10.0] * 50 + [30.0] + [10.0] * 47])
    picture = latency_strip_svg(labelled([Shown.of(record_of(), samples, Path())]))
    assert "avx_int8 torch · 198 batches of 2 instances" in picture
    assert re.search(r"instance 1 at 0\.50 s: 30\.00 ms", picture)


def test_the_time_between_rounds_is_left_out() -> None:
    samples = samples_of_latencies([[10.0] * 100] * 2, rounds=3)  # a minute apart
    picture = latency_strip_svg(labelled([Shown.of(record_of(), samples, Path())]))
    assert "3.00 s measured" in picture
