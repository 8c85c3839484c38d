"""Errands carried out by a fleet, whichever verb sends them, and what is shown of it."""

from __future__ import annotations

import functools
import json
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from r50bench.cli.fleet_options import address_option, nodes_option, opened
from r50bench.cli.options import json_option, quiet_option, seconds_of
from r50bench.cli.pages import PAGE, leave_page, read_shown
from r50bench.cli.shell import terminal_width
from r50bench.errors import Interrupted, RunFailed, Unsupported, UsageError
from r50bench.fleet.agent import OUTPUT
from r50bench.fleet.homecoming import remember_runs
from r50bench.fleet.kept import Answered, KeptFleet, unanswered
from r50bench.fleet.nodes_text import findings_of
from r50bench.fleet.plan import Errand, FleetPlan, Seat, seats_of
from r50bench.fleet.prices import price_of, read_prices
from r50bench.fleet.roll_call import Present, nodes_present
from r50bench.fleet.run import FleetRun
from r50bench.fleet.schedule import Schedule
from r50bench.fleet.standings import standings
from r50bench.fleet.text import fleet_as_data, fleet_text, live_row
from r50bench.fleet.transport import Transport
from r50bench.fleet.twins import kind_of, twins_of
from r50bench.notices import Notice, Progress, no_effect
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.report.terminal import TerminalProgress
from r50bench.results.record import new_record_id
from r50bench.wording import counted, first_few, look_again

__all__ = ["carry_out", "fleet_options"]

DEFAULT_OUT = Path("r50bench-fleet")

_OPTIONS = (
    address_option,
    nodes_option,
    click.option(
        "--retries",
        type=click.IntRange(0, 100),
        default=0,
        show_default=True,
        help="Try what has failed on a node again, so many times, also after the node came back.",
    ),
    click.option(
        "--limit",
        default="60m",
        show_default=True,
        metavar="TIME",
        help="How long a node may take for one case, such as 90s, 5m or 2h.",
    ),
    click.option(
        "--patience",
        default="10m",
        show_default=True,
        metavar="TIME",
        help="How long a node may take to begin: others may have it, or its host.",
    ),
    click.option(
        "--most-mib",
        type=click.IntRange(1, 2048),
        default=256,
        show_default=True,
        help="How much may come home of one case.",
    ),
    click.option(
        "--prices",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Hourly prices: a line each with a node's name, label or type, and its price.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help=f"Where all comes home: a new folder below {DEFAULT_OUT}, or one to go on with.",
    ),
    json_option("standings, twins and records"),
    quiet_option,
)


@dataclass(frozen=True)
class FleetAsked:
    """What the options that :func:`fleet_options` adds were given."""

    address: str
    nodes: tuple[str, ...]
    retries: int
    limit: str
    patience: str
    most_mib: int
    prices: Path | None
    out: Path | None
    as_json: bool
    quiet: bool


