"""Cases run by several fresh processes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from r50bench.measure import processes
from r50bench.measure.bench import Bench
from r50bench.measure.processes import bench_for_processes, run_processes
from r50bench.measure.session import CaseResult
from r50bench.planning.planned import Planned
from support import fake_cases

NAMES = ("inference_throughput_fp32", "inference_latency_fp32")


class Clock:
    """Every case takes the seconds of the list, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: Sequence[float]) -> None:
        self.time = 0.0
        self._seconds = iter(seconds)
        monkeypatch.setattr(processes, "run_cases", self._run)

    def now(self) -> float:
        return self.time

    def _run(self, planned: Sequence[Planned], bench: Bench) -> Iterator[CaseResult]:
        for case in planned:
            self.time += next(self._seconds)
            yield CaseResult(case, None, None)


def test_all_cases_run_once_before_any_runs_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Clock(monkeypatch, [1] * 6)
    planned = [fake_cases.planned(name) for name in NAMES]
    found = [result.planned.name for result in run_processes(planned, _bench(tmp_path), 3)]
    assert found == [planned[0].name, planned[1].name] * 3


@pytest.mark.parametrize(
    ("seconds", "budget_s", "passes"),
    [([4, 4, 4, 4], 12, 3), ([4, 4, 4, 4], 11.9, 2), ([100, 1], 10, 1), ([30, 2, 2, 2], 90, 4)],
)
def test_a_pass_that_would_end_too_late_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    seconds: list[float],
    budget_s: float,
    passes: int,
) -> None:
    clock = Clock(monkeypatch, seconds)
    planned = [fake_cases.planned(NAMES[0])]
    found = run_processes(planned, _bench(tmp_path), 4, budget_s=budget_s, now=clock.now)
    assert len(list(found)) == passes


def test_processes_are_fresh_and_leave_their_records_in_one_new_folder(tmp_path: Path) -> None:
    planned = [fake_cases.planned(NAMES[0], STEPS=10, WARMUP_STEPS=1)]
    bench = bench_for_processes(_bench(tmp_path), planned, 2)
    assert bench.out.name.partition("_")[2].startswith("inference_throughput_avx_fp32_x2_")
    outcomes = [result.outcome for result in run_processes(planned, bench, 2)]
    assert all(one is not None and one.folder.parent == bench.out for one in outcomes)
    records = [one.record for one in outcomes if one is not None]
    assert len({record.workers[0].pid for record in records}) == 2
    assert {record.invocation for record in records} == {bench.out.name}
    assert bench_for_processes(_bench(tmp_path), planned, 1).invocation is None


def _bench(folder: Path) -> Bench:
    return fake_cases.bench(folder)
