"""What ``get KEY`` may ask for: an answer of the run, or any attribute that a query may compare."""

from __future__ import annotations

from pathlib import Path

from r50bench.errors import UsageError, did_you_mean
from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.facts import facts_of_record
from r50bench.mlperf.query.figures import ANSWERS, OTHER_NAMES, answer, check_answerable
from r50bench.mlperf.query.terms import query_text
from r50bench.mlperf.query.vocabulary import KEYS
from r50bench.results.record import Record

__all__ = ["check_gettable", "get"]

_NONE = "none"


def check_gettable(key: str, loadgen: LoadgenSettings) -> None:
    """Refuses a key that no run with these settings has.

    Raises:
        UsageError: there is no such key, mode and scenario do not find it out, or it is of the
            closed loop alone.
    """
    if key in ANSWERS or key in OTHER_NAMES:
        check_answerable(key, loadgen)
    elif key not in KEYS:
        raise UsageError(
            f"unknown key {key!r} after 'get'",
            hint=did_you_mean(key, (*ANSWERS, *KEYS))
            or f"known: {' '.join(dict.fromkeys((*ANSWERS, *KEYS)))}",
        )
    elif KEYS[key].of_closed_loop:
        raise UsageError(
            f"LoadGen decides, and a run of it has no {key}",
            hint=f"leave {key} out; what 'r50bench run' measured, 'r50bench find' finds by it",
        )


def get(key: str, record: Record, folder: Path) -> str:
    """Returns what a valid LoadGen record has under a key, in the form that a query takes.

    Raises:
        RunFailed: the record lacks what its mode finds out.
    """
    if key in ANSWERS or key in OTHER_NAMES:
        return answer(key, record, folder)
    value = facts_of_record(record).get(key)
    return _NONE if value is None else query_text(value)
