"""The terms of a query as SQL over the history's facts, which narrows what has to be read.

A condition is necessary and not always sufficient: it holds of every record of which its term
holds. Figures are compared with a margin, since what is stored as text may differ in the last
digit; the record itself decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from r50bench.engines.registry import ENGINES
from r50bench.mlperf.query.terms import COMPARE, Comparison, Presence, TagTerm, Term, Truth
from r50bench.mlperf.query.times import Period
from r50bench.mlperf.query.vocabulary import FIXED, LATENCIES, Key, Scalar
from r50bench.precision import NUMERICS, PRECISIONS

__all__ = ["Condition", "condition_of"]

Condition = tuple[str, tuple[Any, ...]]
"""SQL, and the values of its question marks."""

_MARGIN = 1e-6
_ANY: Condition = ("TRUE", ())


def condition_of(terms: Sequence[Term]) -> Condition:
    """Returns the condition that every record meets of which all terms hold."""
    parts = [_condition(term) for term in terms]
    sql = " AND ".join(f"({part})" for part, _ in parts) or "TRUE"
    return sql, tuple(value for _, values in parts for value in values)


def _condition(term: Term) -> Condition:
    match term:
        case TagTerm(tag, negated):
            return (f"NOT ({_TAGS[tag]})" if negated else _TAGS[tag]), ()
        case Presence(key):
            return f"{_expression(key)} IS NOT NULL", ()
        case Truth(key, wanted):
            known = _expression(key)
            true = f"({known} IS NOT NULL AND {known} NOT IN (0, ''))"
            return (true if wanted else f"NOT {true}"), ()
        case Comparison():
            return _comparison(term)


def _comparison(term: Comparison) -> Condition:
    name, sign, value = term.key.name, term.operator, term.value
    compare = COMPARE[sign]
    if name == "precision" and value in NUMERICS:
        numerics = {word: row.numerics.name for word, row in PRECISIONS.items()}
        return _none_of(term.key, (word for word in numerics if not compare(numerics[word], value)))
    if name == "framework":
        words = {engine: row.query_word for engine, row in ENGINES.items()}
        return _none_of(term.key, (word for word in words if not compare(words[word], value)))
    return _compared(_expression(term.key), sign, value)


def _compared(known: str, sign: str, value: Scalar | Period) -> Condition:
    if isinstance(value, tuple):
        return (f"{known} IS NOT NULL", ()) if sign == "=" else _ANY
    if isinstance(value, float):
        return _near(known, sign, value)
    if isinstance(value, Period):
        return _within(known, sign, value)
    return f"{known} {'IS NOT' if sign == '!=' else sign} ?", (value,)


def _near(known: str, sign: str, value: float) -> Condition:
    margin = _MARGIN * max(1.0, abs(value))
    low, high = value - margin, value + margin
    match sign:
        case "=":
            return f"{known} BETWEEN ? AND ?", (low, high)
        case "<" | "<=":
            return f"{known} <= ?", (high,)
        case ">" | ">=":
            return f"{known} >= ?", (low,)
    return _ANY


def _within(known: str, sign: str, period: Period) -> Condition:
    """SQLite reads the times that are written; the record decides what others are."""
    when = f"CAST(strftime('%s', {known}) AS INTEGER)"
    part = f"({when} >= ? AND {when} < ?)"
    return f"{when} IS NULL OR {'NOT ' * (sign == '!=')}{part}", period.bounds(sign)


def _none_of(key: Key, words: Iterable[str]) -> Condition:
    """Leaves out what cannot be meant; what is not known here, such as a new engine, may be."""
    out = tuple(words)
    return f"{_expression(key)} NOT IN ({', '.join('?' * len(out))})", out


def _at(path: str) -> str:
    """Returns what stands at a path of the facts, NULL where that is nothing or empty."""
    return f"NULLIF(NULLIF(json_extract(facts, '$.{path}'), ''), '[]')"


def _performance() -> str:
    """Returns the performance as :func:`.figures.performance` has it, and the main job's figure."""
    mode = _at("loadgen.settings.mode")
    return (
        f"CASE WHEN {mode} IS NULL AND {_at('case.mode')} = 'accuracy' THEN NULL"
        f" WHEN {mode} IS NULL THEN value WHEN {mode} = 'AccuracyOnly' THEN NULL"
        f" ELSE {_at('loadgen.score')} END"
    )


_LOADGEN = f"{_at('loadgen.version')} IS NOT NULL"
_TAGS = {
    "loadgen_output": _LOADGEN,
    "main_job": f"NOT ({_LOADGEN})",
    "classified_imagenet": f"{_at('data.kind')} IS 'real'",
}
_WORKED_OUT = {
    "accuracy": "ROUND(100.0 * json_extract(facts, '$.accuracy.good')"
    " / json_extract(facts, '$.accuracy.total'), 3)",
    "performance": _performance(),
    "weights": f"COALESCE({_at('model.weights')}, {_at('case.weights')})",
    **{
        key: f"json_extract(facts, '$.loadgen.percentiles_ns.\"{name}\"')"
        for key, name in LATENCIES.items()
    },
}


def _expression(key: Key) -> str:
    """Returns a key's value in SQL, NULL where :func:`.facts.facts_of_record` has None."""
    if key.name in _WORKED_OUT:
        return _WORKED_OUT[key.name]
    if key.path:
        return _at(key.path)
    if key.role == "framework":
        return _at("case.engine")
    if key.role == "fixed":
        return f"'{FIXED[key.name]}'"
    if key.role == "loadgen":
        return _at(f"loadgen.settings.{key.field}")
    of_case = _at(f"case.{key.field}")
    return of_case if key.role == "parameter" else f"CASE WHEN NOT ({_LOADGEN}) THEN {of_case} END"
