"""The folder in which a node works."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.errors import RunFailed
from r50bench.fleet import node_folder as module
from r50bench.fleet.node_folder import fleet_folder, node_folder


@pytest.fixture(autouse=True)
def private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "private_folder", lambda: tmp_path)


def test_it_is_new_and_gone_afterwards() -> None:
    with node_folder() as one, node_folder() as two:
        assert one != two
        (one / "file").write_text("something")
    assert not one.exists()
    assert not two.exists()


def test_what_a_killed_one_has_left_is_removed_and_what_one_at_work_has_is_not() -> None:
    left = fleet_folder() / "4711-0123abcd"
    left.mkdir()
    (left / "record.json").write_text("{}")
    with node_folder() as working:
        assert not left.exists()
        with node_folder():
            assert working.exists()


def test_where_nothing_temporary_can_be_written_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "private_folder", lambda: None)
    with pytest.raises(RunFailed, match="nothing temporary can be written"), node_folder():
        pass
