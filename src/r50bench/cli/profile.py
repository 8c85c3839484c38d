"""``r50bench profile``: where the time of a case goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from r50bench.case import Case
from r50bench.cli.options import (
    collect_settings,
    json_option,
    out_option,
    parameter_options,
    quiet_option,
    set_option,
    tuned_option,
)
from r50bench.cli.selection import select
from r50bench.engines.registry import ENGINES
from r50bench.errors import UsageError
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.notices import Notice
from r50bench.parameters import PARAMETERS, Setting
from r50bench.planning.planned import Planned, effective_cases, plan_case
from r50bench.profile.page import PROFILE_FILE, profile_page
from r50bench.profile.run import Profile, profile_case
from r50bench.profile.text import profile_text
from r50bench.report.terminal import TerminalProgress
from r50bench.results.files import to_json, write_atomically, write_text_atomically
from r50bench.wording import fixed

__all__ = ["profile"]

DEFAULT_OUT = Path("r50bench-profiles")
_PAGE = "profile.html"


@click.command("profile")
@click.argument("case")
@click.option(
    "--rounds",
    type=click.IntRange(3),
    default=15,
    show_default=True,
    help="So many batches are observed; medians are shown.",
)
@click.option("--layers", "all_layers", is_flag=True, help="Print every layer, not only the kinds.")
@json_option("the profile")
@out_option("the picture and the figures go", DEFAULT_OUT)
@quiet_option
@tuned_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=64.")
@parameter_options
def profile(
    case: str,
    rounds: int,
    all_layers: bool,
    as_json: bool,
    out: Path,
    quiet: bool,
    tuned: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Shows where the time of CASE goes: layer by layer beside the machine's limit.

    \b
    r50bench profile inference_throughput_int8 --batch-size 8 --cores-per-instance 1

    Of each layer: the time of its kernels, and the least that the measured peak of the cores and
    the bandwidth of their memory allow; then what is spent outside of kernels. The batches that are
    timed are not observed, and the observed ones run in turn with them. A page with a picture is
    left below --out. Without --engine, PyTorch as it ships and r50bench's own kernels are profiled
    one after the other.
    """
    host = topology.read_host()
    planned, left_out = _plan(case, options, sets, host, tuned=tuned)
    profiles: list[tuple[Profile, Path]] = []
    try:
        with TerminalProgress(quiet=quiet) as progress:
            bench = bench_here(host, out, progress)
            announce_host(bench)
            announce_cases(planned, progress)
            for notice in left_out:
                progress.warn(notice)
            for by_engine in planned:
                profiles.append(profile_case(by_engine, bench, rounds, _write))
    finally:
        # What is finished is shown, also where the next engine failed or was interrupted.
        if as_json:
            click.echo(b"[\n" + b",\n".join(_as_json(one) for one, _ in profiles) + b"\n]")
        else:
            click.echo(_as_text(profiles, all_layers=all_layers), nl=False)


def _as_text(profiles: Sequence[tuple[Profile, Path]], *, all_layers: bool) -> str:
    """Returns the engines' tables one below the other, and a line that holds them together."""
    parts = [
        f"{profile_text(profile, all_layers=all_layers)}\n"
        f"# picture: {folder / _PAGE}   data: {folder / PROFILE_FILE}\n"
        for profile, folder in profiles
    ]
    if len(profiles) > 1:
        beside = " · ".join(
            f"{profile.case.engine} {fixed(profile.breakdown.batch_ms, 3)} ms a batch,"
            f" {profile.efficiency:.0%} of the peak"
            for profile, _ in profiles
        )
        parts.append(f"# {beside}\n")
    return "\n".join(parts)


def _others(case: Case, host: Host) -> dict[str, str]:
    """Returns the other engines whose kernels tell their times for such a case.

    Each with a clause that says what keeps it from this host; empty where nothing does.
    """
    return {
        name: engine.lacking(host, case.precision)
        for name, engine in ENGINES.items()
        if name != case.engine
        and engine.times_layers
        and engine.among_peers
        and case.numerics in engine.numerics.get(case.device, ())
    }


def _plan(
    word: str,
    options: dict[str, str | bool | None],
    sets: tuple[str, ...],
    host: Host,
    *,
    tuned: bool,
) -> tuple[list[Planned], list[Notice]]:
    """Returns the case on the engine that is asked, else on every one whose kernels can tell.

    And a notice for each of these that this host keeps from it.
    """
    settings = collect_settings(options, sets)
    names = select([word], None, settings, host)
    if len(names) != 1:
        raise UsageError(
            f"{word!r} means {len(names)} cases: {', '.join(map(str, names[:4]))}…",
            hint="one case is profiled at a time",
        )
    first = plan_case(effective_cases(host, tuned=tuned)(names[0], settings), host)
    if "engine" in settings:
        return [first], []
    # What was tuned for the first holds for the others, too: else their batches do not compare.
    alike = {
        row.name: Setting(getattr(first.case, row.name), "option")
        for row in PARAMETERS
        if row.tuned and row.name != "engine"
    }
    effective_of = effective_cases(host, tuned=False)
    planned, left_out = [first], []
    for name, why_not in _others(first.case, host).items():
        if why_not:
            left_out.append(Notice("left-out", f"no profile of {name}: {why_not}"))
        else:
            asked = settings | alike | {"engine": Setting(name, "option")}
            effective = effective_of(names[0], asked)
            for field in alike:
                value, said = getattr(effective.case, field), first.request[field]
                effective = effective.became(said.source, **{field: value})
            planned.append(plan_case(effective, host))
    return planned, left_out


def _write(found: Profile, folder: Path) -> None:
    write_text_atomically(folder / _PAGE, profile_page(found))
    write_atomically(folder / PROFILE_FILE, _as_json(found) + b"\n")


def _as_json(found: Profile) -> bytes:
    """Returns the profile with the sums that are derived from it."""
    parts = found.breakdown
    sums: dict[str, Any] = {
        "efficiency": found.efficiency,
        "least_ms": parts.least_ms,
        "kernels_ms": parts.kernels_ms,
        "outside_ms": parts.outside_ms,
    }
    return to_json(msgspec.to_builtins(found) | sums, indent=2)
