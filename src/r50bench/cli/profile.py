"""``r50bench profile``: where the time of a case goes."""

from __future__ import annotations

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
from r50bench.cli.shell import announce, bench_here
from r50bench.engines.registry import ENGINES
from r50bench.errors import UsageError
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.measure.tuned_defaults import effective_cases
from r50bench.planning.planned import Planned, plan_case
from r50bench.profile.page import profile_page
from r50bench.profile.run import Profile, profile_case
from r50bench.profile.text import profile_text
from r50bench.report.terminal import TerminalProgress
from r50bench.results.atomic import write_atomically

__all__ = ["profile"]

DEFAULT_OUT = Path("r50bench-profiles")
_PAGE, _DATA = "profile.html", "profile.json"


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
    left below --out.
    """
    host = topology.read_host()
    planned = _plan(case, options, sets, host, tuned=tuned)
    with TerminalProgress(quiet=quiet) as progress:
        bench = bench_here(host, out, progress)
        announce(bench, [planned])
        found, folder = profile_case(planned, bench, rounds, _write)
    if as_json:
        click.echo(_as_json(found).decode())
        return
    click.echo(profile_text(found, all_layers=all_layers))
    click.echo(f"# picture: {folder / _PAGE}   data: {folder / _DATA}")
    for engine in _others(planned.case, host):
        click.echo(f"# the same by engine {engine}: r50bench profile {case} … --engine {engine}")


def _others(case: Case, host: Host) -> list[str]:
    """Returns the other engines of the product whose kernels tell their times for such a case."""
    return [
        name
        for name, engine in ENGINES.items()
        if name != case.engine
        and engine.times_layers
        and engine.among_peers
        and case.numerics in engine.numerics.get(case.device, ())
        and not engine.lacking(host, case.precision)
    ]


def _plan(
    word: str,
    options: dict[str, str | bool | None],
    sets: tuple[str, ...],
    host: Host,
    *,
    tuned: bool,
) -> Planned:
    settings = collect_settings(options, sets)
    names = select([word], None, settings, host)
    if len(names) != 1:
        raise UsageError(
            f"{word!r} means {len(names)} cases: {', '.join(map(str, names[:4]))}…",
            hint="one case is profiled at a time",
        )
    effective = effective_cases(host, tuned=tuned)(names[0], settings)
    return plan_case(effective, host)


def _write(found: Profile, folder: Path) -> None:
    write_atomically(folder / _PAGE, profile_page(found).encode())
    write_atomically(folder / _DATA, _as_json(found) + b"\n")


def _as_json(found: Profile) -> bytes:
    """Returns the profile with the sums that are derived from it."""
    parts = found.breakdown
    sums: dict[str, Any] = {
        "efficiency": found.efficiency,
        "least_ms": parts.least_ms,
        "kernels_ms": parts.kernels_ms,
        "outside_ms": parts.outside_ms,
    }
    return msgspec.json.format(msgspec.json.encode(msgspec.to_builtins(found) | sums), indent=2)
