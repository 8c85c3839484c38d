"""What a query may speak of: its tags, and its keys with the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from r50bench.engines.registry import ENGINES
from r50bench.mlperf.query.times import Period, read_period
from r50bench.parameters import BY_NAME, PARAMETERS, Parameter
from r50bench.parameters.parameter import free_text, number, one_of, yes_or_no
from r50bench.parameters.workflow import WORKFLOW

__all__ = [
    "FIXED",
    "KEYS",
    "LATENCIES",
    "REPOSITORY_KEYS",
    "REPOSITORY_TAG",
    "TAGS",
    "Key",
    "Scalar",
]

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
    :class:`r50bench.load.LoadgenSettings`; ``path`` the names that lead to a result, in a record
    and in the facts that the history keeps of it, empty where it is worked out.
    """

    name: str
    parse: Callable[[str], Scalar | Period]
    role: Literal["parameter", "loadgen", "fixed", "framework", "result"]
    field: str = ""
    path: str = ""

    @property
    def requests(self) -> bool:
        """Whether ``key=value`` asks for a run with that value."""
        return self.role in ("parameter", "loadgen")

    @property
    def of_closed_loop(self) -> bool:
        """Whether only runs of the main job have it: LoadGen decides on it in others."""
        return self.role == "result" and bool(self.field)


LATENCIES = {
    "latency_p50": "50.00",
    "latency_p90": "90.00",
    "latency_p95": "95.00",
    "latency_p97": "97.00",
    "latency_p99": "99.00",
    "latency_p999": "99.90",
}
"""The latencies that LoadGen measured, in ns, by key; and its own names of the percentiles."""

_TEXT = free_text("TEXT")

_RESULTS = (
    Key("accuracy", number(), "result"),
    Key("compliant", yes_or_no, "result", path="loadgen.compliant"),
    Key("cpu", _TEXT, "result", path="host.model_name"),
    Key("created", read_period, "result", path="created"),
    Key("engine_version", _TEXT, "result", path="engine.version"),
    Key("graph", one_of("v1", "v1.5"), "result", path="model.graph"),
    Key("host", _TEXT, "result", path="host.fingerprint"),
    Key("id", _TEXT, "result", path="id"),
    *(Key(name, number(), "result") for name in LATENCIES),
    Key("name", _TEXT, "result", path="name"),
    Key("performance", number(), "result"),
    Key("r50bench_version", _TEXT, "result", path="r50bench_version"),
    Key("reason", _TEXT, "result", path="reason"),
    Key("status", one_of("valid", "invalid"), "result", path="status"),
    Key("verdict", one_of("VALID", "INVALID"), "result", path="loadgen.verdict"),
    Key("weights_sha256", _TEXT, "result", path="model.sha256"),
)


FIXED = {"task": "image_classification", "model_name": "resnet50"}
"""Keys that have one value for all runs of r50bench, and that value."""


def _keys() -> dict[str, Key]:
    keys = [_key_of(row) for row in (*WORKFLOW, *PARAMETERS) if row.of_mlperf and row.in_queries]
    # What schema 1 called the case type.
    keys.append(Key("profile", BY_NAME["case_type"].parse, "result", "case_type"))
    keys += [Key(name, one_of(word), "fixed") for name, word in FIXED.items()]
    words = dict.fromkeys(engine.query_word for engine in ENGINES.values())
    keys.append(Key("framework", one_of(*words), "framework"))
    keys += _RESULTS
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
