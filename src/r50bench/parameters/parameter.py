"""What a parameter is, and how its text becomes a value: all that reads or asks for one.

Every reader takes a text that is not empty and has no blanks around it, and raises ValueError with
what would be right, worded to follow ``BATCH_SIZE=abc:``.
"""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Literal, TypeVar

from r50bench.assets.weights import file_of
from r50bench.case import FUNCTIONS, Case, refuse_training
from r50bench.engines.registry import ENGINES, present_name
from r50bench.errors import did_you_mean, reason_of
from r50bench.precision import parse_precision

__all__ = [
    "ENVIRONMENT_PREFIX",
    "LoadWord",
    "Parameter",
    "Reader",
    "Value",
    "dataset",
    "device",
    "engine",
    "free_text",
    "function",
    "name_of",
    "number",
    "one_of",
    "precision",
    "printable",
    "python",
    "variables",
    "verbosity",
    "weights",
    "whole_number",
    "yes_or_no",
]

Value = str | int | float | bool | tuple[tuple[str, str], ...]

ValueT_co = TypeVar("ValueT_co", bound=Value, covariant=True)

_RESERVED_VARIABLES = {
    "ONEDNN_VERBOSE": "VERBOSE=1 keeps the oneDNN log of an untimed run beside the record",
    "DNNL_VERBOSE": "VERBOSE=1 keeps the oneDNN log of an untimed run beside the record",
    "MKLDNN_VERBOSE": "VERBOSE=1 keeps the oneDNN log of an untimed run beside the record",
}
"""Variables that would put work into the measured window, and what serves the purpose instead."""


@dataclass(frozen=True)
class Reader(Generic[ValueT_co]):
    """Reads one kind of value; called with a text, it returns the value or raises ValueError.

    ``metavar`` stands for the value in a help text. ``kind`` says what the text may look like: a
    yes or no, a number, one word, a path (which may hold blanks and slashes), or any text.
    """

    read: Callable[[str], ValueT_co]
    metavar: str
    kind: Literal["flag", "number", "word", "path", "text"]

    def __call__(self, text: str) -> ValueT_co:
        return self.read(text)


def whole_number(least: int, most: int | None = None) -> Reader[int]:
    """Returns a reader of decimal integers from ``least`` to ``most`` (None: unbounded)."""
    right = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]+", text) is None:
            raise ValueError(f"must be a whole number, {right}")
        value = int(text)
        if value < least or (most is not None and value > most):
            raise ValueError(f"must be a whole number, {right}")
        return value

    return Reader(read, "N", "number")


def number(above: float = -math.inf, below: float = math.inf, metavar: str = "X") -> Reader[float]:
    """Returns a reader of decimal numbers without an exponent, between two bounds."""
    bounds = [f"greater than {above:g}"] * (above > -math.inf)
    bounds += [f"less than {below:g}"] * (below < math.inf)
    right = " ".join(["must be a number", " and ".join(bounds)]).rstrip()

    def read(text: str) -> float:
        if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", text) is None:
            exponent = re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", text) is not None
            raise ValueError(f"{right}, written without an exponent" if exponent else right)
        value = float(text)
        if not above < value < below:
            raise ValueError(right)
        return value

    return Reader(read, metavar, "number")


def one_of(*words: str) -> Reader[str]:
    """Returns a reader of one of ``words``, in upper or lower case."""
    return _choice(words, lambda text: text.lower())


def name_of(*names: str, metavar: str = "") -> Reader[str]:
    """Like :func:`one_of`, for names in which dashes and underscores decide nothing."""
    return _choice(names, lambda text: re.sub("[-_]", "", text.lower()), metavar)


def _choice(words: tuple[str, ...], folded: Callable[[str], str], metavar: str = "") -> Reader[str]:
    by_spelling = {folded(word): word for word in words}
    by_lower_case = {word.lower(): word for word in words}

    def read(text: str) -> str:
        word = by_spelling.get(folded(text))
        if word is None:
            near = did_you_mean(text.lower(), by_lower_case)
            raise ValueError(f"must be {' or '.join(words)}" + (f"; {near}" if near else ""))
        return word

    return Reader(read, metavar or "|".join(words), "word")


