"""The records of the history that a query names where a verb takes folders, too."""

from __future__ import annotations

from pathlib import Path

import click

from r50bench.errors import UsageError
from r50bench.mlperf.query.command import split_terms
from r50bench.mlperf.query.search import Search
from r50bench.mlperf.query.terms import parse_terms
from r50bench.notices import Notice
from r50bench.results.history import History, history_path
from r50bench.wording import first_few, visible

__all__ = ["folders_of_query", "say", "say_damaged"]


def say(notice: Notice) -> None:
    """Says a notice on stderr, where no progress is shown."""
    click.echo(f"! {visible(str(notice))}", err=True)


def say_damaged(history: History) -> None:
    """Names the rows of the history that are left out of what is shown."""
    for row in history.damaged():
        say(row.notice())


def folders_of_query(word: str) -> list[Path]:
    """Returns the folders of the records that the query means, newest first.

    Those that are gone or damaged are named on stderr, where there are others.

    Raises:
        UsageError: it is no query, or matches none.
        RunFailed: the history is damaged.
    """
    with History(history_path()) as history:
        search = Search(history, parse_terms(split_terms([word])))
        folders = [found.folder for found in search.results()]
        say_damaged(history)
    if not folders:
        gone = f"; {len(search.refused)} more are gone or damaged" if search.refused else ""
        raise UsageError(
            f"the query {word!r} matches no record of the history{gone}",
            hint=f"'r50bench find {word}' shows what a query means",
        )
    if search.refused:
        gone = visible(first_few(search.refused))
        click.echo(f"! {word}: {len(search.refused)} left out, gone or damaged: {gone}", err=True)
    return folders
