"""How tables of several runs head the columns of a run's size, and how a line tells it."""

from __future__ import annotations

from r50bench.case import Case
from r50bench.parameters import BY_NAME

__all__ = ["BATCH_SIZE", "CORES", "live_size"]

BATCH_SIZE, CORES = (BY_NAME[name].label for name in ("batch_size", "cores_per_instance"))
"""The heads of the columns of batch size and cores per instance."""


def live_size(case: Case) -> str:
    """Returns ``avx_int8      BS   16  CPI   1``, aligned with the lines of other cases."""
    return (
        f"{case.precision:<12}  {BATCH_SIZE} {case.batch_size:>4}"
        f"  {CORES} {case.cores_per_instance:>3}"
    )
