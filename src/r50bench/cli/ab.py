"""``r50bench ab``: two settings, engines or Python environments against each other."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from r50bench.case import CaseName
from r50bench.cli.comparing import as_printed, leave_comparison, threshold_option
from r50bench.cli.options import (
    collect_settings,
    json_option,
    out_option,
    parameter_options,
    quiet_option,
    seconds_of,
    set_option,
    tuned_option,
    undisturbed_option,
)
from r50bench.cli.pages import PAGE
from r50bench.comparison.ab import HEAT_S, Contest, Contested, run_ab
from r50bench.comparison.compare import raise_verdict
from r50bench.engines.registry import ENGINES, present_name
from r50bench.errors import UsageError
from r50bench.host import topology
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.parameters import Setting, collect
from r50bench.planning.planned import plan_named
from r50bench.report.terminal import TerminalProgress
from r50bench.results.judged import Judged

__all__ = ["ab"]

Side = tuple[str, str | None]
"""What distinguishes a side: words of ``--a`` or ``--b``, and the Python of its workers."""


@click.command("ab")
@click.argument("case")
@click.option("--a", "a_words", default="", metavar="SETTINGS", help="What the first side has.")
@click.option("--b", "b_words", default="", metavar="SETTINGS", help="What the second side has.")
@click.option("--a-python", metavar="FILE", help="The first side's Python, such as old/bin/python.")
@click.option("--b-python", metavar="FILE", help="The second side's Python.")
@threshold_option
@undisturbed_option
@click.option(
    "--budget",
    metavar="TIME",
    default="60s",
    show_default=True,
    help="Time to measure; models are prepared before, and three pairs are measured in any case.",
)
@json_option("the comparison")
@out_option("the records go")
@quiet_option
@tuned_option
@set_option("Set a parameter of both sides by its upper-case name, such as BATCH_SIZE=64.")
@parameter_options
def ab(
    case: str,
    a_words: str,
    b_words: str,
    a_python: str | None,
    b_python: str | None,
    threshold: float,
    judged: Judged,
    budget: str,
    as_json: bool,
    out: Path,
    quiet: bool,
    tuned: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Measures B against A in turns until it is certain which is faster, or the time is up.

    \b
    r50bench ab inference_throughput_int8 --a torch --b r50
    r50bench ab inference_latency_bf16 --a "ALLOCATOR=system" --b "ALLOCATOR=tcmalloc"
    r50bench ab inference_throughput_int8 --a-python old/bin/python --b-python new/bin/python

    SETTINGS are KEY=VALUE words, or the name of an engine. Both sides are open at once as a pair of
    fresh processes and take turns, round by round; then comes the next pair. With --a-python and
    --b-python the workers, and what compiles for them, run in other environments: how an upgrade of
    torch or OpenVINO is judged. These need numpy and msgspec beside the engine's packages. Exits
    like 'r50bench compare': 3 where B is slower, 4 where nobody can tell.
    """
    common = collect_settings(options, sets)
    sides = ((a_words, a_python), (b_words, b_python))
    settings = tuple(_settings(common, word, side) for word, side in zip("ab", sides, strict=True))
    found = _run(
        CaseName.parse(case),
        settings,
        (_title("a", *sides[0]), _title("b", *sides[1])),
        threshold,
        seconds_of(budget),
        out,
        judged=judged,
        tuned=tuned,
        quiet=quiet,
    )
    click.echo(as_printed(found.comparison, "json" if as_json else "text"), nl=False)
    with TerminalProgress(quiet=quiet) as progress:
        page = leave_comparison(
            found.comparison,
            (found.base, found.new),
            found.folder / PAGE,
            progress,
            title="r50bench ab",
        )
    if not as_json:
        click.echo(f"{page}# records: {found.folder}")
    raise_verdict(found.comparison)


def _run(
    name: CaseName,
    settings: tuple[Mapping[str, Setting], ...],
    titles: tuple[str, str],
    tolerance: float,
    budget_s: float,
    out: Path,
    *,
    judged: Judged,
    tuned: bool,
    quiet: bool,
) -> Contested:
    host = topology.read_host()
    base, new = (plan_named([name], one, host, tuned=tuned)[0] for one in settings)
    heat_s = None if "steps" in {**settings[0], **settings[1]} else HEAT_S
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        announce_host(bench)
        announce_cases((base, new), progress)
        contest = Contest(base, new, titles, tolerance, budget_s, heat_s, judged)
        return run_ab(contest, bench)


def _settings(common: Mapping[str, Setting], letter: str, side: Side) -> dict[str, Setting]:
    words, python = side
    try:
        pieces = shlex.split(words)
    except ValueError as error:
        raise UsageError(f"--{letter} {words!r}: {error}", hint="quote as for a shell") from None
    sets = [_as_set(letter, piece) for piece in pieces]
    if python is not None:
        sets.append(f"PYTHON={python}")
    return {**common, **collect({}, sets, {})}


def _as_set(letter: str, piece: str) -> str:
    """Returns KEY=VALUE; a word alone names an engine."""
    if "=" in piece:
        return piece
    if present_name(piece) in ENGINES:
        return f"ENGINE={piece}"
    raise UsageError(
        f"--{letter}: {piece!r} is no engine and no setting",
        hint=f"such as BATCH_SIZE=16, or one of {', '.join(ENGINES)}",
    )


def _title(letter: str, words: str, python: str | None) -> str:
    said = " ".join(filter(None, (words, f"PYTHON={python}" if python else "")))
    return f"{letter} ({said or 'as it is by default'})"
