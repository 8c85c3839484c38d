"""What was tuned on this host: kept, and used as defaults of later runs, or why it is not used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from r50bench.assets.store import default_store
from r50bench.assets.weights import kept_weights
from r50bench.case import Case, CaseName, setting_text
from r50bench.errors import R50BenchError, UsageError, reason_of
from r50bench.host.snapshot import engine_versions, host_identity
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import BY_NAME, PARAMETERS, Setting
from r50bench.planning.effective_case import EffectiveCase, TunedValues, effective_case
from r50bench.results.files import checked_json, read_bounded, to_json, write_atomically

__all__ = [
    "SCHEMA_VERSION",
    "TunedDefaults",
    "TunedResult",
    "TunedResults",
    "asked_for_speed",
]

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class TunedResult:
    """The best configuration of a case on one host.

    ``case`` is the whole winner, ``chosen`` the fields that were tuned, ``asked`` what somebody had
    fixed (by field or parameter, as text). ``host``, ``versions`` and ``weights`` (the state dict's
    sha256) must be the same for it to be used. ``value`` in ``unit`` is what the winner reached,
    ``confidence`` the probability that nothing tried is more than 2 % better. ``created`` is UTC,
    ISO 8601; ``records`` the folder of the trials.
    """

    case: Case
    chosen: tuple[str, ...]
    asked: dict[str, str]
    objective: str
    host: dict[str, Any]
    versions: dict[str, str]
    weights: str
    created: str
    value: float
    unit: str
    confidence: float
    records: str
    low: float | None = None
    high: float | None = None
    schema_version: int = field(default=SCHEMA_VERSION)


class TunedResults:
    """The results kept in a folder; one for each case and what was fixed for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, result: TunedResult) -> Path:
        """Keeps a result in place of an older one, and returns its file."""

        path = self._folder / f"{result.case.name}-{_digest(result.asked, result.host)}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot keep what was tuned in {self._folder}: {reason_of(error)}",
                hint="R50BENCH_DATA names a folder that can be written",
            ) from None
        write_atomically(path, to_json(result, indent=1) + b"\n")
        return path

    def of_case(self, case_name: str) -> tuple[list[TunedResult], list[str]]:
        """Returns the results of a case, newest first, and of files that cannot be read, why."""
        found, damaged = [], []
        for path in sorted(self._folder.glob(f"{case_name}-*.json")):
            try:
                result = _read(path)
            except (ValueError, TypeError, AttributeError, OSError, R50BenchError) as error:
                damaged.append(f"{path} is damaged: {error}")
            else:
                if result.case.name == case_name:
                    found.append(result)
        return sorted(found, key=lambda one: one.created, reverse=True), damaged


def _digest(*parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _read(path: Path) -> TunedResult:
    """Returns the result in a file; what it raises is why there is none."""
    # Most cases were never tuned.
    from r50bench.results.plausible import check_case
    from r50bench.results.schema import bring_up_to

    raw = checked_json(read_bounded(path), dict[str, Any])
    result = msgspec.convert(bring_up_to(SCHEMA_VERSION, raw, {2: _update_to_2}), TunedResult)
    check_case(result.case)
    if unknown := [name for name in result.chosen if not hasattr(result.case, name)]:
        raise ValueError(f"a case has no {unknown[0]}")
    return result


def _update_to_2(raw: dict[str, Any]) -> dict[str, Any]:
    """As that of records: ``profile`` is ``case_type``, and engines are called by their names.

    Of engine torch it is not said whose code computed; what was tuned then holds for both, and
    whether it holds still is asked of the versions.
    """
    from r50bench.results.schema import case_of_2, engine_of_2

    new = dict(raw)
    if isinstance(case := raw.get("case"), dict):
        new["case"] = case_of_2(case)
    if isinstance(asked := raw.get("asked"), dict) and "engine" in asked:
        new["asked"] = {**asked, "engine": engine_of_2(asked["engine"])}
    return new


def asked_for_speed(settings: Mapping[str, Setting]) -> dict[str, str]:
    """Returns, as text, what was asked of all that decides which configuration is best."""
    return {
        row.name: str(settings[row.name].value)
        for row in PARAMETERS
        if row.decides_speed and row.name in settings
    }


class TunedDefaults:
    """Gives effective cases with what was tuned for them.

    A configuration was found as a whole and is used as a whole: only where all that is asked was
    asked when it was tuned, or is what it came to.
    """

    def __init__(self, host: Host, results: TunedResults) -> None:
        self._host = host
        self._results = results
        self._hashes: dict[tuple[str, int], str | None] = {}

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return host_identity(self._host)

    @cached_property
    def _versions(self) -> dict[str, str]:
        return engine_versions()

    def _weights_of(self, case: Case) -> str | None:
        """Returns the sha256 of the weights that ``case`` would take, None where that is open."""
        key = (case.weights, case.seed)
        if key not in self._hashes:
            self._hashes[key] = _hash_of_weights(*key)
        return self._hashes[key]

    def effective(self, name: CaseName, settings: Mapping[str, Setting]) -> EffectiveCase:
        """Returns the case as :func:`.effective_case` does, with the tuned values that fit.

        Where there are some and they are not used, a note says why.
        """
        plain = effective_case(name, settings, self._host)
        kept, reasons = self._results.of_case(plain.case.name)
        if not kept and not reasons:
            return plain
        fitting: list[TunedResult] = []
        for result in kept:
            why = self._why_not(result, plain.case, settings)
            if why is None:
                fitting.append(result)
            elif why:
                reasons.append(why)
        if fitting:
            best = max(fitting, key=lambda one: len(one.asked))  # the newest of several
            return effective_case(name, settings, self._host, values_of(best))
        notices = tuple(
            Notice("tuned-unused", f"what was tuned is not used: {why}") for why in reasons[:1]
        )
        return replace(plain, notices=(*plain.notices, *notices))

    def _why_not(
        self, result: TunedResult, case: Case, settings: Mapping[str, Setting]
    ) -> str | None:
        """Returns why a result does not fit, None where it does; empty where nobody need know."""
        if result.host != self._identity:
            return ""
        for package, version in self._versions.items():
            if (before := result.versions.get(package)) != version:
                return f"it was found with {package} {before}, and this is {version}; tune again"
        if result.weights != self._weights_of(case):
            return "it was found with other weights"
        asked = asked_for_speed(settings)
        for name, text in result.asked.items():
            if asked.get(name) != text:
                return ""  # of a special request, such as one for batches of 1
        fields = {name: text for name, text in asked.items() if name not in result.asked}
        for name, text in fields.items():
            was = getattr(result.case, name, None)
            if str(was) != text:
                asked_for = f"{BY_NAME[name].key}={setting_text(settings[name].value)}"
                return f"{asked_for} was asked for, and it has {setting_text(was)}"
        return None


def values_of(result: TunedResult) -> TunedValues:
    """Returns the tuned fields of a result as defaults."""
    values: dict[str, Any] = {name: getattr(result.case, name) for name in result.chosen}
    return TunedValues(values, f"tuned {result.created[:10]} for {result.objective}")


def _hash_of_weights(weights: str, seed: int) -> str | None:
    try:
        kept = kept_weights(weights, default_store(), need_real=False, seed=seed)
    except R50BenchError:
        return None
    return None if kept is None else kept.sha256
