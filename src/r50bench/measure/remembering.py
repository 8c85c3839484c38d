"""What has been measured goes into the history, which no figure waits for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from r50bench.errors import RunFailed
from r50bench.measure.record_draft import Outcome
from r50bench.measure.session import CaseResult
from r50bench.notices import Notice, Progress
from r50bench.results.history import History, history_path, is_locked

__all__ = ["remember", "remembering"]

_AT_ONCE_S, _SHORTLY_S = 0.5, 3.0  # writers hold the history for milliseconds


def remembering(results: Iterable[CaseResult], progress: Progress) -> Iterator[CaseResult]:
    """Passes results on as they come, and then adds each to the history.

    Also the last, of which whoever is passed it makes nothing any more.
    """
    for result in results:
        try:
            yield result
        finally:
            if result.outcome is not None:
                remember(result.outcome, progress)


def remember(outcome: Outcome, progress: Progress) -> None:
    """Adds a run to the history; a history that cannot be written costs no result.

    Where another process holds it, that is waited for as long as nobody minds, and no longer.
    """
    try:
        try:
            _add(outcome, _AT_ONCE_S)
        except RunFailed as error:
            if not is_locked(error):
                raise
            progress.phase("waiting for the history, which another process holds")
            _add(outcome, _SHORTLY_S)
    except RunFailed as error:
        text = f"{outcome.folder} is not in the history: {error.message}"
        progress.warn(Notice("not-in-history", text, error.hint or ""))


def _add(outcome: Outcome, patience_s: float) -> None:
    with History(history_path(), patience_s) as history:
        history.add(outcome.record, outcome.folder, outcome.block.kpis)
