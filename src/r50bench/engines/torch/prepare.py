"""What AOTInductor compiles ahead: the model, and a loader that several instances can share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from r50bench.assets.store import sha256_of
from r50bench.engines.base import EngineSpec
from r50bench.engines.preparation import MODEL, Preparation, Prepared, digest
from r50bench.errors import EngineError
from r50bench.host.toolchain import Compiler, plain_folder

__all__ = ["model_key", "prepare"]

RECIPE_VERSION = 6
"""Part of every compiled model's key: raise it when what is compiled changes."""

_MODELS, _LOADERS = "models", "loaders"
_COMPILE_MODULE = "r50bench.engines.torch.compile_model"
_LOADER_MODULE = "r50bench.engines.torch.shared_loader"
_PURPOSE = "engine torch compiles the model"
_OTHERWISE = "--engine torch-eager runs without"


def prepare(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with the compiled model, and a loader where torch's own will not do.

    On GPUs nothing is compiled. See :class:`.EngineDescriptor`.
    """
    if spec.device == "cuda":
        return spec, False
    if spec.runners > 1 or spec.beside_python:
        spec = replace(spec, loader=str(_loader(preparation)))

    def make(folder: Path, compiler: Compiler) -> None:
        from r50bench.engines.torch.quantised import quantised  # as rarely as it is compiled

        source, _ = quantised(spec, preparation)
        preparation.progress.phase(f"compiling {spec.precision}, batch {spec.batch_size}")
        _compile(source, folder, preparation, compiler)

    provenance = {
        "source": "AOTInductor",
        "precision": spec.precision,
        "graph": spec.graph,
        "batch_size": spec.batch_size,
        "state_dict_sha256": preparation.state_dict_sha256,
    }
    folder, made = preparation.build(
        _MODELS,
        model_key(spec, preparation),
        make,
        provenance,
        purpose=_PURPOSE,
        otherwise=_OTHERWISE,
    )
    return replace(spec, artifact=str(folder / MODEL)), made


def model_key(spec: EngineSpec, preparation: Preparation) -> str:
    """Returns the name of a compiled model, but for its compiler.

    oneDNN lays weights out by the number of threads, and reorders them in every inference where it
    is another one: at batch 1 that took two thirds of the time on one core.
    """
    parts = (RECIPE_VERSION, spec.batch_size, spec.threads, preparation.parts(spec))
    return f"{spec.graph}-{spec.precision}-b{spec.batch_size}-{digest(*parts)}"


def _compile(spec: EngineSpec, folder: Path, preparation: Preparation, compiler: Compiler) -> None:
    from r50bench.engines.maker import make_in_child  # a compiled model is found far more often

    with plain_folder(folder / "inductor") as scratch:
        make_in_child(
            _COMPILE_MODULE,
            spec,
            folder / MODEL,
            {
                **preparation.child_environment,
                "CXX": compiler.as_one_word(scratch),
                "TMPDIR": str(scratch),
                "TORCHINDUCTOR_CACHE_DIR": str(scratch / "cache"),
            },
            preparation.timeout_s,
            task=f"compiling {spec.precision}",
            hint=_OTHERWISE,
        )


def _loader(preparation: Preparation) -> Path:
    """Returns the extension that shares one model among several runners, built if need be."""
    # Few cases share weights, and a host builds the loader once.
    from r50bench.engines.child import run_child
    from r50bench.engines.interpreter import tag_of
    from r50bench.engines.registry import version_of
    from r50bench.engines.torch.shared_loader import EXTENSION, LIBRARY, SOURCE

    source = sha256_of(SOURCE)
    environment = preparation.environment
    torch, tag = version_of("torch", environment), tag_of(environment)

    def make(folder: Path, compiler: Compiler) -> None:
        preparation.progress.phase("building the loader for shared weights")
        with plain_folder(folder / "build") as build:
            environment = {
                **preparation.child_environment,
                "CXX": compiler.as_one_word(build),
                "TMPDIR": str(build),
            }
            words = [_LOADER_MODULE, str(build), str(folder / LIBRARY)]
            log = run_child(words, environment, preparation.timeout_s)
        if log.failure is not None:
            raise EngineError(
                f"building the loader for shared weights {log.failure}:\n{log.tail}",
                hint="leave weight sharing off",
            )

    folder, _ = preparation.build(
        _LOADERS,
        f"{EXTENSION}-{tag}-torch-{torch}-{source[:16]}",
        make,
        {"source": f"{SOURCE.name}, sha256 {source}"},
        purpose=_PURPOSE,
        otherwise=_OTHERWISE,
    )
    return folder / LIBRARY