def _yes_or_no(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise ValueError("must be True or False")


yes_or_no = Reader(_yes_or_no, "BOOL", "flag")
"""Reads True, 1, yes, on or False, 0, no, off, in upper or lower case."""


def _verbosity(text: str) -> bool:
    return int(text) > 0 if re.fullmatch("[0-9]+", text) else _yes_or_no(text)


verbosity = Reader(_verbosity, "N", "flag")
"""Reads a level of verbosity, of which r50bench knows none and some."""


def _device(text: str) -> str:
    word = one_of("cpu", "gpu", "cuda")(text)
    return "cuda" if word == "gpu" else word


device = Reader(_device, "cpu|gpu|cuda", "word")
"""Reads the query-driven workflow's words for devices; a case's own are cpu and cuda."""


def _function(text: str) -> str:
    word = one_of(*FUNCTIONS)(text)
    if word == "training":
        raise refuse_training()
    return word


function = Reader(_function, "inference", "word")
"""Reads the function; training is known, and refused with its own UsageError."""

precision = Reader(parse_precision, "WORD", "word")
"""Reads a precision; a misspelt one is :func:`r50bench.case.parse_precision`'s UsageError."""


def _engine(text: str) -> str:
    return one_of(*ENGINES)(present_name(text))


engine = Reader(_engine, "|".join(ENGINES), "word")
"""Reads an engine's name; a former one means what the engine is called now."""


def free_text(metavar: str) -> Reader[str]:
    """Returns a reader of anything as it stands."""
    return Reader(lambda text: text, metavar, "text")


def printable(most: int, metavar: str) -> Reader[str]:
    """Returns a reader of at most so many characters, all of them printable."""

    def read(text: str) -> str:
        if not text.isprintable() or len(text) > most:
            raise ValueError(f"must be printable text of {most} characters at most")
        return text

    return Reader(read, metavar, "text")


_WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".tar", ".npz", ".ckpt")


def _weights(text: str) -> str:
    if text.lower() in ("auto", "v1", "v1.5", "random"):
        return text.lower()
    graph, file = file_of(text)
    path = _expanded(file)
    try:
        there = path.is_file()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {reason_of(error)}") from None
    if not there:
        raise ValueError(_no_weights(path))
    return str(path) if file == text else f"{graph}:{path}"


def _no_weights(path: Path) -> str:
    words = "must be auto, v1, v1.5, random or the path of a state dict"
    if not path.is_dir():
        return f"{words}, and there is no such file"
    files = sorted(file.name for file in path.iterdir() if file.suffix in _WEIGHT_SUFFIXES)
    return f"{words}, and this is a folder" + (
        f": name {' or '.join(files[:3])} in it" if files else ""
    )


weights = Reader(_weights, "WHICH", "path")
"""Reads auto, v1, v1.5, random, or the path of an existing file, perhaps with v1: before it."""


def _python(text: str) -> str:
    path = _expanded(text)
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ValueError("must be the path of a Python, such as old/bin/python")
    return str(path.absolute())  # not resolved: an environment is known by its link


python = Reader(_python, "FILE", "path")
"""Reads the path of an executable file."""


def _dataset(text: str) -> str:
    return "sample" if text.lower() == "sample" else str(_expanded(text))


dataset = Reader(_dataset, "DIR", "path")
"""Reads ``sample``, or the path of a folder, which is looked at when it is opened."""


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user
        raise ValueError(f"there is no home folder for {Path(text).parts[0]!r}") from None


def _variables(text: str) -> tuple[tuple[str, str], ...]:
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


variables = Reader(_variables, "VARS", "text")
"""Reads ``A=1 B="2 3"`` as (name, value) pairs, quoted as for a shell."""


ENVIRONMENT_PREFIX = "R50BENCH_"

LoadWord = Literal["loadgen", "score", "trials", "dummy"]
"""What leaves a parameter without effect: LoadGen, which decides on it itself; the one pass over
all pictures; the trials of a search, which are as long as it needs; dummy input."""

