"""``r50bench history``: all runs over time, and how they move between machines."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from r50bench.cli.history_query import say, say_damaged
from r50bench.errors import RunFailed, UsageError, did_you_mean
from r50bench.history.archive import Refused, export_history
from r50bench.history.changes import changes_of
from r50bench.history.joining import (
    LARGEST_ARCHIVE,
    Joined,
    add_folders,
    import_archive,
    imported_path,
)
from r50bench.history.old_workloads import foreign_runs_in
from r50bench.history.series import HistoryRun, run_of, series_of
from r50bench.history.text import Told, history_as_data, history_text
from r50bench.mlperf.query.command import split_terms
from r50bench.mlperf.query.conditions import condition_of
from r50bench.mlperf.query.search import Search
from r50bench.mlperf.query.terms import Comparison, Term, notices_on_terms, parse_terms
from r50bench.mlperf.query.vocabulary import KEYS, TAGS
from r50bench.report.differing import difference_lines
from r50bench.results.damaged_rows import DamagedRow
from r50bench.results.differences import differences
from r50bench.results.folders import record_folders, without_pages
from r50bench.results.foreign import ForeignRun
from r50bench.results.history import History, HistoryEntry, history_path
from r50bench.results.record import Record
from r50bench.results.suspects import strongest_first
from r50bench.wording import counted, visible

__all__ = ["history"]

ResultT = TypeVar("ResultT")


class _ShowsByDefault(click.Group):
    """A group whose command ``show`` may be left out, so that a query can follow the verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        word = args[0] if args else ""
        if word not in self.commands and word not in ctx.help_option_names:
            if word.isalpha() and word not in TAGS and (hint := did_you_mean(word, self.commands)):
                raise UsageError(f"{word!r} is neither a command nor a query", hint=hint)
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group("history", cls=_ShowsByDefault, no_args_is_help=False)
def history() -> None:
    """Shows all runs over time, and where a figure changed for good.

    \b
    r50bench history                                   all runs, a sparkline per series
    r50bench history 'precision=int8,created>2026-11-01' --plot
    r50bench history export all.zip                    to another machine, and there
    r50bench history import all.zip

    Without a command it is 'show', whose options 'r50bench history show --help' says.
    """


@history.command("show")
@click.argument("words", nargs=-1, metavar="[QUERY]")
@click.option("--plot", is_flag=True, help="Draw every series as a chart.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every run, series and change.")
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="So many runs."
)
def show(words: tuple[str, ...], plot: bool, as_json: bool, limit: int) -> None:
    """Shows a line per run, newest first, and a sparkline per series with its lasting changes.

    A series are the runs that asked the very same on one host: case, engine, graph, batch size,
    placement. The processes of one call ('run --processes 5') count as one point, their mean, since
    they met the same state of the machine. A change counts as lasting from four points on; beside
    it stands what else changed between the two runs around it (kernel, versions, governor,
    microcode), strongest suspect first.

    QUERY is as for 'r50bench find'. Figures that were imported from other workloads stand apart.
    """
    terms = parse_terms(split_terms(words))
    for notice in notices_on_terms(terms):
        say(notice)
    told = _told(terms)
    if terms and not told.runs and not told.foreign:
        raise UsageError(
            f"the query {' '.join(words)!r} matches no run of the history",
            hint="'r50bench history' shows all there are",
        )
    if as_json:
        click.echo(json.dumps(history_as_data(told), indent=2, ensure_ascii=False))
    else:
        width = shutil.get_terminal_size((120, 24)).columns
        click.echo(visible(history_text(told, limit=limit, plot=plot, width=width)), nl=False)


def _told(terms: Sequence[Term]) -> Told:
    with History(history_path()) as stored:
        entries = _entries(stored, terms)
        foreign = stored.foreign_runs()
        say_damaged(stored)
    runs = _runs(entries)
    return Told(
        runs,
        tuple((series, changes_of(series, _suspects)) for series in series_of(runs)),
        tuple(run for run in foreign if _meets(run, terms)),
    )


def _runs(entries: Sequence[HistoryEntry]) -> tuple[HistoryRun, ...]:
    """Returns the runs of the entries; one whose facts are damaged is left out, and named."""
    runs = []
    for entry in entries:
        try:
            runs.append(run_of(entry))
        except ValueError:
            say(DamagedRow("records", 0, entry.id, "facts", str(entry.folder)).notice())
    return tuple(runs)


def _entries(stored: History, terms: Sequence[Term]) -> list[HistoryEntry]:
    """Returns the runs that the terms mean, by what the history knows of them."""
    entries = stored.entries(*condition_of(terms), with_facts=True)
    if not any(map(_asks_records, terms)):
        return entries
    meant = {found.record.id for found in Search(stored, terms).results()}
    return [entry for entry in entries if entry.id in meant]


def _asks_records(term: Term) -> bool:
    """Whether only the record can tell, since text in the history may differ in the last digit."""
    if not isinstance(term, Comparison):
        return False
    return isinstance(term.value, tuple) or (term.operator, type(term.value)) == ("!=", float)


def _meets(run: ForeignRun, terms: Sequence[Term]) -> bool:
    tags = {"loadgen_output" if run.workload == "axs" else "main_job"}
    facts = _facts_of(run)
    return all(term.holds(tags, facts) for term in terms)


