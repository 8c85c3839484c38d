"""The Offline run that a Server run is to be compared with."""

from __future__ import annotations

from r50bench.mlperf.query.search import Search
from r50bench.mlperf.query.terms import parse_terms
from r50bench.results.history import History
from r50bench.results.record import Record

__all__ = ["offline_beside"]

_SAME = ("precision", "engine", "weights_sha256", "host")


def offline_beside(server: Record, history: History) -> Record | None:
    """Returns the newest valid timed Offline run of the same engine, precision, weights and host.

    None where there is none, and for a record of another scenario than Server.
    """
    if server.loadgen is None or server.loadgen.settings.scenario != "Server":
        return None
    if server.model is None:
        return None
    values = (
        server.case.precision,
        server.case.engine,
        server.model.sha256,
        server.host.get("fingerprint"),
    )
    alike = [f"{key}={value}" for key, value in zip(_SAME, values, strict=True)]
    offline = ["loadgen_output", "loadgen_scenario=Offline", "verdict=VALID", *alike]
    found = next(Search(history, parse_terms(offline)).results(), None)
    return found.record if found else None
