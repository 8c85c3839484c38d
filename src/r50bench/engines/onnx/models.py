"""What ONNX Runtime and OpenVINO load, made once; the parent's side, which imports neither.

The model goes from the torch module to ONNX (``exports``), and from there to a peer's own format,
quantised by its own tool (``models``). Neither depends on the batch size or the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from r50bench.engines.base import EngineSpec
from r50bench.engines.preparation import MODEL, Preparation, Prepared, calibration_of, digest
from r50bench.engines.registry import ENGINES, packages_of, version_of
from r50bench.precision import PRECISIONS

__all__ = ["converted", "exported"]

RECIPE_VERSION = 1
"""Part of every key: raise it when what is exported or converted changes."""

_EXPORTS, _MODELS = "exports", "models"
_EXPORT_MODULE = "r50bench.engines.onnx.export"


def exported(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with the folder of the exported ONNX file, and whether it was made now."""
    torch = version_of("torch", preparation.environment)
    parts = {
        "recipe": RECIPE_VERSION,
        "state_dict": preparation.state_dict_sha256,
        "graph": spec.graph,
        "torch": torch,
    }
    provenance = {
        "source": f"torch.onnx, torch {torch}",
        "graph": spec.graph,
        "state_dict_sha256": preparation.state_dict_sha256,
    }
    key = f"{spec.graph}-onnx-{digest(parts)}"
    task = f"exporting {spec.graph} to ONNX"
    return _made(spec, preparation, (_EXPORTS, key), _EXPORT_MODULE, task, provenance)


def converted(spec: EngineSpec, preparation: Preparation, module: str) -> Prepared:
    """Returns ``spec`` with what ``module``, run as a child, makes of the exported model.

    One conversion serves fp32 and bf16: the difference is made when it is loaded.
    """
    export, exported_now = exported(spec, preparation)
    name_of_export = Path(str(export.artifact)).parent.name
    int8 = PRECISIONS[spec.precision].numerics.calibrated
    packages = packages_of(ENGINES[spec.engine], spec.precision, preparation.environment)
    parts = {
        "recipe": RECIPE_VERSION,
        "export": name_of_export,
        "engine": spec.engine,
        "packages": packages,
        **calibration_of(spec),
    }
    provenance = {
        "source": f"{_EXPORTS} {name_of_export}",
        "by": ", ".join(f"{name} {number}" for name, number in packages.items()),
        "calibration": spec.calibration if int8 else None,
    }
    key = f"{spec.graph}-{spec.engine}-{'int8' if int8 else 'float'}-{digest(parts)}"
    task = f"{'quantising' if int8 else 'converting'} the model for {spec.engine}"
    found, made = _made(export, preparation, (_MODELS, key), module, task, provenance)
    return found, made or exported_now


def _made(
    spec: EngineSpec,
    preparation: Preparation,
    entry: tuple[str, str],
    module: str,
    task: str,
    provenance: Mapping[str, str | None],
) -> Prepared:
    """Returns ``spec`` with the store's entry (kind, key) that ``module`` makes of it."""

    def make(folder: Path) -> None:
        preparation.make_model(module, spec, folder, task)

    found, made = preparation.kept(*entry, make, provenance)
    return replace(spec, artifact=str(found / MODEL)), made
