"""The implementation's description: which weights ran in which numerics."""

from __future__ import annotations

from r50bench.case import numerics_of
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

# bf32 rounds inside the convolutions; what is stored stays float32.
_WEIGHT_TYPES = {"fp32": "fp32", "bf16": "bf16", "bf32": "fp32", "int8": "int8"}
_PREPARATION = {
    "torch": "batch-norms folded, weights laid out ahead of time for the kernels that read them",
    "torch-aot": "constants folded and weights reordered when compiled ahead of time (AOTInductor)",
    "torch-compile": "constants folded and weights reordered when compiled (torch.compile)",
}


def implementation(record: Record) -> str:
    """Returns the implementation's name, part of a file name in v5.1."""
    return f"r50bench_{record.case.engine}_{record.case.numerics}"


def describe_implementation(record: Record) -> dict[str, str]:
    """Returns all of :data:`IMPLEMENTATION_FIELDS`; the record must name its model."""
    assert record.model is not None
    numerics = numerics_of(record.case.precision)
    return {
        "input_data_types": "fp32",
        "retraining": "No",
        # A URL and a path end in the file's name; the v1 weights come as a package's name.
        "starting_weights_filename": record.model.source.rpartition("/")[2],
        "weight_data_types": _WEIGHT_TYPES[numerics],
        "weight_transformations": _transformations(record, numerics),
    }


def calibration_of(record: Record) -> str:
    """Returns how the scales of the record's numerics were found, as a sentence."""
    numerics = record.case.numerics
    if numerics != "int8":
        return f"None: weights and activations are {_WEIGHT_TYPES[numerics]}, without scales."
    pictures = record.engine.calibration if record.engine else None
    return (
        "Post-training quantisation with PyTorch's PT2E: weights signed 8-bit per channel,"
        " activations 8-bit per tensor, their ranges observed on these pictures:"
        f" {pictures or 'not recorded'}. No weight was trained."
    )


def _transformations(record: Record, numerics: str) -> str:
    steps = []
    if numerics == "bf16":
        steps.append("rounded to bfloat16")
    if numerics == "int8":
        steps.append("quantised after training to signed 8-bit integers per channel (PT2E)")
    steps.append(_PREPARATION.get(record.case.engine, "none"))
    return "; ".join(step for step in steps if step != "none") or "none"