_CASE_FIELDS = frozenset(field.name for field in fields(Case))


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter.

    Attributes:
        name: what settings are kept under; for a parameter of a case that of its field.
        reader: turns a non-empty text into the value.
        sets: whose value it gives, a case's or LoadGen's.
        field: the field of :class:`r50bench.load.LoadgenSettings` that it sets, or
            the parameter of a case that it is another name of; empty where it is the name.
        called: its key for ``--set``; empty where that follows from the name.
        shorter: an option beside those that follow from the key.
        unit: what stands for the value in a help text; empty where the reader says it.
        bare: its environment variable counts without the prefix too.
        in_name: it is a part of the case's name.
        decides_speed: what was tuned is used only where it was asked for in the same way.
        tuned: ``r50bench tune`` chooses it.
        of_peers: it may be chosen for all engines that are compared at once.
        checked_only: it is compared with this host or program, and changes nothing.
        inert_under: what leaves it without effect.
        block: its name in KPI blocks; empty where it has no line there, or its line comes from
            what the record says it came to.
        label: the head of its column in tables of several runs; empty where it has none.
        only_scenario: LoadGen's one scenario in which it means something; empty for all.
        in_queries: a query may ask for it.
        unswept: why no sweep compares its values; empty where a sweep may.
    """

    name: str
    reader: Reader[Value]
    help: str
    sets: Literal["case", "loadgen"] = "case"
    field: str = ""
    called: str = ""
    shorter: str = ""
    unit: str = ""
    bare: bool = False
    in_name: bool = False
    decides_speed: bool = False
    tuned: bool = False
    of_peers: bool = False
    checked_only: bool = False
    inert_under: tuple[LoadWord, ...] = ()
    block: str = ""
    label: str = ""
    only_scenario: str = ""
    unswept: str = ""
    in_queries: bool = True

    def __post_init__(self) -> None:
        if not self.field:
            object.__setattr__(self, "field", self.name)

    def parse(self, text: str) -> Value:
        """Returns the value that a non-empty text means.

        Raises:
            ValueError: with what would be right, worded to follow ``BATCH_SIZE=abc:``.
            UsageError: a misspelt precision, or training.
        """
        if self.reader.kind not in ("path", "text") and re.search(r"\s|\.\.\.|…|/", text):
            elsewhere = "" if self.of_workflow else "; 'r50bench sweep' takes lists and ranges"
            raise ValueError(f"takes one value{elsewhere}")
        return self.reader(text)

    @property
    def metavar(self) -> str:
        return self.unit or self.reader.metavar

    @property
    def key(self) -> str:
        """Its name for ``--set``, such as ``BATCH_SIZE`` or ``loadgen_scenario``."""
        return self.called or (self.name if self.of_workflow else self.name.upper())

    @property
    def of_workflow(self) -> bool:
        """Whether it goes by a name of the query-driven MLPerf workflow."""
        return self.sets == "loadgen" or self.field != self.name

    @property
    def in_case(self) -> bool:
        return not self.of_workflow and self.name in _CASE_FIELDS

    @property
    def of_mlperf(self) -> bool:
        """Whether it means something to a LoadGen run."""
        return not self.checked_only and "loadgen" not in self.inert_under

    @property
    def is_flag(self) -> bool:
        return self.reader.kind == "flag"

    @property
    def is_number(self) -> bool:
        return self.reader.kind == "number"

    @property
    def option(self) -> str:
        """The long option, such as ``--batch-size``."""
        return "--" + self.key.lower().replace("_", "-")

    @property
    def options(self) -> tuple[str, ...]:
        """All its options; LoadGen's ones go without ``loadgen`` and a unit, too."""
        short = self.option.replace("--loadgen-", "--").removesuffix("-s")
        return tuple(dict.fromkeys(filter(None, (self.shorter, short, self.option))))

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the strongest first."""
        if self.of_workflow:
            return ()
        prefixed = ENVIRONMENT_PREFIX + self.key
        return (prefixed, self.key) if self.bare else (prefixed,)
