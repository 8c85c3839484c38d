"""One run at a time on a host."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from r50bench.errors import RunFailed
from r50bench.fleet import host_turn as module
from r50bench.fleet import node_folder
from r50bench.fleet.host_turn import host_turn
from r50bench.notices import Notice


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """How long was slept, in a time that passes by nothing else."""
    slept: list[float] = []
    monkeypatch.setattr(node_folder, "private_folder", lambda: tmp_path)
    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(module, "others_on", lambda cpus: ())
    return slept


def test_a_free_host_is_had_at_once(slept: list[float]) -> None:
    with host_turn(60.0, pytest.fail):
        pass
    assert slept == []


def test_another_fleet_is_waited_for_as_long_as_may_be(slept: list[float]) -> None:
    said: list[str] = []
    with (
        host_turn(60.0, pytest.fail),
        pytest.raises(RunFailed, match=r"not free within 3.5 s: another node of this host"),
        host_turn(3.5, said.append),
    ):
        pass
    assert slept == [1.0, 1.0, 1.0, 0.5]
    assert said == ["waits: another node of this host, or another fleet, has its turn"]
    with host_turn(0.0, pytest.fail):
        pass


def test_one_who_measures_by_hand_is_waited_for(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def others(cpus: Iterable[int]) -> tuple[Notice, ...]:
        return (Notice("shared-cores", "pid 7 is measuring"),) if len(slept) < 2 else ()

    monkeypatch.setattr(module, "others_on", others)
    said: list[str] = []
    with host_turn(60.0, said.append):
        pass
    assert slept == [1.0, 1.0]
    assert said == ["waits: pid 7 is measuring"]
