"""The parameters as options of a command."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import click

from r50bench.parameters import PARAMETERS, Parameter, Setting, collect

__all__ = ["collect_settings", "options_of", "parameter_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def parameter_options(command: Command) -> Command:
    """Adds one option per parameter, in the order of the table."""
    return options_of([parameter.name for parameter in PARAMETERS])(command)


def options_of(names: Collection[str]) -> Callable[[Command], Command]:
    """Returns what adds the options of the parameters ``names``, in the order of the table."""

    def add(command: Command) -> Command:
        for parameter in reversed(PARAMETERS):
            if parameter.name in names:
                command = _option(parameter)(command)
        return command

    return add


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
