"""What a stored result is known by: a hash over everything that decides it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from r50bench.assets.store import sha256_of
from r50bench.assets.weights import Weights
from r50bench.engines.environment import recorded_environment, worker_environment
from r50bench.host.snapshot import PASSING, snapshot
from r50bench.host.topology import Host
from r50bench.measure.bench import AssetResolver
from r50bench.planning.planned import Planned
from r50bench.precision import PRECISIONS

__all__ = ["Identity", "asks_the_same", "identify"]

_REVISION = 3  # raise it when equal parts no longer mean equal results


@dataclass(frozen=True)
class Identity:
    """The parts that decide a result, as plain JSON, and the bytes they name."""

    parts: Mapping[str, Any]
    weights_sha256: str
    data_sha256: str

    def key(self, name: str) -> str:
        """Returns ``name`` with the hash of the parts, fit for a folder's name."""
        text = json.dumps(self.parts, sort_keys=True)
        return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def identify(planned: Planned, host: Host, weights: Weights, assets: AssetResolver) -> Identity:
    """Returns the identity of what ``planned`` would give on this host with these weights.

    ``auto`` counts as the weights that it comes to: what comes to the same bytes is one result.
    """
    case = planned.case
    pictures = assets.pictures(case)
    calibrated = PRECISIONS[case.precision].numerics.calibrated
    calibration = assets.calibration(case) if calibrated else None
    data_sha256 = pictures.sha256 if pictures else ""
    asked = _asked(planned, host)
    if case.weights == "auto":
        asked["case"] |= {"weights": weights.weights}
    parts = asked | {
        "weights": weights.sha256,
        "graph": weights.graph,
        "data": [data_sha256, len(pictures.labels) if pictures else 0],
        "calibration": sha256_of(calibration.array) if calibration else None,
    }
    return Identity(parts, weights.sha256, data_sha256)


def asks_the_same(parts: Mapping[str, Any], planned: Planned, host: Host) -> bool:
    """Whether a result of these ``parts`` answers ``planned``, as far as no weights and no pictures
    need be read for it."""
    wanted = _asked(planned, host)
    kept = {name: parts.get(name) for name in wanted}
    if planned.case.weights == "auto" and isinstance(kept["case"], Mapping):
        kept["case"] = {**kept["case"], "weights": "auto"}
    return json.dumps(kept, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _asked(planned: Planned, host: Host) -> dict[str, Any]:
    """Returns the parts that are known before weights and pictures are."""
    return {
        "revision": _REVISION,
        "case": asdict(planned.case),
        "loadgen": asdict(planned.loadgen),
        "environment": recorded_environment(worker_environment(planned.case, host, os.environ)),
        "loadgen_version": _version("mlcommons-loadgen"),
        "host": {name: value for name, value in snapshot(host).items() if name not in PASSING},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
