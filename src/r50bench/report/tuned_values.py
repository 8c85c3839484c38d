"""Which values of a run are what was tuned for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from r50bench.parameters import BY_NAME

__all__ = ["tuned_values"]


def tuned_values(request: Mapping[str, str]) -> str:
    """Returns ``BATCH_SIZE=16 CORES_PER_INSTANCE=1 (tuned 2026-01-31 for throughput)``, or nothing.

    ``request`` is that of an effective case or of a record.
    """
    matches = {name: re.fullmatch(r"(.*) \((tuned .*)\)", text) for name, text in request.items()}
    found = {name: match for name, match in matches.items() if match is not None}
    if not found:
        return ""
    values = " ".join(f"{BY_NAME[name].key}={match[1]}" for name, match in found.items())
    return f"{values} ({next(iter(found.values()))[2]})"
