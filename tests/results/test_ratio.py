from __future__ import annotations

import numpy as np
import pytest

from r50bench.results.kpi import Kpi
from r50bench.results.ratio import beyond_noise, ratio_of_figures, ratio_of_rounds
from r50bench.results.stats import Estimate


def test_the_ratio_is_that_of_the_same_round():
    # The second round was disturbed for both alike.
    ratio = ratio_of_rounds([110, 55, 110], [100, 50, 100])
    assert ratio.value == pytest.approx(1.1)


def test_one_disturbed_round_hardly_moves_the_median():
    figures = [102.0, 103, 101, 40, 102, 103, 102, 101, 102]
    ratio = ratio_of_rounds(figures, [100.0] * 9)
    assert ratio.value == 1.02
    assert (ratio.low, ratio.high) == (1.01, 1.03)
    assert beyond_noise(ratio) is True


def test_figures_of_two_processes_add_up_their_errors():
    ours = Kpi("Undisturbed Throughput", "img/s", 100, 97.1, 103)
    theirs = Kpi("Undisturbed Throughput", "img/s", 200, 192.3, 208)
    ratio = ratio_of_figures(ours, theirs)
    assert ratio.value == 0.5
    # Upper halves of 3 and 4 %, as logarithms: 0.02956 and 0.03922, together 0.04911.
    assert ratio.high == pytest.approx(0.5 * np.exp(0.049112), rel=1e-5)
    assert ratio.low == pytest.approx(0.5 / np.exp(0.049112), rel=1e-5)
    assert ratio_of_figures(ours, Kpi("Undisturbed Throughput", "img/s", 200)) == Estimate(0.5)


def test_an_interval_that_holds_one_is_no_difference():
    ratio = ratio_of_rounds([99.0, 101, 100, 102, 98, 101, 99], [100.0] * 7)
    assert beyond_noise(ratio) is False


def test_too_few_rounds_say_nothing_about_the_noise():
    ratio = ratio_of_rounds([2.0] * 5, [1.0] * 5)
    assert (ratio.value, ratio.low, ratio.high) == (2, None, None)
    assert beyond_noise(ratio) is None
    assert beyond_noise(Estimate(2.0, 1.5)) is None


@pytest.mark.parametrize(("figures", "reference"), [([], []), ([1.0], [1.0, 2.0])])
def test_rounds_that_do_not_belong_together_are_refused(figures, reference):
    with pytest.raises(ValueError, match="rounds beside"):
        ratio_of_rounds(figures, reference)


def test_equal_engines_are_called_different_in_at_most_one_of_twenty_runs():
    noise = np.random.default_rng(1)
    runs = 2000
    wrong = sum(
        beyond_noise(ratio_of_rounds(*noise.lognormal(0, 0.05, (2, 9)).tolist())) is True
        for _ in range(runs)
    )
    assert wrong / runs < 0.05
