"""What our own kernels need: their library, built once, and the plan of a model for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from r50bench.assets.store import sha256_of
from r50bench.engines.base import EngineSpec
from r50bench.engines.child import ChildLog, run_child
from r50bench.engines.preparation import MODEL, Preparation, Prepared, digest
from r50bench.engines.r50.kernel_sets import COMPILERS, KERNEL_SETS, KernelSet
from r50bench.errors import EngineError, R50BenchError, Unsupported
from r50bench.host.toolchain import Compiler, unknown_to

__all__ = ["LIBRARY", "plan_key", "prepare"]

LIBRARY = "r50bench_kernels.so"
RECIPE_VERSION = 6
"""Part of every plan's key: raise it when what is planned changes."""

_MODELS, _KERNELS = "models", "kernels"
_BUILD_MODULE = "r50bench.engines.r50.build"
_PLAN_MODULE = "r50bench.engines.r50.make_plan"
_OTHERWISE = "--engine torch-eager runs without"


def prepare(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with library and plan; see :class:`.EngineDescriptor`."""
    library = _library(spec.precision, preparation)
    key = plan_key(spec, library.name, preparation)

    def make(folder: Path) -> None:
        from r50bench.engines.torch.quantised import quantised  # a plan is made once

        source, _ = quantised(spec, preparation)
        preparation.make_model(_PLAN_MODULE, source, folder, f"preparing {spec.precision}")

    provenance = {
        "source": "a plan for kernels of r50bench",
        "kernels": library.name,
        "precision": spec.precision,
        "graph": spec.graph,
        "state_dict_sha256": preparation.state_dict_sha256,
    }
    found, made = preparation.kept(_MODELS, key, make, provenance)
    return replace(spec, kernels=str(library / LIBRARY), artifact=str(found / MODEL)), made


def plan_key(spec: EngineSpec, library: str, preparation: Preparation) -> str:
    """Returns the name of a plan; one serves any number of cores and any batch size.

    ``library`` is that of the kernels: it mirrors what a plan's fields mean.
    """
    parts = (RECIPE_VERSION, library, preparation.parts(spec))
    return f"{spec.graph}-{spec.precision}-plan-{digest(*parts)}"


def _library(precision: str, preparation: Preparation) -> Path:
    """Returns the folder of the library for a precision, built if need be.

    Raises:
        Unsupported: the compiler, or its assembler, is too old for the precision's instructions.
        EngineError: there is no compiler, or it failed otherwise.
    """
    kernels, progress = KERNEL_SETS[precision], preparation.progress
    task = f"building the kernels of {precision}"

    def make(folder: Path, compiler: Compiler) -> None:
        progress.phase(task)
        environment = {**preparation.child_environment, "CXX": compiler.cxx}
        words = [_BUILD_MODULE, precision, str(folder / LIBRARY)]
        log = run_child(words, environment, preparation.timeout_s)
        if log.failure is not None:
            raise _refused(precision, compiler, log)

    folder, _ = preparation.build(
        _KERNELS,
        f"{precision}-{_digest_of_sources(kernels)}",
        make,
        {"source": "; ".join(_named(kernels))},
        purpose="engine r50 builds its kernels",
        otherwise=_OTHERWISE,
    )
    return folder


def _refused(precision: str, compiler: Compiler, log: ChildLog) -> R50BenchError:
    """Returns what to tell of kernels that could not be built."""
    unknown = unknown_to(log.tail)
    if unknown is None:
        task = f"building the kernels of {precision}"
        return EngineError(f"{task} {log.failure}:\n{log.tail}", hint="--engine torch has none")
    return Unsupported(
        f"engine r50 cannot build its kernels of {precision} here: {compiler.version}, or the"
        f" assembler it uses, does not know {unknown}",
        hint=f"name a newer compiler in CXX ({COMPILERS}); {_OTHERWISE}",
    )


def _digest_of_sources(kernels: KernelSet) -> str:
    return digest(*_named(kernels), kernels.compiler_options)


def _named(kernels: KernelSet) -> list[str]:
    return [f"{file.name}, sha256 {sha256_of(file)}" for file in kernels.sources]
