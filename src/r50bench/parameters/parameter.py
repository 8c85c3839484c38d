"""What a parameter is: what all that reads, prints or asks for one is made from."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal

from r50bench.case import Case
from r50bench.parameters.values import Reader, Value

__all__ = ["ENVIRONMENT_PREFIX", "LoadWord", "Parameter"]

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
        field: the field of :class:`r50bench.loadgen_settings.LoadgenSettings` that it sets, or
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
        """What stands for the value in a help text."""
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
        """Whether it is a field of the case."""
        return not self.of_workflow and self.name in _CASE_FIELDS

    @property
    def of_mlperf(self) -> bool:
        """Whether it means something to a LoadGen run."""
        return not self.checked_only and "loadgen" not in self.inert_under

    @property
    def is_flag(self) -> bool:
        """Whether the option stands alone, without a value."""
        return self.reader.kind == "flag"

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
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
