from __future__ import annotations

import numpy as np
import pytest

from r50bench.assets.wnids import DEVKIT_ORDER
from r50bench.measure.label_orders import implausible_accuracy
from r50bench.results.predictions import Predictions

AS_TEXT = sorted(range(1000), key=str)


def answered(labels: list[int], answers: list[int]) -> Predictions:
    names = tuple(f"{number}.JPEG" for number in range(len(labels)))
    return Predictions(names, tuple(labels), tuple((answer,) for answer in answers))


def scored(count: int, label_of, right: float = 0.75, seed: int = 0) -> Predictions:
    """``count`` pictures of random classes, so often taken for what they are."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(1, 999, count)
    wrong = (classes + generator.integers(5, 900, count)) % 1000
    answers = np.where(generator.random(count) < right, classes, wrong)
    return answered([label_of(int(number)) for number in classes], answers.tolist())


ORDERS = [
    (lambda number: number + 1, "with 1 taken off each label"),
    (lambda number: number - 1, "with 1 added to each label"),
    (DEVKIT_ORDER.index, "read as the devkit's classes less 1"),
    (lambda number: (DEVKIT_ORDER.index(number) + 1) % 1000, "read as the devkit's classes:"),
    (AS_TEXT.index, "read as ranks of numbers sorted as text"),
    (lambda number: DEVKIT_ORDER[number], "if the weights answer in the devkit's order"),
    (lambda number: AS_TEXT[number], "if the weights answer in the order of text"),
]


@pytest.mark.parametrize("count", [30, 500])
@pytest.mark.parametrize(("label_of", "cause"), ORDERS)
def test_labels_in_another_order_are_told_with_the_order_that_fits(count, label_of, cause):
    notice = implausible_accuracy(scored(count, label_of), "v1.5")
    assert notice is not None
    assert notice.code == "implausible-accuracy"
    assert cause in f"{notice.text}:"
    assert notice.mend


@pytest.mark.parametrize("count", [1, 5, 20, 500])
@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_said_of_labels_that_are_right(count, seed):
    assert implausible_accuracy(scored(count, int, seed=seed), "v1") is None


@pytest.mark.parametrize("weights", ["v1", "v1.5", "file"])
def test_too_few_pictures_tell_nothing(weights):
    assert implausible_accuracy(answered([1] * 9, [5] * 9), weights) is None


def test_a_file_that_is_poorly_trained_is_not_doubted():
    assert implausible_accuracy(scored(500, int, right=0.4), "file") is None
    assert implausible_accuracy(scored(500, int, right=0.4), "v1") is not None


def test_some_other_order_shows_by_what_pictures_of_one_label_are_taken_for():
    shuffled = np.random.default_rng(1).permutation(1000)
    notice = implausible_accuracy(scored(9000, lambda number: int(shuffled[number])), "v1")
    assert "mostly taken for one class" in notice.text


def test_answers_that_have_nothing_to_do_with_the_labels_are_told_apart():
    notice = implausible_accuracy(scored(9000, int, right=0.0), "file")
    assert "not the labels' order" in notice.text
    assert "v1:FILE" in notice.mend


def test_one_answer_to_everything_is_told():
    notice = implausible_accuracy(answered(list(range(200)), [7] * 200), "v1")
    assert "nearly all are taken for class 7" in notice.text


def test_random_weights_and_no_pictures_are_not_judged():
    assert implausible_accuracy(scored(500, int, right=0.0), "random") is None
    assert implausible_accuracy(answered([], []), "v1") is None
