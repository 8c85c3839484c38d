"""Runs the engines side by side and shows what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from r50bench.assets.store import default_store
from r50bench.case import CaseName
from r50bench.cli.execution import remember, write_kpi_file
from r50bench.cli.plan_text import describe_host
from r50bench.errors import R50BenchError
from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.measure.asset_resolver import Provisions
from r50bench.parameters import UNDERSTOOD_VARIABLES, Setting
from r50bench.peers.run import ROUND_S, Contender, plan_peers, run_peers
from r50bench.peers.text import Row, peer_rows, peers_as_data, peers_text
from r50bench.progress import Progress
from r50bench.report.terminal import TerminalProgress

__all__ = ["execute_peers"]


def execute_peers(
    names: Sequence[CaseName],
    engines: Sequence[str],
    settings: Mapping[str, Setting],
    host: Host,
    out: Path,
    round_s: float | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compares the engines in one case after the other; a table or JSON goes to stdout.

    Raises:
        R50BenchError: the first engine, which the others are measured against, was not measured;
            after all cases have run.
    """
    found: list[list[Row]] = []
    errors: list[R50BenchError] = []
    if round_s is None and "steps" not in settings:
        round_s = ROUND_S
    try:
        with TerminalProgress(quiet=quiet) as progress:
            progress.note(describe_host(host))
            for finding in examine(host, understood=UNDERSTOOD_VARIABLES):
                progress.warn(f"{finding.text}: {finding.mend}")
            provisions = Provisions(default_store(), progress)
            for name in names:
                contenders = plan_peers(name, engines, settings, host)
                _tell_notes(contenders, progress)
                standings = run_peers(
                    contenders, host, provisions, out, progress, write_kpi_file, round_s=round_s
                )
                errors += [one.error for one in standings[:1] if one.error is not None]
                for one in standings:
                    if one.outcome is not None:
                        remember(one.outcome, progress)
                found.append(peer_rows(standings))
    finally:
        # What is finished is shown, also where the rest was interrupted.
        if as_json:
            click.echo(json.dumps([peers_as_data(rows) for rows in found], indent=2))
        elif found:
            click.echo("\n".join(peers_text(rows) for rows in found), nl=False)
            click.echo(f"# records: {out}   look again: r50bench kpi {out}")
    if errors:
        raise errors[0]


def _tell_notes(contenders: Sequence[Contender], progress: Progress) -> None:
    planned = [one.planned for one in contenders if one.planned is not None]
    for note in dict.fromkeys(note for one in planned for note in one.effective.notes):
        progress.warn(note)
