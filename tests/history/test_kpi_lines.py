from __future__ import annotations

import pytest

from r50bench.history.kpi_lines import read_kpi_lines
from r50bench.results.foreign import ForeignFigure


def test_parameters_and_figures_are_told_from_all_else_the_primary_one_first() -> None:
    lines = """
        # a comment
        ## MODE: throughput
        ##BATCH_SIZE: 64
        ## CASE_TYPE:
        Average Latency (ms): 4.5
        *Throughput (samples/s): 13460.00
        top-1 accuracy: 76.1
        Starting the benchmark: now
        mlflow 12: 3 instances
    """
    said = read_kpi_lines(lines.splitlines())
    assert said.settings == {"MODE": "throughput", "BATCH_SIZE": "64", "CASE_TYPE": ""}
    assert said.figures == (
        ForeignFigure("Throughput", "samples/s", 13460.0),
        ForeignFigure("Average Latency", "ms", 4.5),
        ForeignFigure("top-1 accuracy", "", 76.1),
    )


@pytest.mark.parametrize("value", ["-1", "-1.0", "1e999", "-1e999"])
def test_a_placeholder_or_what_no_float_holds_is_no_figure(value: str) -> None:
    assert read_kpi_lines([f"*Accuracy (%): {value}"]).figures == ()


@pytest.mark.parametrize("line", ["", "x", "(ms): 3", "Throughput (fps): fast", ": 3"])
def test_other_lines_are_passed_over(line: str) -> None:
    assert read_kpi_lines([line]).figures == ()
