"""The records of a submission, also those that a former r50bench wrote."""

from __future__ import annotations

import pytest

from r50bench.errors import RunFailed
from r50bench.mlperf.submission.runs import read_run
from support.former_records import FORMER


@pytest.mark.parametrize(
    ("pattern", "scenario", "parts"),
    [
        ("*1382c6", "Offline", ("performance",)),
        ("*54d9aa", "Offline", ("accuracy",)),
        ("*d3e9a9", "SingleStream", ("performance",)),
    ],
)
def test_a_run_of_schema_1_has_its_part(
    pattern: str, scenario: str, parts: tuple[str, ...]
) -> None:
    (folder,) = (FORMER / "mlperf").glob(pattern)
    run = read_run(folder)
    assert (run.scenario, run.parts) == (scenario, parts)


def test_an_invalid_run_is_refused() -> None:
    (folder,) = (FORMER / "mlperf").glob("*0b4683")
    with pytest.raises(RunFailed, match="the record is invalid"):
        read_run(folder)
