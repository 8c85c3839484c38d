"""What the host's compiler builds of ours, kept in the store; or what another one built before.

A cache that came with an image serves a host without a compiler.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r50bench.assets.store import Store
from r50bench.host.toolchain import Compiler, compiler_of, find_compiler
from r50bench.notices import Progress

__all__ = ["Builder", "builder_of"]


@dataclass(frozen=True)
class Builder:
    """Who built an entry of ``kind``, or will: ``key`` is its own in the store.

    ``compiler`` is None where there is none here and what another one built is kept. ``purpose``
    begins the message where there is nothing to build with.
    """

    kind: str
    key: str
    version: str
    compiler: Compiler | None
    purpose: str

    def built(
        self,
        store: Store,
        make: Callable[[Compiler, Path], None],
        provenance: dict[str, Any],
        progress: Progress,
    ) -> Path:
        """Returns the entry's folder, which ``make`` fills where it is not kept already.

        Raises:
            EngineError: what was kept is gone and there is no compiler, or ``make`` raises it.
        """
        if (kept := store.find(self.kind, self.key)) is not None:
            return kept
        compiler = self.compiler or compiler_of(os.environ, self.purpose)
        return store.produce(
            self.kind,
            self.key,
            lambda folder: make(compiler, folder),
            {**provenance, "compiler": self.version},
            progress,
        )


def builder_of(kind: str, stem: str, store: Store, purpose: str) -> Builder:
    """Returns who builds what ``stem`` names, which holds all that decides but the compiler.

    Raises:
        EngineError: there is no compiler here, and nothing is kept.
    """
    if find_compiler(os.environ) is None:
        kept = store.newest(kind, stem)
        if kept is not None:
            return Builder(kind, kept.key, str(kept.source.get("compiler", "")), None, purpose)
    compiler = compiler_of(os.environ, purpose)
    return Builder(kind, f"{stem}-{compiler.digest}", compiler.version, compiler, purpose)
