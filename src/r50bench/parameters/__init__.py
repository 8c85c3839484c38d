"""The parameters of a case: one table, and where their values come from.

Every parameter is an option (``--batch-size 64``), a setting (``--set BATCH_SIZE=64``) and an
environment variable (``R50BENCH_BATCH_SIZE=64``). The names of the original workloads, and those
of the case's size, model and input, are read from the environment without the prefix too, so that
``docker run -e`` lines carry over; where a shell has a ``SEED`` of its own, the prefixed one wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from r50bench.errors import UsageError, did_you_mean
from r50bench.parameters.parameter import ENVIRONMENT_PREFIX, LoadWord, Parameter, Value
from r50bench.parameters.table import BY_NAME, PARAMETERS, UNDERSTOOD_VARIABLES

__all__ = [
    "BY_NAME",
    "PARAMETERS",
    "UNDERSTOOD_VARIABLES",
    "LoadWord",
    "Parameter",
    "Setting",
    "Source",
    "Value",
    "asked_device",
    "collect",
    "read_set",
]

Source = Literal["option", "--set", "environment", "query"]

# Folders of ours, a folder of the tests, and what the workers are told about their environment.
_NO_PARAMETERS = tuple(
    ENVIRONMENT_PREFIX + name for name in ("CACHE", "DATA", "RECORDED", "TEST_IMAGENET")
)


@dataclass(frozen=True)
class Setting:
    """A value that somebody asked for, by which way, and the text that said so, if any did."""

    value: Value
    source: Source
    text: str = field(default="", compare=False)


def collect(
    options: Mapping[str, str | bool | None],
    sets: Iterable[str],
    environ: Mapping[str, str],
) -> dict[str, Setting]:
    """Returns what was asked, by parameter name: option before ``--set`` before environment.

    Args:
        options: by parameter name; None where the option was not given.
        sets: ``KEY=VALUE`` texts; of several for one key the last counts.
        environ: usually ``os.environ``.

    An empty value means the default, and hides what a weaker source says.

    Raises:
        UsageError: an unknown key, an unknown variable with our prefix, or a value that is not
            valid, named with its source.
    """
    _refuse_unknown_variables(environ)
    assigned = _read_sets(sets)
    settings: dict[str, Setting] = {}
    for parameter in PARAMETERS:
        option = options.get(parameter.name)
        if option is not None:
            setting = _read(parameter, str(option), "option", parameter.option)
        elif parameter.key in assigned:
            setting = _read(parameter, assigned[parameter.key], "--set", "--set")
        else:
            setting = _read_environment(parameter, environ)
        if setting is not None:
            settings[parameter.name] = setting
    return settings


def _read_sets(sets: Iterable[str]) -> dict[str, str]:
    assigned = (read_set(text, "KEY=VALUE", "BATCH_SIZE=64") for text in sets)
    return {parameter.key: value for parameter, value in assigned}


def read_set(text: str, form: str, example: str) -> tuple[Parameter, str]:
    """Splits the text of a ``--set`` into parameter and value; ``form`` and ``example`` for errors.

    Raises:
        UsageError: there is no ``=``, or the key is unknown.
    """
    known = {parameter.key: parameter for parameter in PARAMETERS}
    key, equals, value = text.partition("=")
    key = key.strip().upper().replace("-", "_")
    if not equals:
        raise UsageError(f"--set {text!r} is not {form}", hint=f"for example --set {example}")
    if key not in known:
        raise UsageError(
            f"unknown parameter {key!r} in --set {text!r}",
            hint=did_you_mean(key, known) or f"known: {' '.join(known)}",
        )
    return known[key], value


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    known = UNDERSTOOD_VARIABLES.union(_NO_PARAMETERS)
    ours = sorted(name for name in known if name.startswith(ENVIRONMENT_PREFIX))
    for name in environ:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in ours:
            raise UsageError(
                f"unknown environment variable {name}",
                hint=did_you_mean(name, ours) or f"unset it; known: {' '.join(ours)}",
            )


def _read_environment(parameter: Parameter, environ: Mapping[str, str]) -> Setting | None:
    for variable in parameter.variables:
        if environ.get(variable, "").strip():
            where = f"environment variable {variable}"
            return _read(parameter, environ[variable], "environment", where)
    return None


def _read(parameter: Parameter, text: str, source: Source, where: str) -> Setting | None:
    text = text.strip()
    if not text:
        return None
    try:
        return Setting(parameter.parse(text), source, text)
    except ValueError as error:
        hint = f"leave {parameter.key} empty for its default"
        if source == "environment":
            hint = f"unset {where.rpartition(' ')[2]} if it was not meant for r50bench"
        raise UsageError(f"{parameter.key}={text} ({where}): {error}", hint=hint) from None
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", hint=error.hint) from None


def asked_device(settings: Mapping[str, Setting], otherwise: str = "cpu") -> str:
    """Returns the device that is asked for, ``otherwise`` where none is."""
    asked = settings.get("device")
    return otherwise if asked is None or asked.value == "auto" else str(asked.value)
