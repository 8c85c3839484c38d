"""Which values of a run are what was tuned for it."""

from __future__ import annotations

from r50bench.case import Request, setting_text
from r50bench.parameters import BY_NAME

__all__ = ["tuned_values"]


def tuned_values(request: Request) -> str:
    """Returns ``BATCH_SIZE=16 CORES_PER_INSTANCE=1 (tuned 2026-01-31 for throughput)``, or nothing.

    ``request`` is that of an effective case or of a record.
    """
    tuned = {name: one for name, one in request.items() if one.source.startswith("tuned ")}
    if not tuned:
        return ""
    values = " ".join(
        f"{BY_NAME[name].key}={setting_text(one.value)}" for name, one in tuned.items()
    )
    return f"{values} ({next(iter(tuned.values())).source})"
