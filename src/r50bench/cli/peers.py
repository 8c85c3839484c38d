"""``r50bench peers``: PyTorch, our own kernels and other engines beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from r50bench.case import CaseName
from r50bench.cli.options import (
    collect_settings,
    json_option,
    options_of,
    out_option,
    quiet_option,
    seconds_of,
    set_option,
    undisturbed_option,
)
from r50bench.cli.pages import leave_page, shown_of
from r50bench.cli.shell import terminal_width
from r50bench.engines.registry import engine_named
from r50bench.errors import R50BenchError, UsageError
from r50bench.host import topology
from r50bench.host.isa import precisions_by_default
from r50bench.host.topology import Host
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.measure.remembering import remember
from r50bench.measure.session import Outcome
from r50bench.notices import Progress
from r50bench.parameters import Setting, asked_device
from r50bench.peers.run import ENGINES_BESIDE, ROUND_S, Contender, plan_peers, run_peers
from r50bench.peers.text import (
    Row,
    judged_remark,
    peer_rows,
    peers_as_data,
    peers_remarks,
    peers_table,
    peers_text,
)
from r50bench.planning.designed_cases import precisions_without_choice
from r50bench.planning.effective_case import EffectiveCase
from r50bench.report.page import tables, words
from r50bench.report.terminal import TerminalProgress
from r50bench.results.judged import Judged
from r50bench.results.record import new_record_id
from r50bench.wording import look_again

__all__ = ["peers"]


@click.command("peers", epilog="Empty values mean the default.")
@click.option(
    "--engines",
    metavar="NAME,NAME…",
    help="Which engines; the others are measured against the first."
    f"  [default: {','.join(ENGINES_BESIDE)}]",
)
@click.option(
    "--round-seconds",
    metavar="SECONDS",
    help="How long each engine runs in a round, where --steps does not say."
    f"  [default: {ROUND_S:g}]",
)
@undisturbed_option
@json_option("the figures")
@out_option("the records go")
@quiet_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=8.")
@options_of(lambda parameter: parameter.of_peers)
def peers(
    engines: str | None,
    round_seconds: str | None,
    judged: Judged,
    as_json: bool,
    out: Path,
    quiet: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Measures engines beside each other: same graph, weights, pictures and cores.

    All engines are loaded, proved and warm at once and run in turns, round by round; the ratios are
    those of the same round, so that what disturbs the machine cancels out; with --undisturbed, of
    the batches that nothing disturbed, where every engine has enough of them. Each engine has the
    options and the memory allocator that serve it best. A peer that is not installed, or cannot run
    the precision, is a row that says why; 'pip install r50bench[peers]' brings ONNX Runtime and
    OpenVINO.

    Without --precision, fp32, bf16 and int8 are measured, as far as this CPU has them natively.
    """
    settings = collect_settings(options, sets)
    if round_seconds is not None and "steps" in settings:
        raise UsageError("--round-seconds and STEPS both say how long a round is", hint="give one")
    round_s = None if round_seconds is None else seconds_of(round_seconds, "--round-seconds")
    host = topology.read_host()
    names = _names(settings, host)
    _execute(
        names,
        _engines(engines),
        settings,
        host,
        out,
        round_s,
        judged,
        as_json=as_json,
        quiet=quiet,
    )


def _engines(text: str | None) -> tuple[str, ...]:
    if not text:
        return ENGINES_BESIDE
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if len({engine_named(word).name for word in words}) < len(words):
        raise UsageError(f"--engines {text}: an engine is named twice", hint="name each once")
    return words


def _names(settings: Mapping[str, Setting], host: Host) -> list[CaseName]:
    """Returns the case of each precision: the one that is asked, or the best of each numerics."""
    mode = str(settings["mode"].value) if "mode" in settings else "throughput"
    if mode == "accuracy":
        raise UsageError(
            "peers are timed: MODE=accuracy is not among what is compared",
            hint="top-1 is scored beside throughput; or: r50bench run --mode accuracy --engine …",
        )
    if "precision" in settings:
        return [CaseName.of_parts(mode, str(settings["precision"].value))]
    device = asked_device(settings)
    runnable = precisions_without_choice(host, device)
    best = (alike[-1] for alike in precisions_by_default(host, device))
    return [CaseName.of_parts(mode, precision) for precision in best if precision in runnable]


def _execute(
    names: Sequence[CaseName],
    engines: Sequence[str],
    settings: Mapping[str, Setting],
    host: Host,
    out: Path,
    round_s: float | None,
    judged: Judged,
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
    outcomes: list[Outcome] = []
    errors: list[R50BenchError] = []
    if round_s is None and "steps" not in settings:
        round_s = ROUND_S
    try:
        with TerminalProgress(quiet=quiet) as progress:
            bench = bench_here(host, out, progress)
            fields = [plan_peers(name, engines, settings, host) for name in names]
            announce_host(bench)
            announce_cases(_effective_cases(fields), progress)
            for contenders in fields:
                standings = run_peers(contenders, bench, round_s=round_s)
                errors += [one.error for one in standings[:1] if one.error is not None]
                for one in standings:
                    if one.outcome is not None:
                        remember(one.outcome, progress)
                        outcomes.append(one.outcome)
                found.append(peer_rows(standings, judged))
    finally:
        # What is finished is shown before a page is drawn, also where the rest was interrupted.
        if as_json:
            click.echo(json.dumps([peers_as_data(rows) for rows in found], indent=2))
        elif found:
            click.echo("\n".join(peers_text(rows, terminal_width()) for rows in found), nl=False)
        page = _leave_page(outcomes, found, out, progress)
        if outcomes and not as_json:
            click.echo(f"{page}# records: {out}   look again: {look_again(out)}")
    if errors:
        raise errors[0]


def _leave_page(
    outcomes: Sequence[Outcome], found: Sequence[Sequence[Row]], out: Path, progress: Progress
) -> str:
    """Leaves a page of this comparison alone among the records of others."""
    name = f"{new_record_id('peers', datetime.now(timezone.utc))}.html"
    beside = tables(
        "Engines beside each other", [(_caption(rows), peers_table(rows)) for rows in found]
    )
    remarks = words("", [line for rows in found for line in peers_remarks(rows)])
    return leave_page(
        shown_of(outcomes), out / name, progress, title="r50bench peers", first=[beside, remarks]
    )


def _caption(rows: Sequence[Row]) -> str:
    name = next((row.record.name for row in rows if row.record is not None), "")
    return "; ".join(filter(None, (name, judged_remark(rows))))


def _effective_cases(fields: Iterable[Iterable[Contender]]) -> Iterator[EffectiveCase]:
    for contenders in fields:
        for contender in contenders:
            if contender.planned is not None:
                yield contender.planned
