"""``r50bench report``: one page of the records that are named, to be opened in any browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from r50bench.cli.pages import read_shown, write_page
from r50bench.errors import UsageError
from r50bench.mlperf.query.command import split_terms
from r50bench.mlperf.query.search import Search
from r50bench.mlperf.query.terms import parse_terms
from r50bench.report.page import Section
from r50bench.report.records_page import records_page
from r50bench.results.folders import record_folders
from r50bench.results.history import History, history_path
from r50bench.results.record import RUNS
from r50bench.sweep.folder import PLAN_FILE, read_plan
from r50bench.sweep.page import sweep_sections
from r50bench.sweep.run import kept_results

__all__ = ["report"]


@click.command("report")
@click.argument("words", nargs=-1, metavar="[DIR-OR-QUERY]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The file that is written.",
)
def report(words: tuple[str, ...], output: Path) -> None:
    """Writes one page of records: the answer, pictures, proof, and all figures as a table.

    \b
    r50bench report r50bench-runs/20260131-120000_main_job_3f9c01
    r50bench report precision=int8,'created>2026-11-01' -o int8.html

    DIR is the folder of a run or one that holds runs, a sweep's too; a QUERY, as for 'r50bench
    find', takes records from the history. Without any, the newest run below ./r50bench-runs. The
    page needs no network, no server and no script. A record that cannot be read is named on it.
    """
    runs, damaged = read_shown(_folders(words))
    if not runs:
        raise UsageError("; ".join(damaged), hint="'r50bench find' lists the records that are left")
    sections = [section for word in words for section in _sweep_section(Path(word))]
    page = records_page(runs, _title(words), first=sections, notes=damaged)
    write_page(output, page)
    for reason in damaged:
        click.echo(f"! {reason}", err=True)
    click.echo(f"# page: {output}")


def _title(words: Sequence[str]) -> str:
    return f"r50bench report: {', '.join(Path(word).name or word for word in words[:3])}".rstrip(
        ": "
    )


def _folders(words: Sequence[str]) -> list[Path]:
    """Returns the folders of the records that are meant, each once, in the order given.

    Raises:
        UsageError: a word means none.
    """
    if not words:
        if not RUNS.is_dir():
            raise UsageError(
                f"nothing was named, and there is no ./{RUNS}",
                hint="r50bench report DIR, or 'r50bench run' first",
            )
        return [max(record_folders(RUNS), key=lambda folder: (folder.name, folder))]
    found = [folder for word in words for folder in _folders_of(word)]
    return list({folder.resolve(): folder for folder in found}.values())


def _folders_of(word: str) -> list[Path]:
    path = Path(word)
    if path.exists() or not any(sign in word for sign in "=<>,"):
        return record_folders(path)
    terms = parse_terms(split_terms([word]))
    with History(history_path()) as history:
        found = [one.folder for one in Search(history, terms).results()]
    if not found:
        raise UsageError(
            f"no record of the history is meant by {word!r}",
            hint="'r50bench find' lists what is there, and takes the same queries",
        )
    return found[::-1]


def _sweep_section(path: Path) -> Iterator[Section]:
    if (path / PLAN_FILE).is_file():
        yield from sweep_sections(kept_results(path), read_plan(path).passes)
