"""What is made before a run, engines' models above all, and what that takes; without torch.

Each engine prepares itself (``prepare`` of its descriptor); here is what they have in common. What
compiles, exports or quantises is a child with the workers' own environment, since instruction sets
and switches must be set before torch loads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from r50bench.assets.store import Store, sha256_of
from r50bench.engines.base import EngineSpec
from r50bench.engines.environment import recorded_environment
from r50bench.engines.registry import ENGINES, packages_of
from r50bench.errors import EngineError
from r50bench.host.surroundings import noexec_mount
from r50bench.host.toolchain import Compiler, compiler_of, find_compiler
from r50bench.host.topology import Host
from r50bench.notices import Progress
from r50bench.precision import PRECISIONS

__all__ = [
    "INT8_RECIPE",
    "MODEL",
    "Builder",
    "Preparation",
    "Prepared",
    "builder_of",
    "calibration_of",
    "child_limit_s",
    "digest",
    "prepare_engine",
]

MODEL = "model"
"""The folder of a store's entry that an engine loads."""

INT8_RECIPE = 1
"""Part of the key of the quantised model and of all that is made from it: raise it when
:mod:`r50bench.engines.torch.int8` makes another one of the same."""

Prepared = tuple[EngineSpec, bool]
"""A spec with all that its engine loads, and whether something was made for it now."""

# They change how a compiled model runs, not what is compiled.
_OF_RUN_TIME_ONLY = (
    *("OMP_", "GOMP_", "KMP_", "OPENBLAS_"),
    *("LD_PRELOAD", "TCMALLOC_", "MALLOC_", "FAKE_"),
)


@dataclass(frozen=True)
class Preparation:
    """With what an engine prepares itself.

    ``state_dict_sha256`` is that of the spec's weights, ``environment`` that of the workers;
    ``timeout_s`` bounds each child, see :func:`child_limit_s`.
    """

    state_dict_sha256: str
    host: Host
    store: Store
    progress: Progress
    environment: Mapping[str, str]
    timeout_s: float = 600.0

    @property
    def child_environment(self) -> dict[str, str]:
        """A compiler needs no allocator, and one more file to load is one more thing to fail."""
        return {name: value for name, value in self.environment.items() if name != "LD_PRELOAD"}

    def parts(self, spec: EngineSpec) -> dict[str, Any]:
        """Returns what decides the bytes of anything that is compiled for this host from a spec."""
        host = self.host
        calibrated = PRECISIONS[spec.precision].numerics.calibrated
        return {
            "state_dict": self.state_dict_sha256,
            "graph": spec.graph,
            "precision": spec.precision,
            "device": spec.device,
            "cpu": [host.arch, host.vendor, host.family, host.model, *sorted(host.isa)],
            "environment": {
                name: value
                for name, value in recorded_environment(self.environment).items()
                if not name.startswith(_OF_RUN_TIME_ONLY)
            },
            "packages": packages_of(ENGINES[spec.engine], spec.precision, self.environment),
            **calibration_of(spec),
            **({"int8": INT8_RECIPE} if calibrated else {}),
        }

    def kept(
        self, kind: str, key: str, make: Callable[[Path], None], provenance: Mapping[str, Any]
    ) -> tuple[Path, bool]:
        """Returns the store's entry, and whether ``make`` filled it now: it was not kept then.

        Raises:
            EngineError: what ``make`` raises.
        """
        return _found_or_made(self.store, kind, key, make, provenance, self.progress)

    def make_model(
        self,
        module: str,
        spec: EngineSpec,
        folder: Path,
        task: str,
        beside: Mapping[str, str] | None = None,
    ) -> None:
        """Has ``module``, run as a child, make :data:`MODEL` in ``folder`` from ``spec``.

        ``task`` says what that is, for people; ``beside`` goes into the child's environment last.

        Raises:
            R50BenchError: see :func:`.maker.make_in_child`.
        """
        from r50bench.engines.maker import make_in_child  # what is made is found far more often

        self.progress.phase(task)
        environment = {**self.child_environment, **(beside or {})}
        make_in_child(module, spec, folder / MODEL, environment, self.timeout_s, task=task)

    def build(
        self,
        kind: str,
        key: str,
        make: Callable[[Path, Compiler], None],
        provenance: Mapping[str, Any],
        *,
        purpose: str,
        otherwise: str,
    ) -> tuple[Path, bool]:
        """Returns the store's entry that the host's C++ compiler makes, and whether it did so now.

        ``key`` names everything that decides it but the compiler; ``purpose`` and ``otherwise``
        are as :func:`builder_of` has them.

        Raises:
            EngineError: there is no compiler, and nothing that one made; or what ``make`` raises.
        """
        if noexec_mount(self.store.root):
            raise EngineError(
                f"{purpose}: the cache {self.store.root} is mounted noexec, and what is compiled"
                " there could not be loaded",
                hint="R50BENCH_CACHE names a folder on a disk without noexec"
                f" (docker run --tmpfs DIR:exec); {otherwise}",
            )
        builder = builder_of(kind, key, self.store, self.environment, purpose, otherwise)
        return builder.built(self.store, make, provenance, self.progress)


