"""What a peer loads, made once and kept in the store; the parent's side, which imports no peer.

The model goes from the torch module to ONNX (``exports``), and from there to the peer's own format,
quantised by its own tool (``models``). Neither depends on the batch size or the host.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from r50bench.assets.store import Store, sha256_of
from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import make_in_child
from r50bench.errors import EngineError
from r50bench.precision import numerics_of
from r50bench.progress import Progress

__all__ = ["ensure_peer_model", "require_packages"]

RECIPE_VERSION = 1
"""Part of every key: raise it when what is exported or converted changes."""

_EXPORTS, _MODELS = "exports", "models"
_MODEL = "model"
_EXPORT_MODULE = "r50bench.engines.onnx.export"
_CONVERSION_MODULE = "r50bench.engines.onnx.conversion"

# By engine: what it needs, and what its int8 needs beside that.
_PACKAGES = {
    "onnxruntime": (("onnxruntime", "onnx"), ()),
    "openvino": (("openvino", "onnx"), ("nncf",)),
    "zentorch": (("zentorch",), ()),
}
_INSTALL = {"zentorch": "pip install 'zentorch==2.13.*', which is for x86"}


def require_packages(engine: str, precision: str) -> dict[str, str]:
    """Returns the versions of the packages that a peer needs, by name.

    Raises:
        EngineError: one is not installed; the hint says how to install it.
    """
    always, for_int8 = _PACKAGES[engine]
    wanted = always + (for_int8 if numerics_of(precision) == "int8" else ())
    found = {}
    for package in wanted:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            raise EngineError(
                f"engine {engine}: {package} is not installed",
                hint=_INSTALL.get(engine, "pip install 'r50bench[peers]'"),
            ) from None
    return found


def ensure_peer_model(
    spec: EngineSpec,
    state_dict_sha256: str,
    store: Store,
    progress: Progress,
    environment: Mapping[str, str],
    timeout_s: float,
) -> tuple[EngineSpec, bool]:
    """Returns ``spec`` with what its peer loads, and whether that was made now.

    Raises:
        EngineError: a package is missing, or export or conversion failed.
        AssetError: the state dict does not fit, or the store cannot be written.
    """
    packages = require_packages(spec.engine, spec.precision)
    if spec.engine == "zentorch":
        return spec, False
    plain = {name: value for name, value in environment.items() if name != "LD_PRELOAD"}
    export, exported = _ensure_export(spec, state_dict_sha256, store, progress, plain, timeout_s)
    if spec.engine == "onnxruntime" and numerics_of(spec.precision) == "fp32":
        return replace(spec, artifact=str(export)), exported
    key = _conversion_key(spec, export.parent.name, packages)
    if (found := store.find(_MODELS, key)) is not None:
        return replace(spec, artifact=str(found / _MODEL)), exported
    int8 = numerics_of(spec.precision) == "int8"
    task = f"{'quantising' if int8 else 'converting'} the model for {spec.engine}"

    def make(folder: Path) -> None:
        progress.phase(task)
        wanted = replace(spec, artifact=str(export))
        make_in_child(_CONVERSION_MODULE, wanted, folder / _MODEL, plain, timeout_s, task=task)

    provenance = {
        "source": f"{_EXPORTS} {export.parent.name}",
        "by": ", ".join(f"{name} {number}" for name, number in packages.items()),
        "calibration": spec.calibration if int8 else None,
    }
    folder = store.produce(_MODELS, key, make, provenance, progress)
    return replace(spec, artifact=str(folder / _MODEL)), True


def _ensure_export(
    spec: EngineSpec,
    state_dict_sha256: str,
    store: Store,
    progress: Progress,
    environment: Mapping[str, str],
    timeout_s: float,
) -> tuple[Path, bool]:
    parts = {
        "recipe": RECIPE_VERSION,
        "state_dict": state_dict_sha256,
        "graph": spec.graph,
        "torch": version("torch"),
    }
    key = f"{spec.graph}-onnx-{_digest(parts)}"
    if (found := store.find(_EXPORTS, key)) is not None:
        return found / _MODEL, False
    task = f"exporting {spec.graph} to ONNX"

    def make(folder: Path) -> None:
        progress.phase(task)
        make_in_child(_EXPORT_MODULE, spec, folder / _MODEL, environment, timeout_s, task=task)

    provenance = {
        "source": f"torch.onnx, torch {parts['torch']}",
        "graph": spec.graph,
        "state_dict_sha256": state_dict_sha256,
    }
    return store.produce(_EXPORTS, key, make, provenance, progress) / _MODEL, True


def _conversion_key(spec: EngineSpec, export: str, packages: Mapping[str, str]) -> str:
    """OpenVINO has bf16 and fp32 from one model: the difference is made when it is loaded."""
    int8 = numerics_of(spec.precision) == "int8"
    parts = {
        "recipe": RECIPE_VERSION,
        "export": export,
        "engine": spec.engine,
        "packages": dict(packages),
        "calibration": sha256_of(Path(str(spec.calibration))) if int8 else None,
        "convention": spec.convention if int8 else None,
    }
    kind = "int8" if int8 else "float"
    return f"{spec.graph}-{spec.engine}-{kind}-{_digest(parts)}"


def _digest(parts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
