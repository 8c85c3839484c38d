"""Compiled models, made once and kept in the store; the parent's side, without torch.

Compiling happens in a child with the workers' own environment, since instruction sets and switches
must be set before torch loads.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from r50bench.assets.store import Store, sha256_of
from r50bench.case import PEERS
from r50bench.engines.base import EngineSpec
from r50bench.engines.child import run_child
from r50bench.engines.environment import recorded_environment
from r50bench.engines.maker import make_in_child
from r50bench.engines.onnx.models import ensure_peer_model
from r50bench.engines.r50.build import LIBRARY, SOURCES, compiler_flags, fits
from r50bench.errors import EngineError
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS
from r50bench.progress import Progress

__all__ = ["artifact_key", "ensure_artifact"]

RECIPE_VERSION = 5
"""Part of every compiled model's key: raise it when what is compiled changes."""

_MODELS, _LOADERS, _KERNELS = "models", "loaders", "kernels"
_MODEL = "model"
_COMPILE_MODULE = "r50bench.engines.torch.compile_model"
_NATIVE_MODULE = "r50bench.engines.torch.shared_loader"
_PLAN_MODULE = "r50bench.engines.r50.make_plan"
_KERNELS_MODULE = "r50bench.engines.r50.build"
# They change how a compiled model runs, not what is compiled.
_OF_RUN_TIME_ONLY = ("OMP_", "GOMP_", "KMP_", "LD_PRELOAD", "TCMALLOC_", "MALLOC_", "FAKE_")


def ensure_artifact(
    spec: EngineSpec,
    state_dict_sha256: str,
    host: Host,
    store: Store,
    progress: Progress,
    environment: Mapping[str, str],
    *,
    timeout_s: float = 600.0,
) -> tuple[EngineSpec, bool]:
    """Returns ``spec`` with all that its engine loads, and whether a model was compiled for it now.

    Engines that compile nothing ahead get their spec back. ``environment`` is that of the workers;
    ``spec.runners`` must already be the number of instances that will share the weights.
    ``timeout_s`` bounds each compilation.

    Raises:
        EngineError: no C++ compiler, or the compilation failed; the hint names a way without one.
        Unsupported: the device is not there.
        AssetError: the state dict does not fit, or the store cannot be written.
    """
    if spec.engine in PEERS:
        return ensure_peer_model(spec, state_dict_sha256, store, progress, environment, timeout_s)
    if spec.engine not in ("torch", "torch-aot"):
        return spec, False
    compiler_environment = _compiler_environment(environment)
    if fits(spec.engine, spec.device, spec.precision, host):
        library = _ensure_kernels(spec, store, progress, compiler_environment, timeout_s)
        spec = replace(spec, kernels=str(library))
    elif spec.runners > 1 or spec.beside_python:
        library = _ensure_loader(store, progress, compiler_environment, timeout_s)
        spec = replace(spec, loader=str(library))
    key = artifact_key(spec, state_dict_sha256, host, environment)
    found = store.find(_MODELS, key)
    if found is not None:
        return replace(spec, artifact=str(found / _MODEL)), False
    compiler = _require_compiler(compiler_environment)

    def make(folder: Path) -> None:
        if spec.kernels is not None:
            progress.phase(f"preparing {spec.precision}")
            task = f"preparing {spec.precision}"
            out = folder / _MODEL
            make_in_child(_PLAN_MODULE, spec, out, compiler_environment, timeout_s, task=task)
        else:
            progress.phase(f"compiling {spec.precision}, batch {spec.batch_size}")
            _compile(spec, folder, compiler_environment, timeout_s)

    how = "a plan for kernels of r50bench" if spec.kernels else f"AOTInductor, {compiler}"
    provenance = {
        "source": f"{how}, torch {_version('torch')}",
        "precision": spec.precision,
        "graph": spec.graph,
        "batch_size": spec.batch_size,
        "state_dict_sha256": state_dict_sha256,
    }
    folder = store.produce(_MODELS, key, make, provenance, progress)
    return replace(spec, artifact=str(folder / _MODEL)), True


