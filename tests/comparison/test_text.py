"""A comparison as text, Markdown and data."""

from __future__ import annotations

import json
from dataclasses import replace

from r50bench.comparison.compare import Comparison, compare_sides
from r50bench.comparison.text import (
    answer_lines,
    comparison_as_data,
    comparison_markdown,
    comparison_text,
)
from support.measured_runs import looked_at, run_of, side


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


def undisturbed(*values: float | None) -> Comparison:
    base = [looked_at(run_of(100 + at), 200 + at / 10, full_speed=61) for at in range(3)]
    new = [looked_at(run_of(50.0), value, full_speed=20) for value in values]
    return compare_sides(side("a", *base), side("b", *new), judged="undisturbed")


JUDGED = "undisturbed batches were judged, and not what was experienced in all"
COUNTS = (
    "base: 3 of 3 processes had enough undisturbed batches, cores at full speed in 61 % of all;"
    " new: 2 of 3 processes had enough undisturbed batches, cores at full speed in 20 % of all"
)


def test_text_and_markdown_say_that_undisturbed_batches_were_judged_and_on_which_cores() -> None:
    found = undisturbed(180.0, None, 180.2)
    text = comparison_text(found, 250)
    row = next(line for line in text.splitlines() if line.startswith("inference"))
    assert "200.1  180.1  img/s undisturbed" in row
    assert "3 of 3 / 2 of 3  61 % / 20 %" in row
    assert "full speed" in text
    assert JUDGED in text
    assert COUNTS in text
    assert answer_lines(found)[0].startswith(
        "inference_throughput_avx_int8: slower; 200.1 → 180.1 img/s undisturbed, 0.900"
    )
    markdown = comparison_markdown(found)
    assert markdown.startswith("**1 slower, by undisturbed batches**")
    assert f"- {COUNTS}" in markdown
    assert comparison_as_data(found)["judged"] == "undisturbed"
    assert comparison_as_data(found)["cases"][0]["undisturbed"][1]["enough"] == 2


def test_what_nobody_can_tell_for_want_of_undisturbed_batches_says_so() -> None:
    text = comparison_text(undisturbed(180.0, None, None), 250)
    assert "too noisy to say: too few undisturbed batches" in text
    assert "what is shown is as experienced, and no verdict rests on it" in text
    assert "new: 1 of 3 processes had enough undisturbed batches" in text
    assert "img/s undisturbed" not in text


def test_of_several_cases_each_says_what_it_had() -> None:
    rows = [(mode, value) for mode in ("throughput", "latency") for value in (10.0, 10.1)]
    both = [side(title, *(looked_at(run_of(*row[::-1]), row[1]) for row in rows)) for title in "ab"]
    text = comparison_text(compare_sides(*both, judged="undisturbed"), 250)
    assert "inference_throughput_avx_int8: base: 2 of 2 processes" in text
    assert "inference_latency_avx_int8: base: 2 of 2 processes" in text
