"""MLPerf's compliance tests: whether a run of one passes.

TEST01 logs a sample of the answers of a performance run, which must be those of the accuracy run.
TEST04 sends one picture over and over: whoever is faster then has kept answers instead of
computing them. By how much a score may differ is for the round to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from r50bench.mlperf.submission.runs import Run, Score

__all__ = [
    "PASSED",
    "VERIFY_ACCURACY",
    "VERIFY_PERFORMANCE",
    "Verification",
    "verify_answers",
    "verify_not_faster",
    "verify_same_speed",
    "verify_test",
]

VERIFY_ACCURACY = "verify_accuracy.txt"
VERIFY_PERFORMANCE = "verify_performance.txt"
PASSED = "TEST PASS"
"""The line that MLPerf's checker looks for."""

_VERDICTS = {True: PASSED, False: "TEST FAIL"}


@dataclass(frozen=True)
class Verification:
    """What a test found: ``text`` is the file MLPerf wants, ``why`` is empty where it passed."""

    text: str
    why: str

    @property
    def passed(self) -> bool:
        return not self.why


def verify_test(
    test: str, run: Run, accuracy: Run, performance: Run, tolerance: float
) -> dict[str, Verification]:
    """Returns what a test found, by the name of the file that MLPerf wants.

    ``accuracy`` and ``performance`` are the submission's own runs of the same scenario;
    ``tolerance`` is the share by which the round lets scores differ.

    Raises:
        RunFailed: an accuracy log is missing or damaged.
    """
    if test == "TEST04":
        return {VERIFY_PERFORMANCE: verify_not_faster(performance.score, run.score, tolerance)}
    return {
        VERIFY_ACCURACY: verify_answers(dict(accuracy.answers()), run.answers()),
        VERIFY_PERFORMANCE: verify_same_speed(performance.score, run.score, tolerance),
    }


def verify_answers(reference: Mapping[int, str], sampled: list[tuple[int, str]]) -> Verification:
    """Compares the answers TEST01 sampled with those of the accuracy run.

    ``reference`` is the answer (hexadecimal) by picture, ``sampled`` are (picture, answer).
    A picture that the accuracy run did not answer counts against the test.
    """
    absent = sum(picture not in reference for picture, _ in sampled)
    different = sum(reference.get(picture, answer) != answer for picture, answer in sampled)
    why = ""
    if not sampled:
        why = "no answer was sampled"
    elif absent or different:
        why = f"{different} of {len(sampled)} sampled answers differ from the accuracy run's"
        why += f", {absent} are of pictures it did not answer" if absent else ""
    text = (
        f"answers of the accuracy run = {len(reference)}\n"
        f"answers sampled in performance mode = {len(sampled)}\n"
        f"of these, different = {different}\n"
        f"of these, not in the accuracy run = {absent}\n"
        f"{_VERDICTS[not why]}\n"
    )
    return Verification(text, why)


def verify_same_speed(reference: Score, test: Score, tolerance: float) -> Verification:
    """Checks that TEST01's score lies within ``tolerance`` of the submission's.

    MLPerf allows 20 % for latencies under 0.2 ms (SingleStream) and 1.6 ms (MultiStream); that
    allowance is not made use of here, nor in :func:`verify_not_faster`.
    """
    ratio = test.value / reference.value
    low, high = 1 - tolerance, 1 + tolerance
    allowed = f"between {low:.2f} and {high:.2f} times the reference"
    return _verification(reference, test, low <= ratio <= high, allowed)


def verify_not_faster(reference: Score, test: Score, tolerance: float) -> Verification:
    """Checks that TEST04 is less than ``tolerance`` faster than the submission.

    Latencies are compared as rates.
    """
    ratio = test.value / reference.value
    speed = 1 / ratio if test.unit == "ns" else ratio
    allowed = f"less than {1 + tolerance:.2f} times as fast as the reference"
    return _verification(reference, test, speed < 1 + tolerance, allowed)


def _verification(reference: Score, test: Score, holds: bool, allowed: str) -> Verification:
    text = (
        f"scenario = {reference.scenario}\n"
        f"reference score = {reference}\n"
        f"test score = {test}\n"
        f"allowed = {allowed}\n"
        f"{_VERDICTS[holds]}\n"
    )
    return Verification(text, "" if holds else f"{test} is not {allowed}, {reference}")
