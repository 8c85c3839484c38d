"""Comparisons of sides, and the exit that they amount to."""

from __future__ import annotations

import pytest

from r50bench.comparison.compare import Comparison, compare_sides, raise_verdict
from r50bench.comparison.verdict import Between
from r50bench.errors import CheckFailed, TooNoisy, UsageError
from support.measured_runs import looked_at, run_of, side

SLOWER = [90.0, 91, 90]
STEADY = [100.0, 101, 100]


def compared(base: list[float], new: list[float], mode: str = "throughput") -> Comparison:
    return compare_sides(
        side("old", *(run_of(value, mode) for value in base)),
        side("new", *(run_of(value, mode) for value in new)),
    )


def test_each_case_has_its_ratio_interval_processes_and_verdict() -> None:
    (case,) = compared(STEADY, SLOWER).cases
    assert case.label == "inference_throughput_avx_int8"
    assert (case.figure, case.unit) == ("Average Throughput", "img/s")
    assert (case.base, case.new) == pytest.approx((100.332, 90.332), abs=1e-3)
    assert (case.processes, case.basis, case.verdict) == ((3, 3), "processes", "slower")
    assert case.ratio.value == pytest.approx(0.9003, abs=1e-4)
    assert case.ratio.low is not None
    assert case.ratio.low < case.ratio.value < 0.92


def test_of_latencies_less_is_faster() -> None:
    (case,) = compared([2.0, 2.01, 2.0], [1.8, 1.81, 1.8], "latency").cases
    assert case.verdict == "faster"


def test_accuracy_is_counted_and_compared_without_noise() -> None:
    (case,) = compared([95.0], [90.0], "accuracy").cases
    assert (case.basis, case.verdict) == ("counted", "slower")


def test_what_is_too_noisy_says_how_many_processes_would_tell() -> None:
    (case,) = compared([100, 103, 98], [96, 97, 101]).cases
    assert case.verdict == "too noisy"
    assert case.processes_needed is not None
    assert case.processes_needed > 3


def test_the_history_is_asked_only_where_single_processes_are_compared() -> None:
    asked: list[int] = []

    def known(records: object) -> Between:
        asked.append(1)
        return Between(0.001**2, 20)

    base, new = side("old", run_of(100, half_width=0.1)), side("new", run_of(90, half_width=0.1))
    (case,) = compare_sides(base, new, known=known).cases
    assert (case.basis, case.verdict, asked) == ("history", "slower", [1])
    several = side("new", run_of(90), run_of(91))
    (case,) = compare_sides(base, several, known=known).cases
    assert (case.basis, asked) == ("one process a side", [1])


def test_a_single_process_alone_gets_no_verdict() -> None:
    base, new = side("old", run_of(100, half_width=0.1)), side("new", run_of(50, half_width=0.1))
    (case,) = compare_sides(base, new).cases
    assert (case.basis, case.verdict, case.processes_needed) == ("rounds", "too noisy", None)


def test_cases_of_one_side_only_are_listed_and_none_in_common_is_refused() -> None:
    fp32, int8 = (run_of(10, precision=name) for name in ("avx_fp32", "avx_int8"))
    found = compare_sides(side("old", fp32, int8), side("new", int8))
    assert (found.only_base, found.only_new) == (("inference_throughput_avx_fp32",), ())
    bf16 = run_of(10, precision="avx_bfloat16")
    with pytest.raises(UsageError, match="have no case in common"):
        compare_sides(side("old", fp32, int8), side("new", bf16))


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -0.1])
def test_a_threshold_beyond_reason_is_refused(tolerance: float) -> None:
    one = side("old", run_of(10))
    with pytest.raises(UsageError, match="a threshold of"):
        compare_sides(one, one, tolerance=tolerance)


def test_a_figure_of_nothing_has_no_ratio_unless_both_count_nothing() -> None:
    found = [compared([base], [new], "accuracy") for base, new in ((0.0, 0.0), (50.0, 0.0))]
    assert [one.cases[0].verdict for one in found] == ["same", "slower"]
    assert found[1].cases[0].ratio.value == 0
    with pytest.raises(UsageError, match="of which there is no ratio"):
        compared([0.0], [90.0])
    with pytest.raises(UsageError, match="of which there is no ratio"):
        compared([0.0], [90.0], "accuracy")


