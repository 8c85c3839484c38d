"""``r50bench find``: records of the history that a query means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any

import click

from r50bench.cli.history_query import say, say_damaged
from r50bench.mlperf.query.command import split_terms
from r50bench.mlperf.query.search import Found, Search
from r50bench.mlperf.query.terms import notices_on_terms, parse_terms
from r50bench.notices import Notice
from r50bench.report.loadgen import performance_text
from r50bench.report.table import Column, Table
from r50bench.results.history import History, history_path
from r50bench.wording import figure, first_few

__all__ = ["find"]

_COLUMNS = (
    Column("created", "left"),
    Column("what ran", "left"),
    Column("verdict", "left"),
    Column("accuracy", "right"),
    Column("performance", "right"),
    Column("record", "left"),
)


@click.command("find")
@click.argument("words", nargs=-1, metavar="[QUERY]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every key of every record.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="At most so many.",
)
def find(words: tuple[str, ...], as_json: bool, limit: int) -> None:
    """Finds records in the history, newest first; without QUERY, all.

    \b
    r50bench find loadgen_output,verdict=valid,'performance>100'
    r50bench find main_job,precision=int8,status=invalid

    QUERY is as for 'r50bench byquery', and may also compare what came out and what any run was
    given: accuracy, performance (of LoadGen its result, latencies in ns; of other runs the primary
    figure), latency_p90, verdict, status, reason, created, cpu, host, graph, weights, mode,
    case_type, steps…; nothing is run. A time is as fine as it is given, in UTC without a zone:
    created=2026-11-28 is all of that day, and created>2026-11-28 begins after it.
    """
    terms = parse_terms(split_terms(words))
    for notice in notices_on_terms(terms):
        say(notice)
    with History(history_path()) as history:
        search = Search(history, terms)
        found = list(islice(search.results(), limit))
        say_damaged(history)
    if as_json:
        click.echo(json.dumps([_as_data(one) for one in found], indent=2))
    else:
        click.echo("\n".join(_lines(found)))
    if search.refused:
        gone = f"gone or damaged records of the history: {first_few(search.refused)}"
        say(Notice("gone-records", gone))


def _as_data(one: Found) -> dict[str, Any]:
    beside = {"tags": sorted(one.tags), "record": str(one.folder)}
    return one.facts | {"performance_unit": one.unit or None} | beside


def _lines(found: Sequence[Found]) -> list[str]:
    if not found:
        return ["no such record"]
    return [Table.of(_COLUMNS, map(_row, found)).text()]


def _row(one: Found) -> tuple[str, ...]:
    record, facts = one.record, one.facts
    accuracy = facts["accuracy"]
    return (
        record.created,
        record.name,
        facts["verdict"] or record.status,
        "-" if accuracy is None else f"{accuracy:.3f} %",
        _performance(one) or "-",
        str(one.folder),
    )


def _performance(one: Found) -> str:
    """Returns LoadGen's result, or the main job's primary figure; empty without any."""
    if one.record.loadgen is not None:
        return performance_text(one.record.loadgen)
    value = one.facts["performance"]
    return "" if value is None else f"{figure(value)} {one.unit}".rstrip()
