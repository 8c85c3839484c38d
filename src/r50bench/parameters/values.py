"""How the text of a parameter becomes its value.

Every reader takes a text that is not empty and has no blanks around it, and raises ValueError with
what would be right, worded to follow ``BATCH_SIZE=abc:``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from r50bench.case import FUNCTIONS, parse_precision, refuse_training
from r50bench.errors import did_you_mean

__all__ = [
    "Value",
    "dataset",
    "free_text",
    "function",
    "name_of",
    "one_of",
    "precision",
    "variables",
    "weights",
    "whole_number",
    "yes_or_no",
]

Value = str | int | bool | tuple[tuple[str, str], ...]

_RESERVED_VARIABLES = {
    "ONEDNN_VERBOSE": "VERBOSE=1 keeps the oneDNN log of an untimed run beside the record",
    "DNNL_VERBOSE": "VERBOSE=1 keeps the oneDNN log of an untimed run beside the record",
    "MKLDNN_VERBOSE": "VERBOSE=1 keeps the oneDNN log of an untimed run beside the record",
}
"""Variables that would put work into the measured window, and what serves the purpose instead."""


def _one_value(text: str) -> str:
    if re.search(r"\s|\.\.\.|…|/", text):
        raise ValueError("takes one value; 'r50bench sweep' takes lists and ranges")
    return text


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Returns a reader of decimal integers from ``least`` to ``most`` (None: unbounded)."""
    right = f"{least} or more" if most is None else f"{least} to {most}"

    def parse(text: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]+", _one_value(text)) is None:
            raise ValueError(f"must be a whole number, {right}")
        number = int(text)
        if number < least or (most is not None and number > most):
            raise ValueError(f"must be {right}")
        return number

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """Returns a reader of one of ``words``, in upper or lower case."""

    def parse(text: str) -> str:
        word = _one_value(text).lower()
        if word not in words:
            near = did_you_mean(word, words)
            raise ValueError(f"must be {' or '.join(words)}" + (f"; {near}" if near else ""))
        return word

    return parse


def name_of(*names: str) -> Callable[[str], str]:
    """Like :func:`one_of`, for names that are also written with dashes."""
    parse_name = one_of(*names)
    return lambda text: parse_name(text.replace("-", "_"))


def yes_or_no(text: str) -> bool:
    """Reads True, 1, yes, on or False, 0, no, off, in upper or lower case."""
    word = _one_value(text).lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise ValueError("must be True or False")


def function(text: str) -> str:
    """Reads the function; training is known, and refused with its own UsageError."""
    word = one_of(*FUNCTIONS)(text)
    if word == "training":
        raise refuse_training()
    return word


def precision(text: str) -> str:
    """Reads a precision; a misspelt one is :func:`r50bench.case.parse_precision`'s UsageError."""
    return parse_precision(_one_value(text))


def free_text(text: str) -> str:
    """Reads anything as it stands."""
    return text


def weights(text: str) -> str:
    """Reads auto, v1, v1.5, random, or the path of an existing file."""
    if text.lower() in ("auto", "v1", "v1.5", "random"):
        return text.lower()
    path = _expanded(text)
    if not path.is_file():
        raise ValueError(
            "must be auto, v1, v1.5, random or the path of a state dict, and there is no such file"
        )
    return str(path)


def dataset(text: str) -> str:
    """Reads ``sample``, or the path of a folder, which is looked at when it is opened."""
    return "sample" if text.lower() == "sample" else str(_expanded(text))


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user
        raise ValueError(f"there is no home folder for {Path(text).parts[0]!r}") from None


def variables(text: str) -> tuple[tuple[str, str], ...]:
    """Reads ``A=1 B="2 3"`` as (name, value) pairs, quoted as for a shell."""
    try:
        items = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot be taken apart like a shell's words ({error})") from None
    pairs: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
            raise ValueError(f"{item!r} is not NAME=VALUE; quote values that hold blanks")
        if name in pairs:
            raise ValueError(f"{name} is given twice")
        if name in _RESERVED_VARIABLES:
            raise ValueError(f"{name} may not be set, {_RESERVED_VARIABLES[name]}")
        if name.startswith("R50BENCH_"):
            raise ValueError(f"{name} is r50bench's own; set it in the shell instead")
        pairs[name] = value
    return tuple(pairs.items())
