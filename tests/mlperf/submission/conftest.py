"""Folders of LoadGen runs. LoadGen runs once per kind; tests get copies that they may edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r50bench.results.record import Accuracy
from support import loadgen_records

MakeRun = Callable[..., Path]


@pytest.fixture(scope="session")
def loadgen_logs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Returns the logs of a kind of run, running LoadGen for the first who asks."""
    base = tmp_path_factory.mktemp("loadgen")

    def logs(scenario: str, part: str, pictures: int, seeds: str) -> Path:
        folder = base / f"{scenario}-{part}-{pictures}-{seeds}"
        if not folder.exists():
            loadgen_records.run_loadgen(folder, scenario, part, pictures=pictures, seeds=seeds)
        return folder

    return logs


@pytest.fixture
def make_run(loadgen_logs: Callable[..., Path], tmp_path: Path) -> MakeRun:
    """Writes the folder of one shortened run: 20 pictures, of which 19 are right."""

    def make(
        scenario: str, part: str, *, pictures: int = 20, seeds: str = "v5.1", **changes: Any
    ) -> Path:
        good = 19 if pictures == 20 else 38_065
        changes.setdefault(
            "accuracy", Accuracy(pictures, good, good) if part in ("accuracy", "both") else None
        )
        folder = tmp_path / "runs" / f"{scenario}-{part}"
        logs = loadgen_logs(scenario, part, pictures, seeds)
        return loadgen_records.write_run(logs, folder, scenario, part, **changes)

    return make


@pytest.fixture
def make_official_run(make_run: MakeRun) -> MakeRun:
    """Writes the folder of one run of official size: 50,000 pictures, ten minutes."""

    def make(scenario: str, part: str, *, log: dict[str, Any] | None = None, **more: Any) -> Path:
        log = loadgen_records.OFFICIAL | (log or {})
        return make_run(scenario, part, pictures=50_000, log=log, **more)

    return make
