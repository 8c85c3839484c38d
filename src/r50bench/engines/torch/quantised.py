"""The int8 model that PT2E makes, kept once for all that is compiled or planned from it.

Neither the batch size nor the number of cores is in it. The parent's side, without torch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from r50bench.engines.base import EngineSpec
from r50bench.engines.preparation import MODEL, Preparation, Prepared, digest
from r50bench.precision import PRECISIONS

__all__ = ["quantised"]

_QUANTISED = "quantised"
_MODULE = "r50bench.engines.torch.quantise_model"
# How sums are split among threads decides their last bits, and where the histograms of activations
# are cut off then decides scales: with two threads one was 9 % smaller than with one.
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def quantised(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with the quantised model, and whether it was made now.

    Where nothing is quantised it is returned as it is. Engines that compile as they load prepare no
    more than this; see :class:`.EngineDescriptor`.

    Raises:
        R50BenchError: what the child says that quantises, or that it failed.
    """
    if not PRECISIONS[spec.precision].numerics.calibrated:
        return spec, False

    def make(folder: Path) -> None:
        task = "quantising the model"
        preparation.make_model(_MODULE, spec, folder, task, beside=_ONE_THREAD)

    provenance = {
        "source": "PT2E",
        "graph": spec.graph,
        "state_dict_sha256": preparation.state_dict_sha256,
        "calibration": spec.calibration,
    }
    parts = preparation.parts(replace(spec, engine="torch"))  # whoever asks for it
    key = f"{spec.graph}-int8-{digest(parts)}"
    found, made = preparation.kept(_QUANTISED, key, make, provenance)
    return replace(spec, quantised=str(found / MODEL)), made