def _facts_of(run: ForeignRun) -> dict[str, Any]:
    """Returns what a query may ask of a run of others, in its own words where they are ours too."""
    facts: dict[str, Any] = {}
    for word, text in run.settings.items():
        if text and (key := KEYS.get(word.lower())) is not None:
            with contextlib.suppress(ValueError, UsageError):
                facts[key.name] = key.parse(text)
    value = run.figures[0].value if run.figures else None
    facts["accuracy" if run.mode == "accuracy" else "performance"] = value
    status = "valid" if run.passed else "invalid"
    return facts | {"name": run.name, "mode": run.mode, "created": run.created, "status": status}


def _suspects(before: Record, after: Record) -> list[str]:
    return difference_lines(strongest_first(differences(before, after)))


@history.command("add")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
def add(paths: tuple[Path, ...]) -> None:
    """Adds records to the history where they lie: a run's folder, or folders with runs below them.

    For runs that were copied here, moved, or made where the history could not be written. What is
    known already stays as it is.

    Exits with 5 where something could not be read, after taking all that could.
    """
    found, refused = _of_each(without_pages(paths), record_folders)
    folders = list(dict.fromkeys(folder for below in found for folder in below))
    with History(history_path()) as stored:
        joined = add_folders(stored, folders)
    _tell([joined], refused)


@history.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("words", nargs=-1, metavar="[QUERY]")
def export(file: Path, words: tuple[str, ...]) -> None:
    """Writes an archive of the history to FILE: whole records, and the figures of others.

    With QUERY, only the runs that it means. FILE is a ZIP, to be read by 'r50bench history import'.
    Exits with 5 where a record is gone or unreadable, after writing all others; without any others
    there is no FILE.
    """
    terms = parse_terms(split_terms(words))
    with History(history_path()) as stored:
        entries = _entries(stored, terms)
        foreign = [run for run in stored.foreign_runs() if _meets(run, terms)]
        say_damaged(stored)
    if not entries and not foreign:
        raise UsageError("no such run: there is nothing to export", hint="see 'r50bench history'")
    done = export_history(entries, foreign, file)
    if done.written:
        click.echo(f"{file}: {counted(done.records, 'record')}, {_others(done.foreign)}")
    _raise_refused(done.refused, "written", others=done.written)


@history.command("import")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH..."
)
@click.option(
    "--most-gib",
    type=click.FloatRange(0, min_open=True),
    default=LARGEST_ARCHIVE / 2**30,
    show_default=True,
    help="How much an archive may unpack to.",
)
def import_(paths: tuple[Path, ...], most_gib: float) -> None:
    """Joins another history, or reads the logs of the workloads that r50bench replaces.

    PATH is an archive of 'r50bench history export'; logs of the Workload Services Framework (a
    folder with logs-CASE folders, or a file of kpi.sh's output); or entries of axs. Records keep
    their id, by which known ones are left out, and stay apart by host. Logs of others become
    figures of others: without samples and proof, in no series and no comparison.

    Exits with 5 where something could not be read, after taking all that could.
    """
    most = round(most_gib * 2**30)
    with History(history_path()) as stored:
        joined, refused = _of_each(paths, lambda path: _import(stored, path, most))
    _tell(joined, refused)


def _of_each(
    paths: Sequence[Path], take: Callable[[Path], ResultT]
) -> tuple[list[ResultT], list[Refused]]:
    """Returns what came of the paths, and which were wrong: one of several stops no other.

    Raises:
        UsageError: there is one path, and it is wrong.
    """
    taken, refused = [], []
    for path in paths:
        try:
            taken.append(take(path))
        except UsageError as error:
            if len(paths) == 1:
                raise
            refused.append(Refused(str(path), error.message))
    return taken, refused


def _import(stored: History, path: Path, most: int) -> Joined:
    if path.is_file() and zipfile.is_zipfile(path):
        return import_archive(stored, path, imported_path(), most)
    runs, refused = foreign_runs_in(path)
    return Joined(foreign=stored.add_foreign(runs), refused=tuple(refused))


def _tell(joined: Sequence[Joined], wrong: Sequence[Refused]) -> None:
    """Says what came of all, and names what was left out.

    Raises:
        RunFailed: there is any such.
    """
    added, already = sum(one.added for one in joined), sum(one.known for one in joined)
    again, foreign = sum(one.moved for one in joined), sum(one.foreign for one in joined)
    known = f", {already} known already" if already else ""
    moved = f", {again} found again in another folder" if again else ""
    click.echo(f"{counted(added, 'record')} added{moved}{known}, {_others(foreign)}")
    refused = [*wrong, *(refused for one in joined for refused in one.refused)]
    _raise_refused(refused, "added", others=bool(added or already or again or foreign))


def _others(number: int) -> str:
    return counted(number, "run") + " of others"


def _raise_refused(refused: Sequence[Refused], done: str, *, others: bool) -> None:
    """Names what was left out.

    Raises:
        RunFailed: there is any.
    """
    for one in refused:
        click.echo(f"! {one.what}: {one.why}", err=True)
    if refused:
        rest = "all others were" if others else f"nothing else was {done}"
        raise RunFailed(
            f"{len(refused)} could not be {done}, named above",
            hint=f"{rest}; correct a wrong path, copy a damaged record again",
        )
