"""The implementation's description: which weights ran in which numerics."""

from __future__ import annotations

from r50bench.engines.registry import recorded_engine
from r50bench.precision import PRECISIONS, Numerics
from r50bench.results.record import Record

__all__ = ["IMPLEMENTATION_FIELDS", "calibration_of", "describe_implementation", "implementation"]

IMPLEMENTATION_FIELDS = (
    "input_data_types",
    "retraining",
    "starting_weights_filename",
    "weight_data_types",
    "weight_transformations",
)
"""Every field of the implementation's JSON. All are strings, and none is empty."""


def implementation(record: Record) -> str:
    """Returns the implementation's name, part of a file name in some rounds."""
    return f"r50bench_{record.case.engine}_{record.case.numerics}"


def describe_implementation(record: Record) -> dict[str, str]:
    """Returns all of :data:`IMPLEMENTATION_FIELDS`; the record must name its model."""
    assert record.model is not None
    numerics = PRECISIONS[record.case.precision].numerics
    return {
        "input_data_types": "fp32",
        "retraining": "No",
        # A URL and a path end in the file's name; the v1 weights come as a package's name.
        "starting_weights_filename": record.model.source.rpartition("/")[2],
        "weight_data_types": numerics.weight_type,
        "weight_transformations": _transformations(record, numerics),
    }


def calibration_of(record: Record) -> str:
    """Returns how the scales of the record's numerics were found, as a sentence."""
    numerics = PRECISIONS[record.case.precision].numerics
    if not numerics.calibrated:
        return f"None: weights and activations are {numerics.weight_type}, without scales."
    pictures = record.engine.calibration if record.engine else None
    by = recorded_engine(record.case.engine).quantised_by
    return (
        f"Post-training quantisation with {by}: weights signed 8-bit"
        " per channel, activations 8-bit per tensor, their ranges observed on these pictures:"
        f" {pictures or 'not recorded'}. No weight was trained."
    )


def _transformations(record: Record, numerics: Numerics) -> str:
    engine = recorded_engine(record.case.engine)
    by = f" ({engine.quantised_by})" if numerics.calibrated else ""
    on_gpu = record.case.device == "cuda"
    prepared = engine.preparation_on_gpu if on_gpu else engine.preparation
    steps = (f"{numerics.rounding}{by}", prepared)
    return "; ".join(step for step in steps if step) or "none"
