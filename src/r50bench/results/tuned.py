"""What ``r50bench tune`` found on this machine, kept for later runs of the same case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r50bench.case import Case
from r50bench.errors import UsageError
from r50bench.results.atomic import write_atomically
from r50bench.results.history import history_path
from r50bench.results.schema import bring_up_to, case_of_2, engine_of_2

__all__ = ["SCHEMA_VERSION", "TunedResult", "TunedResults", "tuned_folder"]

SCHEMA_VERSION = 2


def tuned_folder() -> Path:
    """Returns where the results lie: ``tuned/`` beside the history."""
    return history_path().parent / "tuned"


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
        """Keeps a result in place of an older one, and returns its file.

        Raises:
            RunFailed: the folder cannot be written to.
        """
        import msgspec

        path = self._folder / f"{result.case.name}-{_digest(result.asked, result.host)}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot keep what was tuned in {self._folder}: {error.strerror}",
                hint="R50BENCH_DATA names a folder that can be written",
            ) from None
        write_atomically(path, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
        return path

    def of_case(self, case_name: str) -> list[TunedResult]:
        """Returns the results of a case, newest first; what cannot be read is as if it were not."""
        found = []
        for path in self._folder.glob(f"{case_name}-*.json"):
            result = _read(path)
            if result is not None and result.case.name == case_name:
                found.append(result)
        return sorted(found, key=lambda one: one.created, reverse=True)


def _digest(*parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _read(path: Path) -> TunedResult | None:
    import msgspec

    try:
        raw = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return msgspec.convert(bring_up_to(SCHEMA_VERSION, raw, {2: _update_to_2}), TunedResult)
    except (OSError, msgspec.MsgspecError, UsageError):
        return None


def _update_to_2(raw: dict[str, Any]) -> dict[str, Any]:
    """As that of records: ``profile`` is ``case_type``, and engines are called by their names.

    Of engine torch it is not said whose code computed; what was tuned then holds for both, and
    whether it holds still is asked of the versions.
    """
    new = dict(raw)
    if isinstance(case := raw.get("case"), dict):
        new["case"] = case_of_2(case)
    if isinstance(asked := raw.get("asked"), dict) and "engine" in asked:
        new["asked"] = {**asked, "engine": engine_of_2(asked["engine"])}
    return new
