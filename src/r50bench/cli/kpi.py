"""``r50bench kpi``: the figures of runs that are done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from r50bench.errors import R50BenchError, RunFailed
from r50bench.report.kpi_block import KpiBlock, kpi_block
from r50bench.report.kpi_formats import KPI_FORMATS, format_kpis
from r50bench.results.folders import newest_record_folder, record_folders, without_pages
from r50bench.results.samples import read_measured

__all__ = ["kpi"]


@click.command("kpi")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR]...")
@click.option(
    "--format",
    "style",
    type=click.Choice(KPI_FORMATS),
    default="text",
    show_default=True,
    help="How the figures are written.",
)
@click.option("--primary", is_flag=True, help="Only the primary figure of every run.")
def kpi(paths: tuple[Path, ...], style: str, primary: bool) -> None:
    """Prints the KPIs of runs: what was run, and what came out.

    DIR is the folder of a run, its record.json, or a folder that holds runs; without any, the
    newest run below ./r50bench-runs. Exits with 5 where a record is invalid or damaged, and says
    why it is, after the figures of all others.
    """
    each = (found for path in without_pages(paths) for found in record_folders(path))
    folders = list(dict.fromkeys(each))
    blocks, damaged = _blocks(folders or [newest_record_folder("kpi")])
    if blocks or style == "json":
        click.echo(format_kpis(blocks, style, primary_only=primary), nl=False)
    _raise_without_figures(blocks, damaged)


def _blocks(folders: Sequence[Path]) -> tuple[list[KpiBlock], list[R50BenchError]]:
    """Returns what is said of the records that can be read, and why the others cannot."""
    blocks, damaged = [], []
    for folder in folders:
        try:
            blocks.append(kpi_block(*read_measured(folder)))
        except R50BenchError as error:
            damaged.append(error)
    return blocks, damaged


def _raise_without_figures(blocks: Sequence[KpiBlock], damaged: Sequence[R50BenchError]) -> None:
    reasons = [f"{block.record_id}: {block.reason}" for block in blocks if not block.valid]
    hint: str | None = "the logs in the folder of the run say more"
    if damaged and not reasons:
        hint = damaged[0].hint
    reasons += [error.message for error in damaged]
    if reasons:
        raise RunFailed(
            f"{len(reasons)} of {len(blocks) + len(damaged)} records have no figures: "
            + "; ".join(reasons),
            hint=hint,
        )
