"""The canary's library, built once, and how fast it found this machine's cores, until it boots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from r50bench.assets.store import Store, sha256_of
from r50bench.case import Case
from r50bench.host import topology
from r50bench.host.toolchain import Compiler, compile_here
from r50bench.host.topology import Host
from r50bench.measure.built import builder_of
from r50bench.measure.until_reboot import UntilReboot, digest
from r50bench.notices import Progress

__all__ = ["FullSpeeds", "canary_library"]

_SOURCE = Path(topology.__file__).with_name("canary.cpp")
_LIBRARIES, _SPEEDS = "canaries", "full-speeds"
_LIBRARY = "canary.so"
_PURPOSE = "whether cores are at full speed is not known"
_WHAT = "the loop that looks at the cores between batches"
_FASTER = 0.99
"""Times what is known: nearer to it nothing new is kept."""

Cores = Sequence[Sequence[int]]
"""By instance, the CPUs that are looked at."""


def canary_library(host: Host, store: Store, progress: Progress) -> Path:
    """Returns the library, built where it is not kept already.

    Raises:
        EngineError: there is no C++ compiler and no library kept, or it cannot be built.
    """
    source = sha256_of(_SOURCE)
    builder = builder_of(_LIBRARIES, f"{host.arch}-{digest(source)}", store, _PURPOSE)

    def make(compiler: Compiler, folder: Path) -> None:
        from r50bench.host.canary import build_command  # built once

        progress.phase(f"building {_WHAT}")
        compile_here(build_command(compiler.words, _SOURCE, folder / _LIBRARY), _WHAT)

    provenance = {"source": f"{_SOURCE.name}, sha256 {source}"}
    return builder.built(store, make, provenance, progress) / _LIBRARY


class FullSpeeds:
    """What a look took at full speed, by what ran where: clocks depend on both.

    That is by precision and cores: wide vectors have clocks of their own, and so have all cores
    together.
    """

    def __init__(self, store: Store, host: Host, root: Path = Path("/")) -> None:
        self._kept = UntilReboot(_SPEEDS, tuple[float | None, ...], store, host, root)

    def known(self, case: Case, cores: Cores) -> tuple[float | None, ...]:
        """Returns ns by instance, None where nothing is known."""
        known = self._kept.find(*_parts(case, cores))
        return known if known is not None and len(known) == len(cores) else (None,) * len(cores)

    def learn(self, case: Case, cores: Cores, found_ns: Mapping[int, float]) -> None:
        """Keeps what was found of instances where that is faster than what is known.

        Raises:
            AssetError: the store cannot be written.
        """
        known = self.known(case, cores)
        better = tuple(
            found if before is None or (found is not None and found < _FASTER * before) else before
            for before, found in zip(known, map(found_ns.get, range(len(cores))), strict=True)
        )
        if better != known:
            self._kept.keep(better, *_parts(case, cores), source=_SOURCE.name)


def _parts(case: Case, cores: Cores) -> tuple[object, ...]:
    return (sha256_of(_SOURCE), case.precision, [list(cpus) for cpus in cores])
