"""``r50bench tune``: the best configuration of a case, found quickly and kept for later runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from r50bench.case import Case
from r50bench.cli.options import (
    collect_settings,
    json_option,
    options_of,
    out_option,
    quiet_option,
    refuse_given_twice,
    seconds_of,
    set_option,
    undisturbed_option,
)
from r50bench.cli.pages import PAGE, leave_page, shown_of
from r50bench.cli.selection import select
from r50bench.cli.sent_around import SentAround
from r50bench.errors import R50BenchError, UsageError
from r50bench.host import topology
from r50bench.host.surroundings import tuned_folder
from r50bench.host.topology import Host
from r50bench.measure.bench import Bench, announce_host, bench_here
from r50bench.notices import Progress
from r50bench.parameters import BY_NAME, PARAMETERS, Setting, Value
from r50bench.parameters.value_lists import read_axes
from r50bench.planning.tuned_defaults import TunedResults, asked_for_speed
from r50bench.report.terminal import TerminalProgress
from r50bench.results.judged import Judged
from r50bench.tune.field import Figures
from r50bench.tune.objective import Objective
from r50bench.tune.run import Tuned, TuneRequest, result_of, tune_case
from r50bench.tune.space import TUNED_FIELDS
from r50bench.tune.text import trial_row, tune_as_data, tune_sections, tune_text

__all__ = ["tune"]

DEFAULT_OUT = Path("r50bench-tunes")

# Trials have as many steps and rounds as the search gives them.
_INERT = tuple(row.name for row in PARAMETERS if "trials" in row.inert_under)
_OBJECTIVES = {"throughput": "throughput", "latency": "latency", "accuracy": "throughput"}


@click.command("tune", cls=SentAround)
@click.argument("cases", nargs=-1, metavar="[CASE-OR-GLOB]...")
@click.option(
    "--objective",
    metavar="GOAL",
    help="throughput, latency, or in quotes 'throughput@latency<=15ms' (or p50, p90, p99);"
    " by default what the case's mode measures.",
)
@click.option(
    "--budget",
    metavar="TIME",
    default="120s",
    show_default=True,
    help="Time for each case, compiling included, such as 120s or 5m.",
)
@undisturbed_option
@set_option("Fix a parameter; several values of a tuned one are what is chosen from.", "KEY=VALUES")
@json_option("the results")
@out_option("the records of the trials go", DEFAULT_OUT)
@quiet_option
@options_of(lambda parameter: parameter.name not in _INERT)
def tune(
    cases: tuple[str, ...],
    objective: str | None,
    budget: str,
    judged: Judged,
    sets: tuple[str, ...],
    as_json: bool,
    out: Path,
    quiet: bool,
    **options: str | bool | None,
) -> None:
    """Finds the best configuration of a case in a short time, and keeps it for later runs.

    Batch size, cores per instance, engine recipe, allocator and weight sharing are tried in short
    trials, the leaders in more of them, until one is likely within 2 % of the best. With
    --undisturbed those that were tried are ranked in the end by the batches that nothing disturbed,
    where each has enough of them; rounds have at least six batches then. In latency mode
    the batch size stays. Whatever an option or --set gives one value is left as it is; several
    values are what is chosen from:

    \b
    r50bench tune inference_throughput_int8 --set BATCH_SIZE="4 8 16 32"

    Later 'r50bench run's of the case on this host with these weights and versions take what was
    found as their defaults, and say so; 'r50bench run --no-tuned' does not. Models that are not
    compiled yet cost their time: with a short budget they are left out, and named.

    Without a case, throughput is tuned in every precision of this CPU.
    """
    host = topology.read_host()
    budget_s = seconds_of(budget)
    requests = _requests(cases, objective, budget_s, judged, sets, options, host)
    _execute(requests, host, out, as_json=as_json, quiet=quiet)


def _requests(
    words: Sequence[str],
    objective: str | None,
    budget_s: float,
    judged: Judged,
    sets: Sequence[str],
    options: Mapping[str, str | bool | None],
    host: Host,
) -> list[TuneRequest]:
    settings, choices = _read(sets, options)
    names = select(words, None, settings, host, default_mode="throughput")
    requests = []
    for name in names:
        goal = Objective.parse(objective or _OBJECTIVES[name.mode])
        requests.append(TuneRequest(name, settings, choices, goal, budget_s, judged))
    return requests


def _read(
    sets: Sequence[str], options: Mapping[str, str | bool | None]
) -> tuple[dict[str, Setting], dict[str, list[Value]]]:
    """Returns what is fixed, and the values to choose from by tuned field.

    Raises:
        UsageError: several values of a parameter that is not tuned, or a value that is not valid.
    """
    axes = {axis.parameter.name: axis for group in read_axes(sets) for axis in group}
    refuse_given_twice(axes.values(), options)
    tuned_keys = ", ".join(BY_NAME[name].key for name in TUNED_FIELDS)
    for name, axis in axes.items():
        if len(axis.values) > 1 and name not in TUNED_FIELDS:
            raise UsageError(
                f"{axis.parameter.key} takes one value: it is not tuned",
                hint=f"several values are for {tuned_keys}; 'r50bench sweep' takes them for all",
            )
        if name in _INERT:
            raise UsageError(
                f"{axis.parameter.key} has no place here: trials are as long as the search needs",
                hint="--budget says how long it may take in all",
            )
    first = [f"{axis.parameter.key}={axis.values[0]}" for axis in axes.values()]
    settings = {
        name: setting
        for name, setting in collect_settings(options, first).items()
        if name not in _INERT
    }
    choices: dict[str, list[Value]] = {}
    for name in TUNED_FIELDS:
        if name not in settings:
            continue
        choices[name] = [settings[name].value]
        if settings[name].source == "--set":
            key = axes[name].parameter.key
            texts = [f"{key}={text}" for text in axes[name].values]
            choices[name] = [collect_settings({}, [text])[name].value for text in texts]
    return settings, choices


def _execute(
    requests: Sequence[TuneRequest], host: Host, out: Path, *, as_json: bool, quiet: bool
) -> None:
    """Tunes the cases in order; prints and keeps each result as it is there.

    Raises:
        R50BenchError: a case failed; the first one's error, after all the others.
    """
    kept = TunedResults(tuned_folder())
    found: list[dict[str, object]] = []
    errors: list[R50BenchError] = []
    progress = TerminalProgress(quiet=quiet)
    bench = bench_here(host, out, progress)
    announce_host(bench)
    try:
        for request in requests:
            try:
                with progress:
                    tuned = _tune(request, bench)
            except R50BenchError as error:
                errors.append(error)
                continue
            file: Path | None = None
            try:
                file = kept.keep(result_of(tuned, host))
            except R50BenchError as error:
                errors.append(error)  # what was found is shown all the same
            page = _leave_page(tuned, progress)
            found.append(tune_as_data(tuned) | {"kept": file and str(file)})
            if not as_json:
                click.echo(tune_text(tuned) + page + _what_next(tuned, file), nl=False)
    finally:
        # What is finished is shown, also where the rest was interrupted.
        if as_json:
            click.echo(json.dumps(found, indent=2))
    if errors:
        raise errors[0]


def _tune(request: TuneRequest, bench: Bench) -> Tuned:
    def tell(case: Case, figures: Figures) -> None:
        bench.progress.note(trial_row(case, figures))

    return tune_case(request, bench, tell)


def _leave_page(tuned: Tuned, progress: Progress) -> str:
    return leave_page(
        shown_of(tuned.trials),
        tuned.folder / PAGE,
        progress,
        title="r50bench tune",
        first=tune_sections(tuned),
    )


def _what_next(tuned: Tuned, file: Path | None) -> str:
    if file is None:
        return f"# trials: {tuned.folder}\n"
    asked = "".join(
        f" --set {shlex.quote(f'{BY_NAME[name].key}={text}')}"
        for name, text in asked_for_speed(tuned.request.fixed()).items()
    )
    return (
        f"# kept: {file}   trials: {tuned.folder}\n"
        f"# from now on this is what runs: r50bench run {tuned.case.name}{asked}\n"
    )
