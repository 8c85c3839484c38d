"""What ``get KEY`` prints of a record: one figure or word, in the workflow's own form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from r50bench.errors import RunFailed, UsageError, did_you_mean
from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.vocabulary import LATENCIES
from r50bench.results.kpi import accuracy_line
from r50bench.results.record import LoadgenResult, Record
from r50bench.wording import look_again

__all__ = [
    "ANSWERS",
    "OTHER_NAMES",
    "accuracy_percent",
    "answer",
    "answers",
    "check_answerable",
    "performance",
]


Needs = Literal["accuracy", "performance", "latency", ""]
Reader = Callable[[Record, LoadgenResult, Path], str | None]


def accuracy_percent(record: Record) -> float | None:
    """Returns the top-1 accuracy in per cent, to the three decimals MLPerf's scripts print."""
    counts = record.accuracy
    return round(100 * counts.good / counts.total, 3) if counts else None


def performance(loadgen: LoadgenResult) -> float | None:
    """Returns LoadGen's result: samples/s of Offline, queries/s of Server, latencies in ns.

    Of SingleStream and MultiStream it is the early-stopping estimate of the 90th and the 99th
    percentile, which MLPerf publishes and the original workflow prints; the percentiles measured
    are :data:`.vocabulary.LATENCIES`. None where nothing was timed.
    """
    return loadgen.score if loadgen.settings.measures else None


def _accuracy(record: Record, loadgen: LoadgenResult, folder: Path) -> str | None:
    percent = accuracy_percent(record)
    return None if percent is None else str(percent)


def _accuracy_report(record: Record, loadgen: LoadgenResult, folder: Path) -> str | None:
    return accuracy_line(record.accuracy) if record.accuracy else None


def _performance(record: Record, loadgen: LoadgenResult, folder: Path) -> str | None:
    value = performance(loadgen)
    return _shown(value if value is None or loadgen.score_unit != "ns" else round(value))


def _shown(figure: float | int | None) -> str | None:
    """Rates have three decimals, latencies in ns none, as in LoadGen's summary."""
    if figure is None:
        return None
    return str(figure) if isinstance(figure, int) else f"{figure:.3f}"


def _latency(percentile: str) -> Reader:
    return lambda record, loadgen, folder: _shown(loadgen.percentiles_ns.get(percentile))


def _listed(texts: tuple[str, ...]) -> str:
    return "; ".join(texts) or "none"


ANSWERS: dict[str, tuple[Needs, Reader]] = {
    "accuracy": ("accuracy", _accuracy),
    "accuracy_report": ("accuracy", _accuracy_report),
    "performance": ("performance", _performance),
    "verdict": ("performance", lambda record, loadgen, folder: loadgen.verdict or None),
    "performance_name": ("performance", lambda record, loadgen, folder: loadgen.score_name),
    "performance_unit": ("performance", lambda record, loadgen, folder: loadgen.score_unit),
    **{key: ("latency", _latency(percentile)) for key, percentile in LATENCIES.items()},
    "raw_throughput": ("performance", lambda _, loadgen, __: _shown(loadgen.raw_throughput)),
    "raw_latency": ("performance", lambda _, loadgen, __: _shown(loadgen.raw_latency_ns)),
    "compliant": ("", lambda record, loadgen, folder: str(loadgen.compliant)),
    "why_not_compliant": ("", lambda _, loadgen, __: loadgen.why_not_compliant or "none"),
    "errors": ("", lambda record, loadgen, folder: _listed(loadgen.errors)),
    "warnings": (
        "",
        lambda record, loadgen, _: _listed((*map(str, record.notices), *loadgen.warnings)),
    ),
    "loadgen_version": ("", lambda record, loadgen, folder: loadgen.version),
    "created": ("", lambda record, loadgen, folder: record.created),
    "id": ("", lambda record, loadgen, folder: record.id),
    "record": ("", lambda record, loadgen, folder: str(folder)),
}
"""Which runs give an answer, and how it is read from one. Latencies are in ns, rates in 1/s."""

OTHER_NAMES = {"score": "performance", "score_unit": "performance_unit"}
"""Further keys of the same answers, which are understood and not listed."""

_OTHER_RUN = {
    "accuracy": "ask for loadgen_mode=AccuracyOnly",
    "performance": "ask for loadgen_mode=PerformanceOnly",
    "latency": "ask for loadgen_mode=PerformanceOnly and another scenario than Offline",
}


def check_answerable(key: str, loadgen: LoadgenSettings) -> None:
    """Refuses a key that no run with these settings can answer.

    Raises:
        UsageError: there is no such key, or mode and scenario do not find it out.
    """
    needs = _needs_and_reader(key)[0]
    if not _gives(needs, loadgen):
        raise UsageError(
            f"{loadgen.scenario} in mode {loadgen.mode} gives no {key}", hint=_OTHER_RUN[needs]
        )


def answer(key: str, record: Record, folder: Path) -> str:
    """Returns what a valid LoadGen record answers; the key must be answerable for its settings.

    Raises:
        RunFailed: the record lacks what its mode finds out.
    """
    assert record.loadgen is not None
    text = _needs_and_reader(key)[1](record, record.loadgen, folder)
    if text is None:
        raise RunFailed(
            f"{record.id} gives no {key}", hint=f"its other answers: {look_again(folder)}"
        )
    return text


def answers(record: Record, folder: Path) -> tuple[tuple[str, str], ...]:
    """Returns all that a valid LoadGen record answers, by key."""
    loadgen = record.loadgen
    assert loadgen is not None
    found = (
        (key, reader(record, loadgen, folder))
        for key, (needs, reader) in ANSWERS.items()
        if _gives(needs, loadgen.settings)
    )
    return tuple((key, text) for key, text in found if text is not None)


def _needs_and_reader(key: str) -> tuple[Needs, Reader]:
    known = OTHER_NAMES.get(key, key)
    if known not in ANSWERS:
        raise UsageError(
            f"unknown key {key!r} after 'get'",
            hint=did_you_mean(key, ANSWERS) or f"known: {' '.join(ANSWERS)}",
        )
    return ANSWERS[known]


def _gives(needs: Needs, loadgen: LoadgenSettings) -> bool:
    return {
        "accuracy": loadgen.scores_accuracy,
        "performance": loadgen.measures,
        "latency": loadgen.measures and loadgen.scenario != "Offline",
        "": True,
    }[needs]
