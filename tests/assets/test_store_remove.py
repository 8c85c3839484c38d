"""Removing entries of the store, and knowing those that are no longer whole."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from r50bench.assets.store import Store, sha256_of
from r50bench.errors import AssetError
from r50bench.results.files import Hold


def keep(store: Store, key: str, **files: str) -> Path:
    def make(folder: Path) -> None:
        for name, text in files.items():
            (folder / name).write_text(text)

    return store.produce("weights", key, make, {"url": "https://example.org"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_what_is_removed_is_gone_and_the_rest_stays(store: Store) -> None:
    keep(store, "a", one="1")
    keep(store, "b", one="1")
    assert store.remove("weights", "a") is True
    assert store.remove("weights", "a") is False
    assert store.find("weights", "a") is None
    assert [entry.key for entry in store.entries()] == ["b"]
    assert list((store.root / ".making").iterdir()) == []
    keep(store, "a", one="2")
    assert store.find("weights", "a") is not None


def test_removal_sweeps_what_dead_makers_left(store: Store) -> None:
    keep(store, "a", one="1")
    (store.root / ".making" / "weights@b@dead").mkdir()
    store.remove("weights", "a")
    assert list((store.root / ".making").iterdir()) == []


def test_an_entry_in_the_making_is_not_removed(store: Store) -> None:
    path = keep(store, "a", one="1")
    with (
        Hold(store.root / ".locks" / "weights@a.lock"),
        pytest.raises(AssetError, match="being made by another process"),
    ):
        store.remove("weights", "a")
    assert path.is_dir()


def test_entries_that_are_cut_or_lack_files_are_incomplete_and_can_be_removed(
    store: Store,
) -> None:
    keep(store, "whole", one="1")
    (keep(store, "cut", one="123") / "one").write_text("1")
    (keep(store, "nameless", one="1") / "provenance.json").unlink()
    (store.incoming / "by-hand").mkdir(parents=True)
    assert [path.name for path in store.incomplete()] == ["cut", "nameless"]
    assert [entry.key for entry in store.entries()] == ["whole"]
    for path in store.incomplete():
        assert store.remove("weights", path.name)
    assert store.incomplete() == ()
    assert (store.incoming / "by-hand").is_dir()


def test_an_entry_s_hash_is_its_file_s_or_one_over_all_names_and_hashes(store: Store) -> None:
    path = keep(store, "one", bytes="some")
    keep(store, "two", bytes="some", more="")
    keep(store, "renamed", bytes="some", less="")
    by_key = {entry.key: entry for entry in store.entries()}
    assert by_key["one"].sha256 == sha256_of(path / "bytes")
    assert len({entry.sha256 for entry in by_key.values()}) == 3
    assert by_key["two"].files.keys() == {"bytes", "more"}


@pytest.fixture
def no_folder_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders cannot be renamed from one place to another, as those of an image's layers."""
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.is_dir() and self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)


@pytest.mark.usefixtures("no_folder_moves")
def test_where_folders_cannot_be_moved_entries_are_made_replaced_and_removed(store: Store) -> None:
    path = keep(store, "a", one="1")
    (path / "one").write_text("cut" * 9)
    assert store.find("weights", "a") is None
    assert (keep(store, "a", one="2", two="3") / "one").read_text() == "2"
    assert store.verify(path) == ()
    assert store.remove("weights", "a") is True
    assert store.find("weights", "a") is None
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
    assert list((store.root / ".making").iterdir()) == []


def test_without_locks_two_may_make_one_entry_and_the_first_to_be_done_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", denied)

    def slow(folder: Path) -> None:
        (folder / "one").write_text("slow")
        keep(store, "a", one="quick")

    path = store.produce("weights", "a", slow, {})
    assert (path / "one").read_text() == "quick"
    assert store.verify(path) == ()
    assert list((store.root / ".making").iterdir()) == []
    assert store.remove("weights", "a") is True
