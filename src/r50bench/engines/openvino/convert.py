"""From the exported ONNX file to OpenVINO's own format, quantised by NNCF where int8 is asked.

Run as a child, as :mod:`.maker` says; ``artifact`` of the spec is the export's folder.
"""

from __future__ import annotations

from pathlib import Path

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.engines.onnx.calibration import calibration_pictures
from r50bench.engines.onnx.export import export_of
from r50bench.models.architecture import INPUT_SIZE
from r50bench.precision import PRECISIONS

__all__ = ["OPENVINO_FILE", "convert"]

OPENVINO_FILE = "model.xml"


def convert(spec: EngineSpec, folder: Path) -> None:
    """Writes :data:`OPENVINO_FILE` into ``folder``, which takes pictures channels last.

    That is how OpenVINO's convolutions want them.
    """
    import openvino
    from openvino.preprocess import PrePostProcessor

    export = export_of(spec)
    folder.mkdir()
    model = openvino.convert_model(str(export))
    model.reshape([-1, 3, INPUT_SIZE, INPUT_SIZE])
    if PRECISIONS[spec.precision].numerics.calibrated:
        import nncf

        pictures = list(calibration_pictures(spec))
        model = nncf.quantize(model, nncf.Dataset(pictures), subset_size=len(pictures))
    layouts = PrePostProcessor(model)
    layouts.input().tensor().set_layout(openvino.Layout("NHWC"))
    layouts.input().model().set_layout(openvino.Layout("NCHW"))
    openvino.save_model(layouts.build(), folder / OPENVINO_FILE, compress_to_fp16=False)


if __name__ == "__main__":
    serve(convert)
