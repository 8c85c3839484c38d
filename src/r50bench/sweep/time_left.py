"""How long the rest of a sweep will take, learnt from what it has done so far; arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable

from r50bench.case import Case
from r50bench.precision import PRECISIONS

__all__ = ["TimeLeft"]


class TimeLeft:
    """Expects ``start-up + pace × work`` seconds of a session, after those that are done."""

    def __init__(self) -> None:
        self._done: list[tuple[float, float]] = []

    def learn(self, case: Case, seconds: float) -> None:
        self._done.append((_work(case), seconds))

    def seconds(self, cases: Iterable[Case]) -> float | None:
        """Returns how long ``cases`` will take; None as long as nothing has been learnt."""
        if not self._done:
            return None
        start_up, pace = self._fit()
        return sum(start_up + pace * _work(case) for case in cases)

    def _fit(self) -> tuple[float, float]:
        """Returns start-up and pace: the shortest session was all start-up, the rest is work."""
        start_up = min(seconds for _, seconds in self._done)
        beyond = sum(seconds - start_up for _, seconds in self._done)
        work = sum(work for work, _ in self._done)
        return start_up, beyond / work if work else 0.0


def _work(case: Case) -> float:
    batches = (case.steps or 0) + case.warmup_steps
    # A first guess at the rates: a few fast points must not promise an early end to the slow ones.
    rate = PRECISIONS[case.precision].expected_images_per_s(case.cores_per_instance)
    return batches * case.batch_size / rate