def fleet_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds what all that is sent to a fleet may be told; it is given as one, under ``asked``."""

    @functools.wraps(command)
    def with_asked(**given: Any) -> None:
        asked = FleetAsked(**{field.name: given.pop(field.name) for field in fields(FleetAsked)})
        command(asked=asked, **given)

    wrapped: Callable[..., None] = with_asked
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def carry_out(errands: Sequence[Errand], asked: FleetAsked, *, alike: bool) -> None:
    """Has every node answer the errands, and shows what came of it.

    ``alike``: the nodes are to be of one type, since the errands are shared out among them.

    Raises:
        UsageError, Unsupported, RunFailed: it could not begin, or something was not answered.
    """
    plan = FleetPlan(
        tuple(errands),
        seconds_of(asked.limit, "--limit"),
        seconds_of(asked.patience, "--patience"),
        asked.retries,
        asked.most_mib << 20,
    )
    prices = {} if asked.prices is None else read_prices(asked.prices)
    path = asked.out or DEFAULT_OUT / new_record_id("fleet", datetime.now(timezone.utc))
    answered: list[Answered] = []
    seats: list[Seat] = []
    progress = TerminalProgress(quiet=asked.quiet)
    with opened(asked.address) as transport:
        try:
            with progress, KeptFleet(path, errands) as kept:
                answered += kept.before
                # One that was killed may have brought home what it did not enter.
                remember_runs([run for one in kept.before for run in one.home.runs], progress)
                present = nodes_present(transport, asked.nodes, progress)
                seats += seats_of(present)
                if not seats:
                    raise RunFailed(f"no node answered; {present[0].title}: {present[0].reason}")
                if alike:
                    _refuse_different(seats)
                for finding in findings_of(present):
                    progress.warn(finding)
                _announce(plan, seats, kept, progress)
                answered += _refusals(present, plan)
                for one in _run(transport, seats, plan, kept, progress):
                    answered.append(one)
        except KeyboardInterrupt as interrupt:
            raise Interrupted("interrupted", hint=_same_again(path, "goes on")) from interrupt
        finally:
            # What has come home is shown, also where the rest was interrupted.
            transport.close()
            _show(answered, seats, prices, path, progress, as_json=asked.as_json)
    _raise_failures(answered, path)


def _refuse_different(seats: Sequence[Seat]) -> None:
    kinds = dict(kind_of(seat.survey.host) for seat in seats)
    if len(kinds) > 1:
        raise UsageError(
            f"a sweep is shared out among twins, and these are {first_few([*kinds.values()])}",
            hint="choose those of one type with --nodes, or leave --share out",
        )


def _announce(plan: FleetPlan, seats: Sequence[Seat], kept: KeptFleet, progress: Progress) -> None:
    for variable in sorted(UNDERSTOOD_VARIABLES & os.environ.keys()):
        progress.warn(
            no_effect(
                f"{variable}={os.environ[variable]}",
                "nodes have their own environment",
                "give it as an option",
            )
        )
    versions = sorted({seat.survey.version for seat in seats})
    if len(versions) > 1:
        text = f"the nodes have different versions of r50bench: {', '.join(versions)}"
        progress.warn(Notice("versions-differ", text, "install the same everywhere"))
    for seat in seats:
        progress.note(f"{seat.title}: {seat.survey.description}")
    if any(errand.anywhere for errand in plan.errands):
        progress.note(
            f"each point is measured on one of {counted(len(seats), 'twin')}: what differs"
            " between points may be what differs between machines"
        )
    if kept.before:
        progress.note(f"{counted(len(kept.before), 'answer')} there already")
    progress.note(
        f"{counted(len(plan.errands), 'errand')} for {counted(len(seats), 'node')}; if this is"
        f" interrupted, {_same_again(kept.path, 'goes on')}"
    )


def _refusals(present: Sequence[Present], plan: FleetPlan) -> list[Answered]:
    """Returns an answer for each errand of a node that did not even tell of itself."""
    return [
        Answered(errand, one.title, reason=one.reason)
        for one in present
        for errand in plan.errands
        if one.survey is None and not errand.anywhere
    ]


def _run(
    transport: Transport,
    seats: Sequence[Seat],
    plan: FleetPlan,
    kept: KeptFleet,
    progress: Progress,
) -> Iterator[Answered]:
    schedule = Schedule(seats, plan.errands, plan.retries, kept.done)
    fleet = FleetRun(transport, schedule, plan, kept.path, progress, kept.before)
    for one in fleet.results():
        remember_runs(one.home.runs, progress)
        progress.note(live_row(one))
        yield one


def _show(
    answered: Sequence[Answered],
    seats: Sequence[Seat],
    prices: dict[str, float],
    path: Path,
    progress: Progress,
    *,
    as_json: bool,
) -> None:
    if not answered:
        return
    found = standings(answered)
    twins = [one for standing in found for one in twins_of(standing, seats)]
    by_title = {
        seat.title: price for seat in seats if (price := price_of(seat, prices)) is not None
    }
    if prices:
        _warn_of_unpriced(seats, by_title, progress)
    folders = [run.folder for one in answered for run in one.home.runs]
    shown, _ = read_shown(folders)
    page = leave_page(shown, path / PAGE, progress, title="r50bench fleet")
    if as_json:
        data = {"folder": str(path)} | fleet_as_data(found, twins, by_title, answered)
        click.echo(json.dumps(data, indent=2))
        return
    click.echo(fleet_text(found, twins, by_title, terminal_width()), nl=False)
    printed = f"   printed there: {path}/*/{OUTPUT}" if any(path.glob(f"*/{OUTPUT}")) else ""
    click.echo(f"{page}# records: {path}{printed}   look again: {look_again(path)}")


def _warn_of_unpriced(seats: Sequence[Seat], prices: dict[str, float], progress: Progress) -> None:
    missing = [seat.title for seat in seats if seat.title not in prices]
    if missing:
        text = f"no price is given for {first_few(missing)}"
        mend = "a line with its name, a label of it, or its type"
        progress.warn(Notice("no-price", text, mend))


def _raise_failures(answered: Sequence[Answered], path: Path) -> None:
    """Ends in an error where something is not answered.

    Raises:
        Unsupported: no host that failed can run what it was asked.
        RunFailed: otherwise.
    """
    failed = unanswered(answered)
    if not failed:
        return
    first = failed[0]
    kind = Unsupported if all(one.status == Unsupported.exit_code for one in failed) else RunFailed
    raise kind(
        f"{len(failed)} of {len(failed) + sum(not one.reason for one in answered)} answers failed;"
        f" {first.title or 'no node'}, {first.errand.question}: {first.reason}",
        hint=_same_again(path, "tries them again"),
    )


def _same_again(path: Path, does: str) -> str:
    return f"the same with --out {shlex.quote(str(path))} {does}"