def test_something_slower_fails_the_check_and_noise_leaves_it_open() -> None:
    with pytest.raises(CheckFailed, match=r"slower: inference_throughput_avx_int8 \(0\.900 of"):
        raise_verdict(compared(STEADY, SLOWER))
    with pytest.raises(TooNoisy, match="too noisy to say") as raised:
        raise_verdict(compared([100, 103, 98], [96, 97, 101]))
    assert "--processes" in str(raised.value.hint)
    raise_verdict(compared(SLOWER, STEADY))
    raise_verdict(compared([100, 100], [100, 100]))


@pytest.mark.parametrize(
    ("base", "new", "mend"),
    [
        ([100.0], [50.0], "run --processes 5 on both sides"),
        ([100.0, 300, 30], [101.0, 280, 40], "quieten the machine"),
    ],
)
def test_noise_comes_with_the_mend_that_fits(
    base: list[float], new: list[float], mend: str
) -> None:
    with pytest.raises(TooNoisy) as raised:
        raise_verdict(compared(base, new))
    assert mend in str(raised.value.hint)


def test_what_else_differs_is_listed_strongest_suspect_first() -> None:
    base = side("old", run_of(10))
    new = side("new", run_of(20, engine="r50", batch_size=16))
    (case,) = compare_sides(base, new).cases
    assert [one.what for one in case.differing] == ["case engine", "case batch_size"]


def test_undisturbed_batches_alone_are_judged_where_that_is_asked() -> None:
    # As experienced the new side is far slower; undisturbed both are the same.
    base = side("old", *(looked_at(run_of(100 + at), 200 + at) for at in range(3)))
    new = side("new", *(looked_at(run_of(50 + at), 200 + at, full_speed=20) for at in range(3)))
    assert compare_sides(base, new).cases[0].verdict == "slower"
    found = compare_sides(base, new, judged="undisturbed")
    (case,) = found.cases
    assert (found.judged, case.judged, case.verdict) == ("undisturbed", "undisturbed", "same")
    assert (case.figure, case.unit) == ("Undisturbed Throughput", "img/s")
    assert case.values == ((200, 201, 202), (200, 201, 202))
    assert case.ratio.value == 1
    assert [one.full_speed for one in case.undisturbed] == pytest.approx([0.6, 0.2])
    raise_verdict(found)


def test_processes_with_too_few_undisturbed_batches_are_left_out_and_counted() -> None:
    base = side("old", *(looked_at(run_of(100), 200 + at / 10) for at in range(3)))
    some = [looked_at(run_of(100), value) for value in (180.0, None, 180.2, None, 180.4)]
    (case,) = compare_sides(base, side("new", *some), judged="undisturbed").cases
    assert (case.processes, case.verdict) == ((3, 3), "slower")
    assert [(one.enough, one.processes) for one in case.undisturbed] == [(3, 3), (3, 5)]


@pytest.mark.parametrize("left", [[], [180.0]])
def test_with_too_few_processes_left_on_a_side_nobody_can_tell(left: list[float]) -> None:
    base = side("old", *(looked_at(run_of(100), 200 + at / 10) for at in range(3)))
    values = [*left, *[None] * (5 - len(left))]
    new = side("new", *(looked_at(run_of(50), value) for value in values))
    found = compare_sides(base, new, judged="undisturbed")
    (case,) = found.cases
    assert (case.basis, case.verdict, case.judged) == ("disturbed", "too noisy", "experienced")
    assert (case.base, case.new) == (pytest.approx(100), pytest.approx(50))
    assert case.processes_needed is None
    with pytest.raises(TooNoisy) as raised:
        raise_verdict(found)
    assert "without --undisturbed it goes by what was experienced" in str(raised.value.hint)


def test_accuracy_is_compared_as_it_is_whatever_is_judged() -> None:
    base, new = side("a", run_of(95, "accuracy")), side("b", run_of(90, "accuracy"))
    (case,) = compare_sides(base, new, judged="undisturbed").cases
    assert (case.basis, case.verdict, case.judged) == ("counted", "slower", "experienced")


def test_noise_that_undisturbed_batches_may_be_free_of_comes_with_the_option() -> None:
    def hint(passed: int, value: float | None) -> str:
        sides = (
            side(title, *(looked_at(run_of(one), value, passed=passed) for one in values))
            for title, values in (("old", (100, 103, 98)), ("new", (96, 97, 101)))
        )
        with pytest.raises(TooNoisy) as raised:
            raise_verdict(compare_sides(*sides))
        return str(raised.value.hint)

    assert hint(40, 200.0).endswith("or leave disturbed batches out: --undisturbed")
    assert "--undisturbed" not in hint(95, 200.0)
    assert "--undisturbed" not in hint(3, None)
