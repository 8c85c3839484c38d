"""Stored results: found if they are exact, whole and valid; else produced, once, and stored.

A result is an entry of the store: a copy of the record's folder, which appears by one rename after
a valid run. Whatever ends a run before that leaves no entry, and of several processes that ask for
the same at once, one runs and the others wait.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r50bench.assets.store import Entry
from r50bench.assets.weights import Weights, kept_weights
from r50bench.errors import RunFailed
from r50bench.host.topology import Host
from r50bench.measure.bench import AssetResolver
from r50bench.measure.session import Outcome
from r50bench.mlperf.query.identity import Identity, asks_the_same, identify
from r50bench.notices import Notice, Progress
from r50bench.planning.planned import Planned
from r50bench.results.record import Record, read_record

__all__ = ["KIND", "Answer", "AnswerStore", "Run"]

KIND = "loadgen_output"
"""The kind of the store's entries that are results."""

Run = Callable[[Planned], Outcome]
"""Carries out a planned run on a bench: :func:`r50bench.mlperf.run.loadgen_run.run_mlperf`."""


@dataclass(frozen=True)
class Answer:
    """A valid LoadGen record and its folder in the store; ``produced`` just now or before."""

    record: Record
    folder: Path
    produced: bool


class AnswerStore:
    """The results for ``host`` in the store of ``assets``, which what is run resolves with too."""

    def __init__(self, assets: AssetResolver, host: Host, progress: Progress) -> None:
        self._store = assets.store
        self._host = host
        self._progress = progress
        self._assets = assets

    def answer(self, planned: Planned, run: Run) -> Answer:
        """Returns the stored result of ``planned``, running it first where there is none.

        The network is asked only where there is no result with the weights that the cache holds.

        Raises:
            RunFailed: the run failed, or LoadGen calls it INVALID; nothing is stored.
        """
        case = planned.case
        need_real = case.mode == "accuracy"
        kept = kept_weights(case.weights, self._store, need_real=need_real, seed=case.seed)
        identity = None if kept is None else self._identity(planned, kept)
        if identity is not None and (found := self._find(planned, identity)) is not None:
            return found
        weights = self._assets.weights(case)
        if identity is None or identity.weights_sha256 != weights.sha256:
            identity = self._identity(planned, weights)
            if (found := self._find(planned, identity)) is not None:
                return found
        return self._produce(planned, identity, run)

    def likely(self, planned: Planned) -> Entry | None:
        """Returns the stored result that answers ``planned`` if weights and pictures are the same.

        Nothing is fetched, prepared or verified for it.
        """
        for entry in self._store.entries():
            parts = entry.source.get("parts")
            if (
                entry.kind == KIND
                and isinstance(parts, Mapping)
                and asks_the_same(parts, planned, self._host)
            ):
                return entry
        return None

    def _identity(self, planned: Planned, weights: Weights) -> Identity:
        return identify(planned, self._host, weights, self._assets)

    def _find(self, planned: Planned, identity: Identity) -> Answer | None:
        """Returns the entry if every byte is as it was stored; removes it if not."""
        key = _key(planned, identity)
        folder = self._store.find(KIND, key)
        if folder is None:
            return None
        damage = self._store.verify(folder)
        if damage:
            text = f"the stored result {key} is damaged ({damage[0]}): running again"
            self._progress.warn(Notice("damaged-result", text))
            self._store.remove(KIND, key)
            return None
        return Answer(read_record(folder), folder, produced=False)

    def _produce(self, planned: Planned, identity: Identity, run: Run) -> Answer:
        provenance: dict[str, Any] = {"query": planned.loadgen.name, "parts": identity.parts}

        def make(entry: Path) -> None:
            outcome = run(planned)
            _refuse_unusable(outcome, identity)
            provenance["source"] = f"run {outcome.record.id}"
            shutil.copytree(outcome.folder, entry, dirs_exist_ok=True)

        folder = self._store.produce(
            KIND, _key(planned, identity), make, provenance, self._progress
        )
        return Answer(read_record(folder), folder, produced="source" in provenance)


def _key(planned: Planned, identity: Identity) -> str:
    return identity.key(f"{planned.loadgen.name}-{planned.case.precision}")


def _refuse_unusable(outcome: Outcome, identity: Identity) -> None:
    """Refuses what may not be stored as the answer.

    Raises:
        RunFailed: the run failed, is INVALID to LoadGen, or ran something else than was asked.
    """
    record = outcome.record
    if outcome.error is not None:
        raise outcome.error
    if record.status != "valid" or record.loadgen is None:
        raise RunFailed(
            f"{record.id} is no valid LoadGen run: {record.reason or 'no reason given'}"
        )
    if record.loadgen.verdict == "INVALID":
        said = "; ".join(record.loadgen.errors) or "its summary says why"
        raise RunFailed(
            f"LoadGen calls the run INVALID: {said}",
            hint=f"its logs: {outcome.folder / 'loadgen'}",
        )
    weights = record.model.sha256 if record.model else None
    data = record.data.sha256 if record.data else None
    if (weights, data) != (identity.weights_sha256, identity.data_sha256):
        raise RunFailed(
            "weights or pictures changed while the run was prepared: its result is not stored",
            hint="ask again",
        )
