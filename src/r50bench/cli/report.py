"""``r50bench report``: one page of the records that are named, to be opened in any browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from r50bench.cli.comparing import threshold_option
from r50bench.cli.history_query import folders_of_query
from r50bench.cli.options import undisturbed_option
from r50bench.cli.pages import read_shown, write_page
from r50bench.cli.sides import side_named
from r50bench.comparison.between import compare_by_history
from r50bench.comparison.page import comparison_page
from r50bench.comparison.side import side_of
from r50bench.errors import R50BenchError, UsageError
from r50bench.profile.page import profile_sections, read_profile
from r50bench.report.page import Section
from r50bench.report.records_page import Shown, records_page
from r50bench.results.folders import newest_record_folder, record_folders, without_pages
from r50bench.results.judged import Judged
from r50bench.sweep.folder import PLAN_FILE, read_plan
from r50bench.sweep.page import sweep_sections
from r50bench.sweep.run import kept_results

__all__ = ["report"]

_STDOUT = Path("-")

_MOST_PROFILES = 4
"""Profiles on one page: each is two pictures and a row for every layer."""


@click.command("report")
@click.argument("words", nargs=-1, metavar="[DIR-OR-QUERY]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=Path("report.html"),
    show_default=True,
    help="The file that is written; - prints the page.",
)
@click.option("--against", metavar="BASE", help="Compare them with BASE: verdicts stand first.")
@threshold_option
@undisturbed_option
def report(
    words: tuple[str, ...], output: Path, against: str | None, threshold: float, judged: Judged
) -> None:
    """Writes one page of records: the answer, pictures, proof, and all figures as a table.

    \b
    r50bench report r50bench-runs/20260131-120000_main_job_3f9c01
    r50bench report precision=int8,'created>2026-11-01' -o int8.html
    r50bench report after --against before -o both.html

    DIR is the folder of a run or one that holds runs, a sweep's too; a QUERY, as for 'r50bench
    find', takes records from the history. Without any, the newest run below ./r50bench-runs. The
    page needs no network, no server and no script. A record that cannot be read is named on it.
    BASE is what 'r50bench compare' takes as a side; --threshold and --undisturbed are as there.
    """
    words = tuple(without_pages(words))
    if against is not None:
        _report_against(words, against, threshold, judged, output)
        return
    _refuse_words_of_comparisons(click.get_current_context())
    runs, damaged = read_shown(_folders(words))
    if not runs:
        raise UsageError("; ".join(damaged), hint="'r50bench find' lists the records that are left")
    sections = [section for word in words for section in _sweep_section(Path(word))]
    sections += _profile_sections(runs, damaged)
    page = records_page(runs, _title(words), first=sections, notes=damaged)
    for reason in damaged:
        click.echo(f"! {reason}", err=True)
    _give(page, output)


def _refuse_words_of_comparisons(context: click.Context) -> None:
    """Ends where an option was given that says how to compare, and nothing to compare with.

    Raises:
        UsageError: so it is.
    """
    for name, option in (("threshold", "--threshold"), ("judged", "--undisturbed")):
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UsageError(
                f"{option} says how to compare, and there is nothing to compare with",
                hint="add --against BASE",
            )


def _report_against(
    words: Sequence[str], against: str, threshold: float, judged: Judged, output: Path
) -> None:
    """Writes the page of a comparison; what is slower is for the reader, not for the exit code."""
    base = side_named(against)
    sides = words or (str(newest_record_folder("report")),)
    new = side_of(", ".join(sides), [run for word in sides for run in side_named(word).runs])
    comparison = compare_by_history(base, new, threshold, judged)
    _give(comparison_page(comparison, base.runs, new.runs, title=_title(words)), output)


def _give(page: str, output: Path) -> None:
    """Writes the page and says where; or prints it, and nothing else, where that is ``-``.

    Raises:
        RunFailed: it cannot be written there.
    """
    if output == _STDOUT:
        click.echo(page.encode(errors="surrogateescape"), nl=False)
        return
    write_page(output, page)
    click.echo(f"# page: {output}")


def _profile_sections(runs: Sequence[Shown], damaged: list[str]) -> Iterator[Section]:
    """Yields the layers of the runs that were profiled; adds to ``damaged`` what is none."""
    left = _MOST_PROFILES
    for one in runs:
        found = None
        try:
            if left and one.folder is not None:
                found = read_profile(one.folder)
        except R50BenchError as error:
            damaged.append(error.message)
        if found is not None:
            left -= 1
            title = f"Layers against the limit: {found.case.precision} on {found.case.engine}"
            yield from profile_sections(found, title)


def _title(words: Sequence[str]) -> str:
    named = ", ".join(Path(word).name or word for word in words[:3])
    return f"r50bench report: {named}" if named else "r50bench report"


def _folders(words: Sequence[str]) -> list[Path]:
    """Returns the folders of the records that are meant, each once, in the order given.

    Raises:
        UsageError: a word means none.
    """
    if not words:
        return [newest_record_folder("report")]
    found = [folder for word in words for folder in _folders_of(word)]
    return list({folder.resolve(): folder for folder in found}.values())


def _folders_of(word: str) -> list[Path]:
    path = Path(word)
    if path.exists() or not any(sign in word for sign in "=<>,"):
        return record_folders(path)
    return folders_of_query(word)[::-1]


def _sweep_section(path: Path) -> Iterator[Section]:
    if (path / PLAN_FILE).is_file():
        yield from sweep_sections(kept_results(path), read_plan(path).passes)
