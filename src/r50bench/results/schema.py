"""Which schema a stored record follows, and how an older one is brought up to date.

A change of the record's shape raises :data:`r50bench.results.record.SCHEMA_VERSION` by one and
adds a function ``update_to_N`` that turns the plain dictionary of version N - 1 into one of N.
What else holds cases (a tuned result, the plan of a sweep) has a schema of its own and is brought
up to date by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from r50bench.case import FORMER_ENGINES
from r50bench.errors import UsageError
from r50bench.load import LOADGEN_MODES, SCENARIOS

__all__ = [
    "UPDATES",
    "Update",
    "bring_up_to",
    "case_of_2",
    "engine_of_2",
    "notices_of_2",
    "request_of_2",
    "update_to_2",
]

Update = Callable[[dict[str, Any]], dict[str, Any]]

_OWN_KERNELS = "kernels of r50bench"  # in the version that engine torch of schema 1 gave itself
_OWN_PLAN = "-plan-"  # in the key of what was prepared for those kernels


def update_to_2(raw: dict[str, Any]) -> dict[str, Any]:
    """Brings a record of schema 1 up to 2.

    ``case.profile`` is ``case.case_type``; ``request`` holds values and sources in place of
    ``"16 (option)"``; ``warnings`` are ``notices``; ``load`` says what only showed in other fields;
    and the engine is called by whose code computed.
    """
    new = dict(raw)
    engine = raw.get("engine")
    if isinstance(engine, dict):
        new["engine"] = {**engine, "name": engine_of_2(engine.get("name"), engine)}
    if isinstance(case := raw.get("case"), dict):
        new["case"] = case_of_2(case, engine)
        new["load"] = _load_of_2(raw, case)
        if isinstance(request := raw.get("request"), dict):
            new["request"] = request_of_2(request, new["case"])
    new["notices"] = notices_of_2(new.pop("warnings", []))
    return new


def engine_of_2(name: Any, info: Any = None) -> Any:
    """Returns what schema 2 calls an engine of schema 1; ``info`` is the record's part on it."""
    if name == "torch" and isinstance(info, dict):
        version, artifact = str(info.get("version")), str(info.get("artifact"))
        if _OWN_KERNELS in version or _OWN_PLAN in artifact:
            return "r50"
    return FORMER_ENGINES.get(name, name) if isinstance(name, str) else name


def case_of_2(case: Mapping[str, Any], engine: Any = None) -> dict[str, Any]:
    """Returns the case of schema 2; ``engine`` is the record's part on the engine, if it has one.

    The fields keep their order, which is that in which a request is shown.
    """
    new = {_field_of_2(field): value for field, value in case.items()}
    if "engine" in new:
        new["engine"] = engine_of_2(new["engine"], engine)
    return new


def notices_of_2(sentences: Any) -> Any:
    """Returns the notices of schema 2 for sentences, whose code is not known."""
    if not isinstance(sentences, list):
        return sentences
    return [{"code": "warning", "text": text, "mend": ""} for text in sentences]


def request_of_2(request: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values and sources; those of fields have the value that ``case`` (of 2) has.

    A parameter beside the case keeps its text, such as ``platform``.
    """
    return {
        _field_of_2(field): _sourced(str(text), case, _field_of_2(field))
        for field, text in request.items()
    }


def _field_of_2(field: str) -> str:
    return "case_type" if field == "profile" else field


def _sourced(text: str, case: Mapping[str, Any], field: str) -> dict[str, Any]:
    value, _, source = text.removesuffix(")").rpartition(" (")
    if source.startswith("profile "):
        source = source.replace("profile", "case type", 1)
    return {"value": case.get(field, value), "source": source}


def _load_of_2(raw: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    result, request = raw.get("loadgen"), raw.get("request")
    if isinstance(result, dict):
        return {"kind": "loadgen", "settings": result.get("settings")}
    words = str(request.get("mode")) if isinstance(request, dict) else ""
    asked = words.removesuffix(")").rpartition(" (")[2].split()
    if len(asked) == 2 and asked[0] in SCENARIOS and asked[1] in LOADGEN_MODES:
        # LoadGen had not begun when the run failed: of what was asked, no more is known.
        return {"kind": "loadgen", "settings": {"scenario": asked[0], "mode": asked[1]}}
    if case.get("mode") == "accuracy":
        return {"kind": "score"}
    return {"kind": "steps", "steps": case.get("steps"), "rounds": case.get("repeat")}


UPDATES: dict[int, Update] = {2: update_to_2}
"""``update_to_N`` by N. Version 1 is the first, so nothing leads to it."""


def bring_up_to(
    version: int, raw: dict[str, Any], updates: Mapping[int, Update] = UPDATES
) -> dict[str, Any]:
    """Returns the dictionary of a record as schema ``version`` has it.

    Raises:
        UsageError: it carries no schema version, one newer than ``version``, or one so old that no
            update leads on from it.
    """
    found = raw.get("schema_version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise UsageError(
            f"schema_version is {found!r}",
            hint="what r50bench writes carries the whole number of its schema",
        )
    if found > version:
        raise UsageError(
            f"it follows schema {found}, this r50bench knows up to {version}",
            hint="read it with the r50bench that wrote it, or a newer one",
        )
    for step in range(found + 1, version + 1):
        if step not in updates:
            raise UsageError(
                f"it follows schema {found}, from which nothing leads to {version}",
                hint="read it with the r50bench that wrote it",
            )
        raw = {**updates[step](raw), "schema_version": step}
    return raw
