"""The parameters as options of a command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from r50bench.parameters import PARAMETERS, Parameter, Setting, collect

__all__ = ["collect_settings", "parameter_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def parameter_options(command: Command) -> Command:
    """Adds one option per parameter, in the order of the table."""
    for parameter in reversed(PARAMETERS):
        command = _option(parameter)(command)
    return command


def collect_settings(
    given: Mapping[str, str | bool | None], sets: Iterable[str]
) -> dict[str, Setting]:
    """Returns what options, ``--set`` and this process's environment ask for."""
    return collect(given, sets, os.environ)


def _option(parameter: Parameter) -> Callable[[Command], Command]:
    if parameter.is_flag:
        names = f"{parameter.option}/--no-{parameter.option.removeprefix('--')}"
        return click.option(names, parameter.name, default=None, help=parameter.help)
    return click.option(
        parameter.option, parameter.name, metavar=parameter.metavar, help=parameter.help
    )
