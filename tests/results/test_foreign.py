from __future__ import annotations

import pytest

from r50bench.results.foreign import ForeignFigure, ForeignRun, foreign_run_of, foreign_run_text

RUN = ForeignRun(
    id="wsf-1",
    created="2024-05-01T10:00:00",
    workload="wsf",
    name="inference_throughput_amx_int8",
    mode="throughput",
    passed=True,
    figures=(ForeignFigure("Throughput", "samples/s", 13460.0),),
    source="logs-x",
    settings={"BATCH_SIZE": "64"},
)


def test_a_run_is_read_as_it_was_written() -> None:
    text = foreign_run_text(RUN)
    assert "\n" not in text
    assert foreign_run_of(text) == RUN


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"id": 3}'])
def test_what_is_no_such_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        foreign_run_of(text)
