"""The numerics: a row says all that follows from how the network's numbers are represented.

A precision is a numerics on an instruction set, or on GPUs; :mod:`r50bench.precision` has their
rows. What one engine makes of a numerics is in its folder.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BF16", "BF32", "FP16", "FP32", "INT8", "NUMERICS", "TF32", "Numerics"]


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """How the network's numbers are represented, and what follows from that alone.

    ``value_bytes`` are those of a weight or an activation in memory. ``best_batch`` is the batch
    size of throughput mode on CPUs. ``images_per_core_s`` is what a core is expected to do until
    something was measured, on the slow side. ``calibrated``: scales are found on pictures.
    ``shares_weights``: weight sharing is supported, and not only by force. ``by_default``: among
    what is measured where nobody names a precision and one of each kind is enough. ``coarseness``
    orders numerics by how much they round away, fp32 being 0.
    ``weight_type`` and ``rounding`` are for MLPerf's description of an implementation: the type of
    the weights, and what was done to float32 weights to make them so, empty for nothing.
    ``onednn_fpmath`` is the ONEDNN_DEFAULT_FPMATH_MODE of models and workers, empty for none.
    """

    name: str
    spellings: tuple[str, ...]
    value_bytes: int
    best_batch: int
    images_per_core_s: float
    calibrated: bool
    shares_weights: bool
    by_default: bool
    coarseness: int
    weight_type: str
    rounding: str
    onednn_fpmath: str = ""


# Best batches: of 4, 8, 16 and 32 pictures on two cores of an AVX-512 server CPU, these had the
# highest throughput, or were the smallest within 1 % of it. bf32 was not measured and goes with
# bf16.
FP32 = Numerics(
    name="fp32",
    spellings=("float32",),
    value_bytes=4,
    best_batch=8,
    images_per_core_s=20.0,
    calibrated=False,
    shares_weights=False,
    by_default=True,
    coarseness=0,
    weight_type="fp32",
    rounding="",
)
TF32 = Numerics(
    name="tf32",
    spellings=("tfloat32",),
    value_bytes=4,
    best_batch=8,
    images_per_core_s=20.0,
    calibrated=False,
    shares_weights=False,
    by_default=False,
    coarseness=1,
    # Tensor cores round to 10 bits of mantissa when they read; what is stored stays float32.
    weight_type="fp32",
    rounding="",
)
BF16 = Numerics(
    name="bf16",
    spellings=("bfloat16",),
    value_bytes=2,
    best_batch=8,
    images_per_core_s=40.0,
    calibrated=False,
    shares_weights=True,
    by_default=True,
    coarseness=4,
    weight_type="bf16",
    rounding="rounded to bfloat16",
)
FP16 = Numerics(
    name="fp16",
    spellings=("float16", "half"),
    value_bytes=2,
    best_batch=8,
    images_per_core_s=40.0,
    calibrated=False,
    shares_weights=True,
    by_default=False,
    coarseness=3,
    weight_type="fp16",
    rounding="rounded to float16",
)
BF32 = Numerics(
    name="bf32",
    spellings=("bfloat32",),
    value_bytes=4,
    best_batch=8,
    images_per_core_s=40.0,
    calibrated=False,
    shares_weights=False,
    by_default=False,
    coarseness=2,
    # It rounds inside the convolutions; what is stored stays float32.
    weight_type="fp32",
    rounding="",
    # torch's own switch reaches the convolutions, but not what lays out their weights, which would
    # be reordered in every inference, by reference code, in 0.7 s. OpenVINO has no other switch.
    onednn_fpmath="BF16",
)
INT8 = Numerics(
    name="int8",
    spellings=(),
    value_bytes=1,
    best_batch=16,
    images_per_core_s=80.0,
    calibrated=True,
    shares_weights=True,
    by_default=True,
    coarseness=5,
    weight_type="int8",
    rounding="quantised after training to signed 8-bit integers per channel",
)

NUMERICS: dict[str, Numerics] = {row.name: row for row in (FP32, TF32, BF16, FP16, BF32, INT8)}
"""The numerics by name, in the order in which they are listed."""
