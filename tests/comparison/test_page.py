"""The page of a comparison: verdicts, a picture of the ratios, suspects, and both sides' runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from r50bench.comparison.compare import Comparison, compare_sides
from r50bench.comparison.page import comparison_page
from r50bench.comparison.ratio_plot import ratio_plot_svg
from r50bench.comparison.side import MeasuredRun, Side, read_run, side_of
from support.measured_runs import leave, looked_at, run_of, side

SVG = "{http://www.w3.org/2000/svg}"


def page_of(base: Side, new: Side) -> str:
    return comparison_page(compare_sides(base, new), base.runs, new.runs)


def sides(precisions: tuple[str, ...] = ("avx_int8",), new: float = 90.0) -> tuple[Side, Side]:
    """Three runs of each case, at 100 and at ``new`` images/s."""
    return (
        side("old", *(run_of(100 + at, precision=one) for one in precisions for at in range(3))),
        side("now", *(run_of(new + at, precision=one) for one in precisions for at in range(3))),
    )


def left(folder: Path, latency_ms: float) -> Side:
    for _ in range(2):
        leave(folder, latency_ms)
    return side_of(folder.name, [read_run(one) for one in sorted(folder.iterdir())])


def test_the_verdict_stands_first_with_the_figures_it_rests_on() -> None:
    page = page_of(*sides())
    answer = re.search(r'<p class="answer">(.*?)</p>', page)
    assert answer is not None
    assert answer[1].startswith("inference_throughput_avx_int8: slower; 101.0 → 91.00 img/s, 0.901")
    assert page.index('class="answer"') < page.index("<svg")
    assert "<p>base: old</p>" in page
    assert "<p>new: now</p>" in page


def test_the_page_says_that_undisturbed_batches_were_judged() -> None:
    runs = [[looked_at(run_of(100), value + at) for at in range(3)] for value in (200, 180)]
    base, new = (side(title, *some) for title, some in zip(("old", "now"), runs, strict=True))
    found = compare_sides(base, new, judged="undisturbed")
    page = comparison_page(found, base.runs, new.runs)
    assert "undisturbed batches were judged, and not what was experienced in all" in page
    assert "new: 3 of 3 processes had enough undisturbed batches" in page
    assert re.search(r"<th[^>]*>full speed</th>", page)


def test_of_several_cases_the_answer_counts_and_names_the_greatest_loss() -> None:
    base, new = sides(("avx_int8", "avx_fp32"))
    page = page_of(base, side("now", *new.runs[:3], *base.runs[3:]))
    assert "1 slower, 1 too noisy to say: 2 cases in all." in page
    assert "The largest loss: inference_throughput_avx_int8, 0.901" in page


def comparison(new: float = 90.0, spread: float = 1.0) -> Comparison:
    runs = [run_of(new + spread * at) for at in range(3)]
    return compare_sides(sides()[0], side("now", *runs))


def test_the_picture_has_every_process_and_the_interval_and_says_the_verdict() -> None:
    root = ElementTree.fromstring(ratio_plot_svg(comparison()))
    assert len(root.findall(f".//{SVG}circle")) == 6
    told = [one.text or "" for one in root.iter(f"{SVG}title")]
    assert any(one.startswith("inference_throughput_avx_int8: 0.901 (0.8") for one in told)
    assert "base: 100.0 img/s, −0.987 %" in told
    words = [one.text for one in root.iter(f"{SVG}text")]
    assert "inference_throughput_avx_int8: slower" in words
    assert "Shaded: what counts as the same, ±2 %." in words


@pytest.mark.parametrize(("new", "spread"), [(90.0, 400.0), (5000.0, 1.0), (0.01, 0.0), (100, 0.0)])
def test_however_far_figures_lie_apart_all_of_the_picture_is_within_its_frame(
    new: float, spread: float
) -> None:
    root = ElementTree.fromstring(ratio_plot_svg(comparison(new, spread)))
    at = [float(one.get("cx", 0)) for one in root.iter(f"{SVG}circle")]
    at += [float(one.get("x", 0)) for one in root.iter(f"{SVG}text")]
    at += [
        float(one.get("x", 0)) + float(one.get("width", 0))
        for one in root.iter(f"{SVG}rect")
        if one.get("x")
    ]
    assert min(at) > 0
    assert max(at) <= 760


def test_counts_of_which_one_side_has_none_right_are_drawn_too() -> None:
    found = compare_sides(side("a", run_of(90, "accuracy")), side("b", run_of(0, "accuracy")))
    assert "less accurate" in ratio_plot_svg(found)


def test_forty_cases_are_drawn_and_all_are_in_the_table() -> None:
    base = [run_of(100 + at, batch_size=size) for size in range(1, 46) for at in range(2)]
    new = [run_of(100 + at, batch_size=size) for size in range(1, 46) for at in range(2)]
    page = page_of(side("a", *base), side("b", *new))
    assert "The first 40 of 45 cases; the table has all." in page
    assert "BATCH_SIZE 45" in page


def test_samples_are_drawn_by_side_whatever_clock_each_process_had(tmp_path: Path) -> None:
    page = page_of(left(tmp_path / "base", 2.0), left(tmp_path / "new", 2.2))
    assert "base (2 processes)" in page
    assert "new (2 processes): p50 2.200 ms of 80 batches" in page
    assert page.count("r50bench replay") == 4
    assert "<th>side</th>" in page


def test_sides_without_samples_have_all_but_the_latencies() -> None:
    page = page_of(*sides())
    assert "<h2>Latency</h2>" not in page
    assert "r50bench replay" not in page
    assert "<h2>All figures</h2>" in page


def test_suspects_are_a_table_and_their_absence_is_said() -> None:
    base, _ = sides()
    changed = side("b", *(run_of(90 + at, engine="r50") for at in range(3)))
    page = page_of(base, changed)
    assert "<td>case engine</td><td>torch</td><td>r50</td><td>all</td>" in page
    assert "Nothing: host, versions" in page_of(base, base)


def test_no_word_of_a_side_becomes_markup() -> None:
    evil = '"><script>alert(1)</script>'

    def poisoned(run: MeasuredRun) -> MeasuredRun:
        return replace(run, record=replace(run.record, host={"model_name": evil, "kernel": evil}))

    base, new = sides()
    bad = side_of(evil, [poisoned(run) for run in new.runs])
    assert "<script" not in comparison_page(compare_sides(base, bad), base.runs, bad.runs)
