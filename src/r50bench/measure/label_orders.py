"""Whether a top-1 can be meant, and which order of the labels would explain one that cannot."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from r50bench.assets.wnids import DEVKIT_ORDER, WNIDS
from r50bench.notices import Notice
from r50bench.results.predictions import Predictions
from r50bench.wording import counted

__all__ = ["implausible_accuracy"]

_LEAST = {"v1": 0.6, "v1.5": 0.6, "file": 0.3}
"""The share that each picture is right with at least; published are 0.75 and 0.76, and int8 and
pictures that are cut otherwise take little of it. How well a file was trained is not known."""

_NATS = math.log(10_000)
"""So surprised one must be to speak: by chance it happens once in ten thousand runs."""

_LEAST_PAIRS = 20
_AGREEING = 0.3
_FEW_CLASSES = 50  # pictures to a class that is answered, where hardly any other is

_CLASSES = range(len(WNIDS))
_AS_TEXT = tuple(sorted(_CLASSES, key=str))
_NONE = -1
_FROM_1 = (_NONE, *DEVKIT_ORDER[:-1])


@dataclass(frozen=True)
class _Order:
    """``table[label]`` is the class that a label would mean; ``text`` says so."""

    text: str
    mend: str
    table: tuple[int, ...]


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    places = {label: place for place, label in enumerate(order)}
    return tuple(places[label] for label in _CLASSES)


_RENUMBER = "number the labels by the rank of their wnid among the sorted 1,000, from 0"
_RETRAINED = "use weights whose classes are in the order of wnids, or labels in that of the weights"
_ORDERS = (
    _Order("with 1 taken off each label", "labels count from 0", (_NONE, *_CLASSES[:-1])),
    _Order("with 1 added to each label", "labels count from 0", (*_CLASSES[1:], _NONE)),
    _Order("with the labels read as the devkit's classes", _RENUMBER, _FROM_1),
    _Order("with the labels read as the devkit's classes less 1", _RENUMBER, DEVKIT_ORDER),
    _Order("with the labels read as ranks of numbers sorted as text", _RENUMBER, _AS_TEXT),
    _Order("if the weights answer in the devkit's order", _RETRAINED, _inverse(DEVKIT_ORDER)),
    _Order("if the weights answer in the order of text", _RETRAINED, _inverse(_AS_TEXT)),
)
"""Numbers sorted as text are 0, 1, 10, 100, 101, …: folders called so are sorted so."""


def implausible_accuracy(predictions: Predictions, weights: str) -> Notice | None:
    """Returns a notice where ``weights`` (v1, v1.5 or file) cannot be so seldom right.

    It names the shift or the known order of the labels with which they would be right, if one of
    them explains it, and else what the answers have in common.
    """
    least = _LEAST.get(weights)
    answers = [row[0] for row in predictions.top5]
    good = sum(map(int.__eq__, answers, predictions.labels))
    if least is None or not answers or _can_be(good, len(answers), least):
        return None
    said = (
        f"only {good} of {counted(len(answers), 'picture')} right, which these weights cannot mean"
    )
    best, order = max(
        ((_right_under(order, predictions.labels, answers), order) for order in _ORDERS),
        key=lambda found: found[0],
    )
    if _can_be(best, len(answers), least):
        cause, mend = f"{best} would be {order.text}", order.mend
    else:
        cause, mend = _in_common(predictions.labels, answers), _mend(weights)
    return Notice("implausible-accuracy", f"{said}: {cause}", mend)


def _can_be(good: int, total: int, least: float) -> bool:
    """Whether so few are no wonder if each is right with the probability ``least``, or more.

    By Chernoff's bound: the chance of so few is at most e to the minus what is computed here.
    """
    share = good / total
    if share >= least:
        return True
    hit = share * math.log(share / least) if share else 0.0
    miss = (1 - share) * math.log((1 - share) / (1 - least))
    return total * (hit + miss) < _NATS


def _right_under(order: _Order, labels: Sequence[int], answers: Sequence[int]) -> int:
    return sum(order.table[label] == answer for label, answer in zip(labels, answers, strict=True))


def _in_common(labels: Sequence[int], answers: Sequence[int]) -> str:
    """Says what the answers to the pictures of one label have in common."""
    classes = Counter(answers)
    if len(answers) > _FEW_CLASSES * len(classes):
        return f"nearly all are taken for class {classes.most_common(1)[0][0]}, whatever they show"
    by_label: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for label, answer in zip(labels, answers, strict=True):
        by_label[label][answer] += 1
    pairs = sum(math.comb(sum(answered.values()), 2) for answered in by_label.values())
    alike = sum(math.comb(n, 2) for answered in by_label.values() for n in answered.values())
    if pairs < _LEAST_PAIRS:
        return "no shift and no known order of the labels explains it"
    if alike > _AGREEING * pairs:
        return "those of one label are mostly taken for one class, so the labels are in some order"
    return "those of one label are taken for many classes, so it is not the labels' order"


def _mend(weights: str) -> str:
    advice = "check where the labels come from"
    if weights == "file":
        advice += ", and whether the file is of the graph it was taken for (--weights v1:FILE)"
    return advice
