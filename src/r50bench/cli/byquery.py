"""``r50bench byquery``: the result that a query asks for, stored or run now."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import click

from r50bench.assets.store import default_store
from r50bench.cli.loadgen_plan import show_loadgen_plan
from r50bench.cli.options import dry_run_option, out_option, quiet_option
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.bench import AssetResolver, announce_cases, announce_host, bench_here
from r50bench.measure.remembering import remember
from r50bench.measure.session import Outcome
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.query.answers import Answer, AnswerStore
from r50bench.mlperf.query.attributes import check_gettable, get
from r50bench.mlperf.query.command import split_command
from r50bench.mlperf.query.completion import CompletedQuery, check_record, check_request, complete
from r50bench.mlperf.query.figures import answers
from r50bench.mlperf.query.terms import asks_for_repository, parse_terms
from r50bench.mlperf.run.extent import headline
from r50bench.mlperf.run.loadgen_run import refuse_impossible, run_mlperf
from r50bench.notices import Progress, Silent
from r50bench.planning.planned import Planned
from r50bench.report.terminal import TerminalProgress
from r50bench.wording import look_again

__all__ = ["byquery"]


@click.command("byquery", short_help="Answers a query, from the cache or by a LoadGen run.")
@click.argument("words", nargs=-1, metavar="QUERY [, get KEY]")
@dry_run_option("whether the answer is stored, and what would run, for how long, why and where")
@out_option("the record goes if something is run")
@quiet_option
def byquery(words: tuple[str, ...], dry_run: bool, out: Path, quiet: bool) -> None:
    """Answers a query: from the cache if the very same was run before, else by running LoadGen.

    \b
    r50bench byquery loadgen_output,loadgen_mode=AccuracyOnly,loadgen_dataset_size=20 , get accuracy

    QUERY is a list of terms without blanks: tags (loadgen_output, classified_imagenet; !tag or
    tag- for their absence), key=value for what the run is given (loadgen_scenario, loadgen_mode,
    loadgen_dataset_size, loadgen_target_qps, precision, batch_size, dataset, execution_device…),
    and conditions: key!=value < <= > >=, 'key.' (has a value), 'key?' (is true), 'key-' (is not).
    A condition on what comes out, such as accuracy>=75, fails with exit code 3. What is not said is
    read from the environment (R50BENCH_DATASET…), then from the defaults.

    KEY is accuracy, accuracy_report, performance (LoadGen's result: samples/s, or the estimated
    latency in ns of SingleStream and MultiStream), verdict, latency_p50 to latency_p999 (as
    measured), compliant, record (the folder)…, or any key that a query compares; without 'get' all
    answers are printed.
    """
    command = split_command(words)
    if asks_for_repository(command.terms):
        click.echo("Nothing to import: r50bench brings its own workflow.", err=True)
        return
    query = _completed(command.terms, command.key)
    if dry_run:
        _show_plan(query)
        return
    found = _answer(query, out, quiet=quiet)
    if command.key is None:
        click.echo("\n".join(f"{key}: {text}" for key, text in answers(found.record, found.folder)))
    else:
        click.echo(get(command.key, found.record, found.folder))
    check_record(query, found.record)


def _completed(texts: tuple[str, ...], key: str | None) -> CompletedQuery:
    """Returns the completed query, whose run can give the answer that is asked."""
    query = complete(parse_terms(texts), os.environ)
    if key is not None:
        check_gettable(key, query.loadgen)
    return query


def _planned(query: CompletedQuery, host: Host) -> Planned:
    planned = plan_mlperf(query.loadgen, query.settings, host)
    check_request(query, planned.case)
    return planned


def _show_plan(query: CompletedQuery) -> None:
    host = topology.read_host()
    planned = _planned(query, host)
    assets = AssetResolver(default_store(), Silent())
    refuse_impossible(planned, assets)
    found = AnswerStore(assets, host, Silent()).likely(planned)
    answered = "no stored result answers it: it would run"
    if found is not None:
        answered = (
            f"the result stored {found.created} answers it, unless weights or pictures have changed"
            f" since: {found.path}"
        )
    show_loadgen_plan(planned, host, answered=answered)


def _answer(query: CompletedQuery, out: Path, *, quiet: bool) -> Answer:
    host = topology.read_host()
    planned = _planned(query, host)
    with ExitStack() as after, TerminalProgress(quiet=quiet) as progress:
        assets = AssetResolver(default_store(), progress)
        refuse_impossible(planned, assets)

        def run(planned: Planned) -> Outcome:
            bench = bench_here(host, out, progress, assets)
            progress.note(headline(planned))
            announce_host(bench)
            announce_cases([planned], progress)
            outcome = run_mlperf(planned, bench)
            remember(outcome, progress)
            if outcome.error is not None:
                after.callback(_tell_where, outcome.folder)
            return outcome

        found = AnswerStore(assets, host, progress).answer(planned, run)
        _tell(found, progress)
    return found


def _tell_where(folder: Path) -> None:
    """Says, of however quiet a run that failed, where its logs are; stdout is for answers."""
    click.echo(f"# record: {folder}   look again: {look_again(folder)}", err=True)


def _tell(found: Answer, progress: Progress) -> None:
    record = found.record
    origin = "run now" if found.produced else f"stored result of {record.created}"
    model = record.model
    with_weights = f", weights {model.weights}" if model else ""
    progress.note(f"{origin}{with_weights}: {found.folder}")
    if record.loadgen is not None and not record.loadgen.compliant:
        progress.note(f"not compliant with MLPerf's rules: {record.loadgen.why_not_compliant}")
