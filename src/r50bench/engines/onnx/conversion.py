"""From the exported ONNX file to what a peer loads: its own format, quantised by its own tool.

Run as a child, as :mod:`.maker` says; ``artifact`` of the spec is the export's folder. Both
quantisers see the pictures that the product's int8 is calibrated on.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r50bench.assets.preprocess import normalise
from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.engines.onnx.export import INPUT, ONNX_FILE
from r50bench.errors import EngineError
from r50bench.models.architecture import INPUT_SIZE
from r50bench.precision import numerics_of

__all__ = ["OPENVINO_FILE", "convert"]

OPENVINO_FILE = "model.xml"


def convert(spec: EngineSpec, folder: Path) -> None:
    """Writes what ``spec.engine`` loads into ``folder``, from the export that it names.

    Raises:
        EngineError: the spec names no export, or int8 without calibration pictures.
    """
    if spec.artifact is None:
        raise EngineError(f"engine {spec.engine}: the spec names no exported model")
    export = Path(spec.artifact) / ONNX_FILE
    folder.mkdir()
    if spec.engine == "openvino":
        _to_openvino(spec, export, folder)
    else:
        _quantise_onnx(spec, export, folder)


def _to_openvino(spec: EngineSpec, export: Path, folder: Path) -> None:
    """Pictures are taken channels last, as OpenVINO's convolutions want them."""
    import openvino
    from openvino.preprocess import PrePostProcessor

    model = openvino.convert_model(str(export))
    model.reshape([-1, 3, INPUT_SIZE, INPUT_SIZE])
    if numerics_of(spec.precision) == "int8":
        import nncf

        pictures = list(_calibration(spec))
        model = nncf.quantize(model, nncf.Dataset(pictures), subset_size=len(pictures))
    layouts = PrePostProcessor(model)
    layouts.input().tensor().set_layout(openvino.Layout("NHWC"))
    layouts.input().model().set_layout(openvino.Layout("NCHW"))
    openvino.save_model(layouts.build(), folder / OPENVINO_FILE, compress_to_fp16=False)


def _quantise_onnx(spec: EngineSpec, export: Path, folder: Path) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._pictures = _calibration(spec)

        def get_next(self) -> dict[str, Any] | None:
            picture = next(self._pictures, None)
            return None if picture is None else {INPUT: picture}

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


def _calibration(spec: EngineSpec) -> Iterator[NDArray[np.float32]]:
    """Yields the calibration pictures one by one, as float32 (1, 3, 224, 224)."""
    if spec.calibration is None:
        raise EngineError("int8 needs pictures to calibrate on, and the spec names none")
    pictures = np.load(spec.calibration, mmap_mode="r")
    for at in range(len(pictures)):
        yield np.ascontiguousarray(normalise(pictures[at : at + 1], spec.convention))


if __name__ == "__main__":
    serve(convert)
