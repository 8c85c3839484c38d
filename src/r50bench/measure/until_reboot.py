"""What was measured of this machine, kept in the store until it boots again.

A machine that does not tell when it booted keeps nothing: after a boot it may have other clocks.
Kept here are the speeds that the canary found; the peak of the cores is :mod:`.measured_peak`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from r50bench.assets.store import Store, sha256_of
from r50bench.case import Case
from r50bench.engines.preparation import digest
from r50bench.errors import AssetError, UsageError
from r50bench.host import topology
from r50bench.host.kernel_files import read_text
from r50bench.host.snapshot import fingerprint
from r50bench.host.topology import Host
from r50bench.results.files import checked_json, read_bounded

__all__ = ["CANARY", "FullSpeeds", "UntilReboot"]

CANARY = Path(topology.__file__).with_name("canary.cpp")
"""The source of the loop that looks at the cores."""

_FILE = "value.json"
_FASTER = 0.99
"""Times what is known of a look: nearer to it nothing new is kept."""

Cores = Sequence[Sequence[int]]
"""By instance, the CPUs that are looked at."""

T = TypeVar("T")


class UntilReboot(Generic[T]):
    """Values of one ``kind`` in the store, of the type ``shape``; each under ``parts`` of a key."""

    def __init__(
        self, kind: str, shape: type[T], store: Store, host: Host, root: Path = Path("/")
    ) -> None:
        boot = read_text(root, "/proc/sys/kernel/random/boot_id")
        self._kind = kind
        self._shape = shape
        self._store = store
        self._booted = bool(boot)
        self._machine = digest(fingerprint(root), host.model_name, sorted(host.isa))[:8]
        self._epoch = f"{self._machine}-{digest(boot)[:8]}"

    def find(self, *parts: Any) -> T | None:
        """Returns what is kept, None where nothing is; what is damaged is removed."""
        key = self._key(parts)
        found = self._store.find(self._kind, key) if self._booted else None
        if found is None:
            return None
        try:
            return checked_json(read_bounded(found / _FILE), self._shape)
        except (ValueError, OSError, UsageError):
            with suppress(AssetError):  # where it cannot be written either, it is passed over
                self._store.remove(self._kind, key)
            return None

    def keep(self, value: T, *parts: Any, source: str) -> None:
        """Keeps a value in place of a former one, and removes those of other boots.

        Raises:
            AssetError: the store cannot be written.
        """
        if not self._booted:
            return
        self._forget_other_boots()
        key = self._key(parts)
        self._store.remove(self._kind, key)

        def make(folder: Path) -> None:
            (folder / _FILE).write_bytes(msgspec.json.encode(value))

        self._store.produce(self._kind, key, make, {"source": source})

    def _key(self, parts: tuple[Any, ...]) -> str:
        return f"{self._epoch}-{digest(*parts)}"

    def _forget_other_boots(self) -> None:
        for entry in self._store.entries():
            older = entry.key.startswith(f"{self._machine}-") and not entry.key.startswith(
                f"{self._epoch}-"
            )
            if entry.kind == self._kind and older:
                self._store.remove(entry.kind, entry.key)


class FullSpeeds:
    """What a look took at full speed, by what ran where: clocks depend on both.

    That is by precision and cores: wide vectors have clocks of their own, and so have all cores
    together.
    """

    def __init__(self, store: Store, host: Host, root: Path = Path("/")) -> None:
        self._kept = UntilReboot("full-speeds", tuple[float | None, ...], store, host, root)

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
            self._kept.keep(better, *_parts(case, cores), source=CANARY.name)


def _parts(case: Case, cores: Cores) -> tuple[object, ...]:
    return (sha256_of(CANARY), case.precision, [list(cpus) for cpus in cores])