@dataclass(frozen=True)
class Builder:
    """Who builds an entry of ``kind``, or has built it: ``key`` is its own in the store.

    ``version`` is that of the compiler that did or will; ``compiler`` finds it, or says why what
    was kept cannot be built again.
    """

    kind: str
    key: str
    version: str
    compiler: Callable[[], Compiler]

    def built(
        self,
        store: Store,
        make: Callable[[Path, Compiler], None],
        provenance: Mapping[str, Any],
        progress: Progress,
    ) -> tuple[Path, bool]:
        """Returns the entry's folder, and whether ``make`` filled it now: it was not kept then.

        Raises:
            EngineError: what was kept is gone and there is no compiler, or ``make`` raises it.
        """

        def compiled(folder: Path) -> None:
            make(folder, self.compiler())

        told = {**provenance, "compiler": self.version}
        return _found_or_made(store, self.kind, self.key, compiled, told, progress)


def _found_or_made(
    store: Store,
    kind: str,
    key: str,
    make: Callable[[Path], None],
    provenance: Mapping[str, Any],
    progress: Progress,
) -> tuple[Path, bool]:
    """Returns the store's entry, and whether it was not there yet."""
    if (found := store.find(kind, key)) is not None:
        return found, False
    return store.produce(kind, key, make, provenance, progress), True


def builder_of(
    kind: str,
    stem: str,
    store: Store,
    environment: Mapping[str, str],
    purpose: str,
    otherwise: str = "",
) -> Builder:
    """Returns who builds what ``stem`` names, which holds all that decides but the compiler.

    A host without a compiler takes what another one made, such as that of the image that the cache
    came with. ``purpose`` and ``otherwise`` are as :func:`.compiler_of` has them.

    Raises:
        EngineError: there is no compiler here, and nothing is kept.
    """
    compiler = partial(compiler_of, environment, purpose, otherwise)
    if find_compiler(environment) is None:
        kept = store.newest(kind, stem)
        if kept is not None:
            return Builder(kind, kept.key, str(kept.source.get("compiler", "")), compiler)
    here = compiler()
    return Builder(kind, f"{stem}-{here.digest}", here.version, compiler)


def calibration_of(spec: EngineSpec) -> dict[str, str | None]:
    """Returns what int8 was calibrated with; None for other numerics."""
    if spec.calibration is None or not PRECISIONS[spec.precision].numerics.calibrated:
        return {"calibration": None, "convention": None}
    return {"calibration": sha256_of(Path(spec.calibration)), "convention": spec.convention}


def child_limit_s(silence_s: float) -> float:
    """Returns for how long a child may compile where a worker may be silent for ``silence_s``.

    Ten minutes, and longer where the case grants a slow machine more than the usual two.
    """
    return max(Preparation.timeout_s, 5 * silence_s)


def digest(*parts: object) -> str:
    """Returns 16 hexadecimal digits of what can be said as JSON, for the store's keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def prepare_engine(spec: EngineSpec, preparation: Preparation) -> Prepared:
    """Returns ``spec`` with all that its engine loads, and whether a model was made for it now.

    Engines that make nothing ahead get their spec back. ``spec.runners`` must already be the number
    of instances that will share the weights.

    Raises:
        EngineError: a package or the C++ compiler is missing, or making something failed; the hint
            names a way without it.
        Unsupported: the device is not there.
    """
    engine = ENGINES[spec.engine]
    packages_of(engine, spec.precision, preparation.environment)
    if engine.prepare is None:
        return spec, False
    prepared: Prepared = resolve_name(engine.prepare)(spec, preparation)
    return prepared
