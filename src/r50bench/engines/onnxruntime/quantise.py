"""From the exported ONNX file to one that ONNX Runtime's own tool has quantised.

Run as a child, as :mod:`.maker` says; ``artifact`` of the spec is the export's folder.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.engines.onnx.calibration import calibration_pictures
from r50bench.engines.onnx.export import INPUT, ONNX_FILE, export_of

__all__ = ["quantise"]


def quantise(spec: EngineSpec, folder: Path) -> None:
    """Writes the quantised :data:`ONNX_FILE` into ``folder``."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._pictures = calibration_pictures(spec)

        def get_next(self) -> dict[str, Any] | None:
            picture = next(self._pictures, None)
            return None if picture is None else {INPUT: picture}

    export = export_of(spec)
    folder.mkdir()
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(export), str(prepared))
    # On x86, unsigned activations are what its kernels multiply; with signed ones, its default,
    # most convolutions stay unfused and it runs at 0.4 of the speed.
    signed = platform.machine() == "aarch64"
    quantize_static(
        str(prepared),
        str(folder / ONNX_FILE),
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()


if __name__ == "__main__":
    serve(quantise)
