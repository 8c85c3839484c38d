"""A comparison as text, Markdown and data."""

from __future__ import annotations

import json
from dataclasses import replace

from r50bench.comparison.compare import Comparison, compare_sides
from r50bench.comparison.text import comparison_as_data, comparison_markdown, comparison_text
from support.measured_runs import run_of, side


def three_cases() -> Comparison:
    rows = [("avx_int8", 90.0), ("avx_fp32", 110.0), ("avx_bfloat16", 100.0)]
    base = [run_of(100.0 + at / 10, precision=name) for name, _ in rows for at in range(3)]
    new = [
        run_of(value + at / 10, precision=name, engine="r50") for name, value in rows
        for at in range(3)
    ]  # fmt: skip
    return compare_sides(side("old", *base), side("runs|new", *new))


def test_the_table_says_all_that_a_verdict_rests_on() -> None:
    lines = comparison_text(three_cases(), 200).splitlines()
    assert lines[:2] == ["base: old", "new:  runs|new"]
    assert lines[3].split("  ")[0] == "case"
    int8 = next(line for line in lines if line.startswith("inference_throughput_avx_int8"))
    assert int8.split() == [
        "inference_throughput_avx_int8", "100.1", "90.10", "img/s", "3", "/", "3",
        "0.900", "0.898", "to", "0.902", "slower",
    ]  # fmt: skip
    assert "same within ±2 %" in "\n".join(lines)
    assert "what else differs, strongest suspect first:" in lines
    assert "  case engine: torch -> r50" in lines
    assert any("verdicts hold for the table of 3" in line for line in lines)


def test_a_difference_of_some_cases_names_them() -> None:
    base = [run_of(10, "throughput"), run_of(5, "latency")]
    new = [run_of(10, "throughput", steps=7), run_of(5, "latency")]
    text = comparison_text(compare_sides(side("a", *base), side("b", *new)))
    assert "  case steps: 100 -> 7  (inference_throughput_avx_int8)" in text


def test_variables_and_lists_are_written_as_they_are_given() -> None:
    base = run_of(10, customer_env=(("A", "1"), ("B", "two words")))
    new = replace(run_of(10), record=replace(run_of(10).record, host={"isa": ["avx2", "fma"]}))
    text = comparison_text(compare_sides(side("a", base), side("b", new)))
    assert "  case customer_env: A=1 B='two words' -> none" in text
    assert "  host isa: unknown -> avx2 fma" in text


def test_equal_sides_say_that_nothing_else_differs() -> None:
    both = side("a", run_of(10), run_of(10))
    assert "nothing else differs" in comparison_text(compare_sides(both, both))


def test_accuracy_is_not_called_slow() -> None:
    low, high = side("a", run_of(90, "accuracy")), side("b", run_of(95, "accuracy"))
    assert "less accurate" in comparison_text(compare_sides(high, low))
    assert "more accurate" in comparison_text(compare_sides(low, high))


def test_noise_says_what_would_tell_and_single_processes_what_is_missing() -> None:
    noisy = compare_sides(
        side("a", *map(run_of, (100, 103, 98))), side("b", *map(run_of, (96, 97, 101)))
    )
    assert "processes a side would tell" in comparison_text(noisy, 250)
    single = compare_sides(side("a", run_of(10, half_width=1)), side("b", run_of(12)))
    assert "nothing can be said of the next process" in comparison_text(single)


def test_markdown_begins_with_the_answer_and_escapes_what_would_break_its_tables() -> None:
    text = comparison_markdown(three_cases())
    assert text.splitlines()[0] == "**1 slower, 1 faster, 1 same within ±2 %**"
    assert "| inference_throughput_avx_int8 | 100.1 | 90.10 |" in text
    assert "<details>" in text
    assert "- case engine: torch -> r50" in text


def test_data_hold_every_field_and_are_json() -> None:
    data = json.loads(json.dumps(comparison_as_data(three_cases())))
    assert data["tolerance"] == 0.02
    assert [case["verdict"] for case in data["cases"]] == ["slower", "faster", "same"]
    assert data["cases"][0]["differing"][0] == {
        "what": "case engine",
        "before": "torch",
        "after": "r50",
    }
