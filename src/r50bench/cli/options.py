"""The options that several commands share: the parameters, and how they print and keep."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from r50bench.errors import UsageError
from r50bench.parameters import PARAMETERS, Parameter, Setting, collect
from r50bench.results.record import RUNS

if TYPE_CHECKING:  # most verbs take one value of each parameter
    from r50bench.parameters.value_lists import Axis

__all__ = [
    "FOLDER",
    "Command",
    "collect_settings",
    "dry_run_option",
    "full_option",
    "json_option",
    "option_of",
    "options_of",
    "out_option",
    "parameter_options",
    "quiet_option",
    "refuse_given_twice",
    "seconds_of",
    "set_option",
    "tuned_option",
    "undisturbed_option",
]


_UNITS_S = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


class _Folder(click.Path):
    """A folder; an empty text means the default, as it does for parameters.

    It is what a shell makes of a variable that is not set, and would be the current folder.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "" and param is not None and ctx is not None:
            return param.get_default(ctx)
        return super().convert(value, param, ctx)


FOLDER = _Folder(path_type=Path, file_okay=False)
"""The type of options that name a folder."""

Command = TypeVar("Command", bound=Callable[..., Any])


def parameter_options(command: Command) -> Command:
    """Adds one option per parameter of a case, in the order of the table."""
    return options_of(lambda parameter: True)(command)


def options_of(offered: Callable[[Parameter], bool]) -> Callable[[Command], Command]:
    """Returns what adds the options of the parameters of a case that are ``offered``.

    They stand in the order of the table, and those that change nothing at the end.
    """
    rows = sorted(filter(offered, PARAMETERS), key=lambda parameter: parameter.checked_only)

    def add(command: Command) -> Command:
        for parameter in reversed(rows):
            command = option_of(parameter)(command)
        return command

    return add


def option_of(parameter: Parameter) -> Callable[[Command], Command]:
    """Returns what adds the option of one parameter."""
    options = parameter.options
    more: dict[str, Any] = {"metavar": parameter.metavar}
    if parameter.is_flag and parameter.of_workflow:
        # The workflow says --loadgen-quick True; alone, the option means the same.
        more |= {"is_flag": False, "flag_value": "True"}
    elif parameter.is_flag:
        options = (f"{parameter.option}/--no-{parameter.option.removeprefix('--')}",)
        more = {"default": None}
    return click.option(*options, parameter.name, help=parameter.help, **more)


def dry_run_option(what: str) -> Callable[[Command], Command]:
    """Returns what adds ``-N``, which prints ``what`` and runs nothing."""
    return click.option("-N", "--dry-run", is_flag=True, help=f"Print {what}, run nothing.")


def full_option(command: Command) -> Command:
    """Adds ``-V``, for the KPI block in place of the table."""
    return click.option("-V", "--full", is_flag=True, help="Print the whole KPI block.")(command)


def json_option(what: str) -> Callable[[Command], Command]:
    """Returns what adds ``--json``, which prints ``what``."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def refuse_given_twice(axes: Iterable[Axis], options: Mapping[str, str | bool | None]) -> None:
    """Raises UsageError where a parameter has one value by its option and several by --set."""
    for axis in axes:
        parameter = axis.parameter
        if len(axis.values) > 1 and options.get(parameter.name) is not None:
            raise UsageError(
                f"{parameter.key} has one value by {parameter.option} and several by --set",
                hint="leave one of the two out",
            )


def out_option(what: str, default: Path = RUNS) -> Callable[[Command], Command]:
    """Returns what adds ``--out``, the folder that ``what`` goes to."""
    text = f"Where {what}."
    return click.option("--out", type=FOLDER, default=default, show_default=True, help=text)


def quiet_option(command: Command) -> Command:
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


def seconds_of(text: str, option: str = "--budget") -> float:
    """Reads an option that is a time: ``120s``, ``5m``, ``5min`` or ``1h``.

    Raises:
        UsageError: it is no such time, or none at all.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-z]*)", text.strip().lower())
    seconds = 0.0 if match is None else float(match[1]) * _UNITS_S.get(match[2], 0)
    if not 0 < seconds < math.inf:
        raise UsageError(f"{option} {text!r} is no time", hint="such as 120s, 5m or 1h")
    return seconds


def tuned_option(command: Command) -> Command:
    return click.option(
        "--tuned/--no-tuned",
        default=True,
        help="Take what 'r50bench tune' found for a case as its defaults, or do not.",
    )(command)


undisturbed_option = click.option(
    "--undisturbed",
    "judged",
    is_flag=True,
    callback=lambda ctx, param, asked: "undisturbed" if asked else "experienced",
    help="Judge by the batches alone that had their cores to themselves, not by what was"
    " experienced in all.",
)


def set_option(text: str, metavar: str = "KEY=VALUE") -> Callable[[Command], Command]:
    """Returns what adds ``--set``, explained by ``text``."""
    return click.option("--set", "sets", multiple=True, metavar=metavar, help=text)


def collect_settings(
    given: Mapping[str, str | bool | None], sets: Iterable[str]
) -> dict[str, Setting]:
    """Returns what options, ``--set`` and this process's environment ask for."""
    return collect(given, sets, os.environ)
