"""The model of a spec as an ONNX file, with the same weights that the product runs.

Run as a child, as :mod:`.maker` says. The graph is the one that the torch engines compile, without
the pixels that nobody reads; the number of pictures in a batch is left open, under the name
:data:`BATCH_DIMENSION`.
"""

from __future__ import annotations

from pathlib import Path

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve
from r50bench.errors import EngineError
from r50bench.models.architecture import INPUT_SIZE

__all__ = ["BATCH_DIMENSION", "INPUT", "ONNX_FILE", "OUTPUT", "export", "export_of"]

ONNX_FILE = "model.onnx"
INPUT, OUTPUT = "batch", "logits"
BATCH_DIMENSION = "n"

_OPSET = 17  # what the quantisers of both peers know


def export(spec: EngineSpec, folder: Path) -> None:
    """Writes :data:`ONNX_FILE` into ``folder``: float32 (n, 3, 224, 224) in, (n, 1000) out."""
    import torch

    from r50bench.models.resnet50 import build_model
    from r50bench.models.strides import pull_strides_back

    model = pull_strides_back(build_model(spec.graph, spec.state_dict))
    folder.mkdir()
    torch.onnx.export(
        model.to(memory_format=torch.contiguous_format),
        (torch.zeros(2, 3, INPUT_SIZE, INPUT_SIZE),),
        str(folder / ONNX_FILE),
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_axes={INPUT: {0: BATCH_DIMENSION}, OUTPUT: {0: BATCH_DIMENSION}},
        opset_version=_OPSET,
        # The exporter by tracing folds batch-norms into the convolutions, and needs no onnxscript.
        dynamo=False,
    )


def export_of(spec: EngineSpec) -> Path:
    """Returns the exported file in ``spec.artifact``.

    Raises:
        EngineError: the spec names no export.
    """
    if spec.artifact is None:
        raise EngineError(f"engine {spec.engine}: the spec names no exported model")
    return Path(spec.artifact) / ONNX_FILE


if __name__ == "__main__":
    serve(export)
