"""What a query may speak of: its tags, and its keys with the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from r50bench.engines.registry import ENGINES
from r50bench.parameters import BY_NAME, PARAMETERS, Parameter
from r50bench.parameters.parameter import free_text, number, one_of, yes_or_no
from r50bench.parameters.workflow import WORKFLOW

__all__ = ["FIXED", "KEYS", "REPOSITORY_KEYS", "REPOSITORY_TAG", "TAGS", "Key", "Scalar"]

Scalar = str | int | float | bool | tuple[tuple[str, str], ...]

TAGS = ("loadgen_output", "classified_imagenet", "main_job")
"""``loadgen_output`` marks LoadGen's runs, ``main_job`` all others; ``classified_imagenet`` what
classified pictures."""

REPOSITORY_TAG = "git_repo"
"""The tag of queries that would import a repository of recipes, which r50bench does not need."""

REPOSITORY_KEYS = ("repo_name", "checkout", "url", "branch")


@dataclass(frozen=True)
class Key:
    """A word that a query may compare.

    ``parse`` reads a value or raises ValueError (or UsageError) with what would be right. ``role``
    is ``parameter`` or ``loadgen`` for what a run is given, ``fixed`` for what is the same for all
    runs of r50bench, ``framework`` for what follows from the engine, ``result`` for what is known
    of a record only, some of it from its case. ``field`` is that of the case, or of
    :class:`r50bench.load.LoadgenSettings`.
    """

    name: str
    parse: Callable[[str], Scalar]
    role: Literal["parameter", "loadgen", "fixed", "framework", "result"]
    field: str = ""

    @property
    def requests(self) -> bool:
        """Whether ``key=value`` asks for a run with that value."""
        return self.role in ("parameter", "loadgen")


_TEXT = free_text("TEXT")

_RESULTS: dict[str, Callable[[str], Scalar]] = {
    "accuracy": number(),
    "compliant": yes_or_no,
    "cpu": _TEXT,
    "created": _TEXT,
    "engine_version": _TEXT,
    "graph": one_of("v1", "v1.5"),
    "host": _TEXT,
    "id": _TEXT,
    "name": _TEXT,
    "performance": number(),
    "r50bench_version": _TEXT,
    "reason": _TEXT,
    "status": one_of("valid", "invalid"),
    "verdict": one_of("VALID", "INVALID"),
    "weights_sha256": _TEXT,
}


FIXED = {"task": "image_classification", "model_name": "resnet50"}
"""Keys that have one value for all runs of r50bench, and that value."""


def _keys() -> dict[str, Key]:
    keys = [_key_of(row) for row in (*WORKFLOW, *PARAMETERS) if row.of_mlperf and row.in_queries]
    # What schema 1 called the case type.
    keys.append(Key("profile", BY_NAME["case_type"].parse, "result", "case_type"))
    keys += [Key(name, one_of(word), "fixed") for name, word in FIXED.items()]
    words = dict.fromkeys(engine.query_word for engine in ENGINES.values())
    keys.append(Key("framework", one_of(*words), "framework"))
    keys += [Key(name, parse, "result") for name, parse in _RESULTS.items()]
    keys += [
        Key(row.name, row.parse, "result", row.field)
        for row in PARAMETERS
        if row.in_case and "loadgen" in row.inert_under
    ]
    return {key.name: key for key in keys}


def _key_of(row: Parameter) -> Key:
    return Key(row.name, row.parse, "loadgen" if row.sets == "loadgen" else "parameter", row.field)


KEYS: dict[str, Key] = _keys()
"""Every key by its name."""