def artifact_key(
    spec: EngineSpec, state_dict_sha256: str, host: Host, environment: Mapping[str, str]
) -> str:
    """Returns the name of a compiled model: everything that decides its bytes, hashed.

    oneDNN lays weights out by the number of threads, and reorders them in every inference where it
    is another one: at batch 1 that took two thirds of the time on one core. A plan for kernels of
    our own serves any number of cores and any batch size.
    """
    decisive = {
        name: value
        for name, value in recorded_environment(environment).items()
        if not name.startswith(_OF_RUN_TIME_ONLY)
    }
    calibrated = spec.calibration is not None and PRECISIONS[spec.precision].numerics.calibrated
    parts = {
        "recipe": RECIPE_VERSION,
        "state_dict": state_dict_sha256,
        "graph": spec.graph,
        "precision": spec.precision,
        "batch_size": None if spec.kernels else spec.batch_size,
        "threads": None if spec.kernels else spec.threads,
        "kernels": spec.kernels is not None,
        "device": spec.device,
        "calibration": sha256_of(Path(str(spec.calibration))) if calibrated else None,
        "convention": spec.convention if calibrated else None,
        "cpu": [host.arch, host.vendor, host.family, host.model, *sorted(host.isa)],
        "environment": decisive,
        "torch": _version("torch"),
        "torchao": _version("torchao") if calibrated else None,
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    kind = "plan" if spec.kernels else f"b{spec.batch_size}"
    return f"{spec.graph}-{spec.precision}-{kind}-{digest[:16]}"


def _compile(
    spec: EngineSpec, folder: Path, environment: Mapping[str, str], timeout_s: float
) -> None:
    scratch = folder / "inductor"
    make_in_child(
        _COMPILE_MODULE,
        spec,
        folder / _MODEL,
        {**environment, "TORCHINDUCTOR_CACHE_DIR": str(scratch)},
        timeout_s,
        task=f"compiling {spec.precision}",
        hint="--engine torch-eager runs without compiling",
    )
    shutil.rmtree(scratch, ignore_errors=True)


def _ensure_kernels(
    spec: EngineSpec,
    store: Store,
    progress: Progress,
    environment: Mapping[str, str],
    timeout_s: float,
) -> Path:
    """Returns the library of kernels for the spec's precision, built if need be."""
    hashes = [sha256_of(file) for file in SOURCES]
    compiler = environment.get("CXX") or "g++"
    told = " ".join((*hashes, compiler, *compiler_flags(spec.precision)))
    key = f"{spec.precision}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"

    def make(folder: Path) -> None:
        progress.phase(f"building the kernels of {spec.precision}")
        arguments = [_KERNELS_MODULE, spec.precision, str(folder)]
        log = run_child(arguments, environment, timeout_s)
        if log.failure is not None:
            raise EngineError(
                f"building the kernels of {spec.precision} {log.failure}:\n{log.tail}",
                hint="--engine torch-aot takes oneDNN's",
            )

    if (found := store.find(_KERNELS, key)) is None:
        _require_compiler(environment)
        named = zip(SOURCES, hashes, strict=True)
        sources = "; ".join(f"{file.name}, sha256 {digest}" for file, digest in named)
        provenance = {"source": sources, "compiler": compiler}
        found = store.produce(_KERNELS, key, make, provenance, progress)
    return found / LIBRARY


def _ensure_loader(
    store: Store, progress: Progress, environment: Mapping[str, str], timeout_s: float
) -> Path:
    """Returns the extension that shares one model among several runners, built if need be."""
    from r50bench.engines.torch import shared_loader as native
    from r50bench.engines.torch.shared_loader import EXTENSION

    source = sha256_of(native.SOURCE)
    key = f"{EXTENSION}-{_python_tag()}-torch-{_version('torch')}-{source[:16]}"

    def make(folder: Path) -> None:
        progress.phase("building the loader for shared weights")
        log = run_child([_NATIVE_MODULE, str(folder)], environment, timeout_s)
        if log.failure is not None:
            raise EngineError(
                f"building the loader for shared weights {log.failure}:\n{log.tail}",
                hint="leave weight sharing off",
            )

    if (found := store.find(_LOADERS, key)) is None:
        _require_compiler(environment)
        provenance = {"source": f"{native.SOURCE.name}, sha256 {source}"}
        found = store.produce(_LOADERS, key, make, provenance, progress)
    return found / f"{EXTENSION}.so"


def _python_tag() -> str:
    import sys

    return str(sys.implementation.cache_tag)


def _compiler_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The compiler needs no allocator, and one more file to load is one more thing to fail."""
    return {name: value for name, value in environment.items() if name != "LD_PRELOAD"}


def _require_compiler(environment: Mapping[str, str]) -> str:
    compiler = environment.get("CXX") or "g++"
    if shutil.which(compiler.split()[0], path=environment.get("PATH")) is None:
        raise EngineError(
            f"engine torch compiles the model, and there is no C++ compiler {compiler!r}",
            hint="install one (Debian, Ubuntu: apt install g++) or name it in CXX;"
            " --engine torch-eager runs without",
        )
    return compiler


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        raise EngineError(f"{package} is not installed", hint=f"pip install {package}") from None
