"""From a query's terms to what a run is given: nothing is left open that the query could say.

``key=value`` asks for a value; what no term says is filled in from the environment and the
defaults. Every other term must then hold of the completed query, or of what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from r50bench.case import Case
from r50bench.engines.registry import ENGINES
from r50bench.errors import CheckFailed, UsageError
from r50bench.load import DEFAULT_DATASET_SIZE, LoadgenSettings
from r50bench.mlperf.query.attributes import check_gettable
from r50bench.mlperf.query.facts import facts_of_record, facts_of_request
from r50bench.mlperf.query.terms import Comparison, Presence, TagTerm, Term, Truth, query_text
from r50bench.mlperf.query.vocabulary import KEYS
from r50bench.parameters import Setting, collect
from r50bench.parameters.workflow import loadgen_of
from r50bench.results.record import Record

__all__ = ["CompletedQuery", "check_record", "check_request", "complete"]

_PRODUCED_TAGS = ("loadgen_output", "classified_imagenet")


@dataclass(frozen=True)
class CompletedQuery:
    """What a query asks for: LoadGen's settings, and those of the parameter table."""

    terms: tuple[Term, ...]
    loadgen: LoadgenSettings
    settings: dict[str, Setting]


def complete(terms: Sequence[Term], environ: Mapping[str, str]) -> CompletedQuery:
    """Fills in what the terms leave open.

    Args:
        terms: the query's.
        environ: usually ``os.environ``: parameters are read from it as for any run.

    Raises:
        UsageError: the tags are not those of a LoadGen run, two terms ask for different values, or
            the values make no run.
    """
    _check_tags(terms)
    asked = _asked(terms)
    loadgen = loadgen_of({term.key.name: term.given for term in asked})
    if loadgen.dataset_size is None:
        loadgen = replace(loadgen, dataset_size=DEFAULT_DATASET_SIZE)
    fields = {key.field for key in KEYS.values() if key.role == "parameter"}
    settings = {
        name: setting for name, setting in collect({}, (), environ).items() if name in fields
    }
    for term in asked:
        if term.key.role == "parameter":
            settings[term.key.field] = Setting(term.given, "query", term.text)
    _choose_engine(terms, asked, settings)
    return CompletedQuery(tuple(terms), loadgen, settings)


def _choose_engine(
    terms: Sequence[Term], asked: Sequence[Comparison], settings: dict[str, Setting]
) -> None:
    """Has a framework that is asked for choose the engine, where no term names one.

    It goes before the environment, as every term does. Whether an engine that is named belongs to
    it, :func:`check_request` asks.

    Raises:
        UsageError: two frameworks are asked for.
    """
    words = {
        term.value: term
        for term in terms
        if isinstance(term, Comparison) and term.key.role == "framework" and term.operator == "="
    }
    if len(words) > 1:
        first, other, *_ = words.values()
        raise UsageError(
            f"{other} contradicts {first}", hint="a query has one answer: give one value"
        )
    if any(term.key.field == "engine" for term in asked):
        return
    for word in words:
        given = settings.get("engine")
        if given is None or ENGINES[str(given.value)].query_word != word:
            engine = next(name for name, row in ENGINES.items() if row.query_word == word)
            settings["engine"] = Setting(engine, "query")


def check_request(query: CompletedQuery, case: Case) -> None:
    """Checks every term that speaks of what a run is given, and that the others can hold.

    Raises:
        UsageError: one does not hold of the completed query, or of nothing that its run finds out.
    """
    for term, _ in _unmet(query, {}, of_results=True):
        check_gettable(term.key.name, query.loadgen)
    for term, value in _unmet(query, facts_of_request(case, query.loadgen), of_results=False):
        name = term.key.name
        found = "has no value" if value is None else f"is {query_text(value)}"
        hint = f"say which value is meant: {name}=VALUE"
        if term.key.role == "framework" and str(term).startswith(f"{name}="):
            hint = f"leave out {term}, or the engine, from which it follows"
        raise UsageError(f"{term} does not hold: {name} {found} in this query", hint=hint)


def check_record(query: CompletedQuery, record: Record) -> None:
    """Checks every term that speaks of what comes out of a run.

    Raises:
        CheckFailed: one does not hold of the record.
    """
    for term, value in _unmet(query, facts_of_record(record), of_results=True):
        found = "it has none" if value is None else f"it is {query_text(value)}"
        raise CheckFailed(
            f"{term} does not hold of {record.id}: {found}",
            hint=f"without {term} the query has an answer",
        )


def _unmet(
    query: CompletedQuery, facts: Mapping[str, Any], *, of_results: bool
) -> Iterator[tuple[Presence | Truth | Comparison, Any]]:
    """Yields each term that does not hold, of results or of all else, with its key's value."""
    for term in query.terms:
        if isinstance(term, TagTerm) or (term.key.role == "result") != of_results:
            continue
        if not term.holds(_PRODUCED_TAGS, facts):
            yield term, facts.get(term.key.name)


def _check_tags(terms: Sequence[Term]) -> None:
    tags = [term for term in terms if isinstance(term, TagTerm)]
    if TagTerm("loadgen_output") not in tags:
        raise UsageError(
            "the query lacks the tag loadgen_output, and nothing else is produced by query",
            hint="begin with loadgen_output; what is stored already, 'r50bench find' finds",
        )
    for term in tags:
        if (term.tag in _PRODUCED_TAGS) == term.negated:
            raise UsageError(
                f"a run with the tags {' and '.join(_PRODUCED_TAGS)} does not meet {term}",
                hint="leave it out; what is stored already, 'r50bench find' finds",
            )


def _asked(terms: Sequence[Term]) -> list[Comparison]:
    """Returns the terms that ask for a value.

    Raises:
        UsageError: two terms ask for different values of one parameter.
    """
    asked = [
        term
        for term in terms
        if isinstance(term, Comparison) and term.operator == "=" and term.key.requests
    ]
    first: dict[tuple[str, str], Comparison] = {}
    for term in asked:
        other = first.setdefault((term.key.role, term.key.field), term)
        if other.value != term.value:
            raise UsageError(
                f"{term} contradicts {other}", hint="a query has one answer: give one value"
            )
    return asked
