"""Pairs of fresh processes against each other, with the fake engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.comparison.ab import HEATS, Contest, run_ab
from r50bench.comparison.compare import raise_verdict
from r50bench.errors import Interrupted, RunFailed, TooNoisy, UsageError
from r50bench.notices import Silent
from r50bench.results.record import read_record
from support import fake_cases

NAME = "inference_throughput_fp32"
SCRIPT = {"STEPS": 6, "WARMUP_STEPS": 1, "INSTANCES": 1}


def contest(name: str = NAME, budget_s: float = 0.1, **changes: str) -> Contest:
    base = fake_cases.planned(name, FAKE_LATENCIES_NS="2000000", **SCRIPT)
    new = fake_cases.planned(
        changes.pop("name", name), **{"FAKE_LATENCIES_NS": "2060000", **changes}, **SCRIPT
    )
    return Contest(base, new, ("a", "b"), 0.02, budget_s, heat_s=None)


def test_three_per_cent_are_found_by_three_pairs_whose_records_are_two_sides(
    tmp_path: Path,
) -> None:
    bench = fake_cases.bench(tmp_path)
    found = run_ab(contest(), bench)
    (case,) = found.comparison.cases
    assert (case.verdict, case.basis, case.processes) == ("slower", "pairs", (3, 3))
    assert case.ratio.value == pytest.approx(1 / 1.03)
    assert (case.base, case.new) == pytest.approx((4000, 4000 / 1.03))
    assert [one.what for one in case.differing] == ["case customer_env"]
    assert case.values == (pytest.approx((4000,) * 3), pytest.approx((4000 / 1.03,) * 3))
    (folder,) = bench.out.iterdir()
    assert found.folder == folder
    for side in "ab":
        records = [read_record(one) for one in (folder / side).iterdir()]
        assert [record.case.repeat for record in records] == [HEATS] * 3
        assert len({record.workers[0].pid for record in records}) == 3


def test_of_latencies_less_is_faster(tmp_path: Path) -> None:
    name = "inference_latency_fp32"
    found = run_ab(contest(name, FAKE_LATENCIES_NS="1900000"), fake_cases.bench(tmp_path))
    assert [(case.verdict, case.unit) for case in found.comparison.cases] == [("faster", "ms")]


# The third batch takes twice as long: 3000 img/s as experienced, 4000 by the median batch.
SPELLS = "2000000,2000000,4000000"


def contest_undisturbed(budget_s: float = 0.1, **new: str) -> Contest:
    steady = {"FAKE_LATENCIES_NS": "2000000", "FAKE_CANARY_NS": "1700"}
    base = fake_cases.planned(NAME, **steady, **SCRIPT)
    other = fake_cases.planned(NAME, **{**steady, **new}, **SCRIPT)
    return Contest(base, other, ("a", "b"), 0.02, budget_s, heat_s=None, judged="undisturbed")


def test_undisturbed_batches_of_each_process_are_judged_where_that_is_asked(
    tmp_path: Path,
) -> None:
    found = run_ab(contest_undisturbed(FAKE_LATENCIES_NS=SPELLS), fake_cases.bench(tmp_path))
    (case,) = found.comparison.cases
    assert (case.judged, case.basis, case.verdict) == ("undisturbed", "pairs", "same")
    assert case.figure == "Undisturbed Throughput"
    assert case.values == (pytest.approx((4000,) * 3), pytest.approx((4000,) * 3))
    assert case.ratio.value == pytest.approx(1)
    assert [one.enough for one in case.undisturbed] == [3, 3]


def test_pairs_of_which_a_side_was_never_undisturbed_decide_nothing(tmp_path: Path) -> None:
    waiting = contest_undisturbed(FAKE_LATENCIES_NS=SPELLS, FAKE_WAITED_NS="1000000")
    found = run_ab(waiting, fake_cases.bench(tmp_path))
    (case,) = found.comparison.cases
    assert (case.judged, case.basis, case.verdict) == ("experienced", "disturbed", "too noisy")
    assert case.ratio.value == pytest.approx(0.75)
    assert [(one.enough, one.processes) for one in case.undisturbed] == [(3, 3), (0, 3)]
    with pytest.raises(TooNoisy, match="too noisy to say"):
        raise_verdict(found.comparison)


def test_a_side_that_fails_ends_it_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="SIGKILL"):
        run_ab(contest(FAKE_FAULT="kill@4"), fake_cases.bench(tmp_path))


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        (NAME, {"name": "inference_latency_fp32"}, "one measures throughput, the other latency"),
        ("inference_accuracy_fp32", {}, "is not timed in rounds"),
        ("inference_latency_fp32", {"BATCH_SIZE": "4"}, "the batch sizes differ"),
    ],
)
def test_what_may_not_be_compared_is_refused(
    tmp_path: Path, name: str, changes: dict[str, str], why: str
) -> None:
    script = dict(SCRIPT)
    if "accuracy" in name:
        script = {"INSTANCES": 1}
    sides = [
        fake_cases.planned(
            side,
            **{key: value for key, value in changes.items() if key != "name" and at},
            **script,
        )
        for at, side in enumerate((name, changes.get("name", name)))
    ]
    with pytest.raises(UsageError, match=why):
        run_ab(Contest(*sides, ("a", "b"), 0.02, 0.1, None), fake_cases.bench(tmp_path))


class _StopsAfterAPair(Silent):
    def note(self, text: str) -> None:
        if text.startswith("pair 1"):
            raise KeyboardInterrupt


def test_an_interrupted_contest_says_the_ratio_so_far_and_how_its_pairs_are_compared(
    tmp_path: Path,
) -> None:
    bench = fake_cases.bench(tmp_path, _StopsAfterAPair())
    with pytest.raises(Interrupted, match=r"interrupted after pair 1 .*: ratio 0\.9709") as stopped:
        run_ab(contest(), bench)
    (folder,) = bench.out.iterdir()
    assert stopped.value.hint is not None
    assert f"r50bench compare {folder}/a {folder}/b" in stopped.value.hint
