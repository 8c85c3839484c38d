"""Tunes cases, shows the trials, keeps what was found and says so."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from r50bench.assets.store import default_store
from r50bench.case import Case
from r50bench.cli.execution import write_kpi_file
from r50bench.cli.plan_text import describe_host
from r50bench.errors import R50BenchError
from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.measure.tuned_defaults import asked_for_speed
from r50bench.parameters import PARAMETERS, UNDERSTOOD_VARIABLES
from r50bench.report.terminal import TerminalProgress
from r50bench.results.tuned import TunedResults, tuned_folder
from r50bench.tune.field import Figures
from r50bench.tune.run import Tuned, TuneRequest, result_of, tune
from r50bench.tune.text import trial_row, tune_as_data, tune_text

__all__ = ["execute_tunes"]

_KEYS = {parameter.name: parameter.key for parameter in PARAMETERS}


def execute_tunes(
    requests: Sequence[TuneRequest], host: Host, out: Path, *, as_json: bool, quiet: bool
) -> None:
    """Tunes the cases in order; prints and keeps each result as it is there.

    Raises:
        R50BenchError: a case failed; the first one's error, after all the others.
    """
    kept = TunedResults(tuned_folder())
    found: list[dict[str, object]] = []
    errors: list[R50BenchError] = []
    for number, request in enumerate(requests):
        try:
            with TerminalProgress(quiet=quiet) as progress:
                if number == 0:
                    _announce(host, progress)
                tuned = _tune(request, host, out, progress)
                file = kept.keep(result_of(tuned, host))
        except R50BenchError as error:
            errors.append(error)
            continue
        found.append(tune_as_data(tuned) | {"kept": str(file)})
        if not as_json:
            click.echo(tune_text(tuned) + _what_next(tuned, file), nl=False)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    if errors:
        raise errors[0]


def _announce(host: Host, progress: TerminalProgress) -> None:
    progress.note(describe_host(host))
    for finding in examine(host, understood=UNDERSTOOD_VARIABLES):
        progress.warn(f"{finding.text}: {finding.mend}")


def _tune(request: TuneRequest, host: Host, out: Path, progress: TerminalProgress) -> Tuned:
    def tell(case: Case, figures: Figures) -> None:
        progress.note(trial_row(case, figures))

    return tune(request, host, default_store(), out, progress, write_kpi_file, tell)


def _what_next(tuned: Tuned, file: Path) -> str:
    asked = "".join(
        f" --set {shlex.quote(f'{_KEYS[name]}={text}')}"
        for name, text in asked_for_speed(tuned.request.fixed()).items()
    )
    return (
        f"# kept: {file}   trials: {tuned.folder}\n"
        f"# from now on this is what runs: r50bench run {tuned.case.name}{asked}\n"
    )
