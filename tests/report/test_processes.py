"""The table of several processes."""

from __future__ import annotations

from r50bench.report.processes import processes_text
from r50bench.results.kpi import Kpi


def kpi(value: float, half_width: float = 0.0) -> Kpi:
    ends = (value - half_width, value + half_width) if half_width else (None, None)
    return Kpi("Average Throughput", "img/s", value, *ends, primary=True)


def test_a_row_says_the_mean_its_interval_and_where_the_spread_lies() -> None:
    text = processes_text([("a case", [kpi(90, 0.1), kpi(100, 0.1), kpi(110, 0.1)])])
    row = text.splitlines()[-1]
    assert row.split() == [
        "a", "case:", "Average", "Throughput", "(img/s)", "3", "99.67", "77.67", "to", "127.9",
        "10.04", "%", "100", "%",
    ]  # fmt: skip


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    figures = [kpi(27.4, 0.1), kpi(28.1, 0.1), kpi(29.4, 0.1)]
    text = processes_text([("inference_throughput_avx_fp32 torch-eager", figures)], 80)
    assert max(map(len, text.splitlines())) <= 80


def test_what_cannot_be_known_is_left_open_and_cases_without_figures_out() -> None:
    text = processes_text([("single", [kpi(90)]), ("failed", [])])
    assert text.splitlines()[-1].split()[-3:] == ["-", "-", "-"]
    assert "failed" not in text
    assert processes_text([("failed", [])]) == ""


def test_an_accuracy_of_0_is_a_figure_whose_interval_and_spread_are_left_open() -> None:
    none = Kpi("Accuracy", "%", 0.0, 0.0, 5.0, primary=True)
    row = processes_text([("wrong", [none, none])]).splitlines()[-1]
    assert row.split() == ["wrong:", "Accuracy", "(%)", "2", "0.000", "-", "-", "-"]
