from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from r50bench.assets.store import Store, default_store
from r50bench.errors import AssetError

MAKER = """
import sys, time
from pathlib import Path
from r50bench.assets.store import Store

root, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def make(folder):
    (folder / "bytes").write_bytes(b"made")
    with log.open("a") as file:
        file.write("made\\n")
    time.sleep(seconds)

print(Store(root).produce("weights", "slow", make, {"from": "a test"}))
"""


def start_maker(root: Path, log: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKER, str(root), str(log), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def write_one(folder: Path) -> None:
    (folder / "one").write_bytes(b"1")


def wait_until_started(log: Path) -> None:
    deadline = time.monotonic() + 30
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def leftovers(store: Store) -> list[Path]:
    return list((store.root / ".making").iterdir())


def test_an_entry_is_made_once_and_found_again(store: Store):
    assert store.find("weights", "a-1.0") is None
    path = store.produce("weights", "a-1.0", write_one, {})
    again = store.produce("weights", "a-1.0", lambda folder: pytest.fail("made twice"), {})
    assert path == again == store.find("weights", "a-1.0") == store.root / "weights" / "a-1.0"
    assert (path / "one").read_bytes() == b"1"
    assert leftovers(store) == []


def test_provenance_says_where_from_when_and_which_bytes(store: Store):
    def make(folder: Path) -> None:
        write_one(folder)
        (folder / "sub").mkdir()
        (folder / "sub" / "two").write_bytes(b"22")
        source["found"] = "while making"

    source = {"url": "https://example.org/x"}
    path = store.produce("weights", "a", make, source)
    record = json.loads((path / "provenance.json").read_text())
    assert record["source"] == {"url": "https://example.org/x", "found": "while making"}
    assert record["created"].endswith("+00:00")
    assert record["files"]["one"] == {
        "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        "size": 1,
    }
    assert record["files"]["sub/two"]["size"] == 2


def test_of_two_processes_at_once_one_makes_and_both_get_the_entry(store: Store, tmp_path: Path):
    log = tmp_path / "log"
    makers = [start_maker(store.root, log, 0.5) for _ in range(2)]
    answers = [maker.communicate(timeout=30)[0].strip() for maker in makers]
    assert answers == [str(store.root / "weights" / "slow")] * 2
    assert log.read_text() == "made\n"


def test_who_must_wait_for_another_process_is_told(store: Store, tmp_path: Path, heard):
    log = tmp_path / "log"
    with start_maker(store.root, log, 0.5):
        wait_until_started(log)
        store.produce("weights", "slow", lambda folder: pytest.fail("made twice"), {}, heard)
    assert heard.notes == ["another process is making weights slow: waiting for it"]


def test_a_maker_killed_with_sigkill_leaves_no_entry_and_its_leftovers_are_swept(
    store: Store, tmp_path: Path
):
    log = tmp_path / "log"
    with start_maker(store.root, log, 60) as maker:
        wait_until_started(log)
        maker.send_signal(signal.SIGKILL)
    assert len(leftovers(store)) == 1
    assert store.find("weights", "slow") is None
    assert store.entries() == ()
    store.produce("pictures", "other", write_one, {})  # another key sweeps too
    assert leftovers(store) == []
    store.produce("weights", "slow", write_one, {})


def test_a_living_maker_is_not_swept(store: Store, tmp_path: Path):
    log = tmp_path / "log"
    with start_maker(store.root, log, 1) as maker:
        wait_until_started(log)
        store.produce("pictures", "other", write_one, {})
        assert len(leftovers(store)) == 1
        maker.wait(timeout=30)
    assert store.find("weights", "slow") is not None


def test_an_entry_may_be_made_while_making_another(store: Store):
    def make(folder: Path) -> None:
        inner = store.produce("weights", "inner", write_one, {})
        shutil.copy(inner / "one", folder / "one")

    outer = store.produce("compiled", "outer", make, {})
    assert (outer / "one").read_bytes() == b"1"


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_a_maker_that_raises_leaves_no_entry(store: Store, error: BaseException):
    def make(folder: Path) -> None:
        write_one(folder)
        raise error

    with pytest.raises(type(error)):
        store.produce("weights", "a", make, {})
    assert store.find("weights", "a") is None
    assert leftovers(store) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_named_and_the_space_is_given_back(store: Store):
    def make(folder: Path) -> None:
        write_one(folder)
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")

    with pytest.raises(AssetError, match="disk is full") as caught:
        store.produce("weights", "a", make, {})
    assert "R50BENCH_CACHE" in (caught.value.hint or "")
    assert leftovers(store) == []


def test_a_program_that_fails_on_a_full_disk_is_understood(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))

    def make(folder: Path) -> None:
        raise AssetError("npm said something")

    with pytest.raises(AssetError, match="disk is full"):
        store.produce("weights", "a", make, {})


def test_a_file_cut_short_makes_the_entry_anew(store: Store):
    path = store.produce("weights", "a", write_one, {})
    (path / "one").write_bytes(b"")
    assert store.find("weights", "a") is None
    assert store.entries() == ()
    store.produce("weights", "a", write_one, {})
    assert (path / "one").read_bytes() == b"1"
    assert leftovers(store) == []


def test_verify_reads_every_byte(store: Store):
    path = store.produce("weights", "a", write_one, {})
    assert store.verify(path) == ()
    (path / "one").write_bytes(b"2")
    assert store.verify(path) == ("one is not what was stored",)
    (path / "one").unlink()
    (path / "three").touch()
    assert store.verify(path) == ("one is missing", "three was not stored with the entry")
    (path / "provenance.json").write_text("{")
    assert store.verify(path) == ("provenance.json is missing or damaged",)


def test_entries_lists_what_is_kept(store: Store):
    store.produce("weights", "b", write_one, {"from": "there"})
    store.produce("pictures", "a", write_one, {})
    (store.incoming).mkdir()
    entries = store.entries()
    assert [(entry.kind, entry.key) for entry in entries] == [("pictures", "a"), ("weights", "b")]
    assert entries[1].source == {"from": "there"}
    assert entries[1].size == 1


@pytest.mark.parametrize("key", ["", "..", ".hidden", "a/b", "a@b", "a b", "x" * 200])
def test_a_key_must_be_fit_for_a_folder_name(store: Store, key: str):
    with pytest.raises(ValueError, match="not fit"):
        store.find("weights", key)


def test_the_default_store_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("R50BENCH_CACHE", raising=False)
    assert default_store().root == tmp_path / "home" / ".cache" / "r50bench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_store().root == tmp_path / "xdg" / "r50bench"
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "own"))
    assert default_store().root == tmp_path / "own"
    assert (tmp_path / "own").is_dir()


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(AssetError, match="cannot write to the cache") as caught:
        default_store()
    assert "R50BENCH_CACHE" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_only_be_read_serves_what_it_has(store: Store):
    path = store.produce("weights", "a", write_one, {})
    (store.root / ".making").chmod(0o500)
    try:
        assert store.produce("weights", "a", write_one, {}) == path
        with pytest.raises(AssetError, match="cannot write to the cache"):
            store.produce("weights", "b", write_one, {})
    finally:
        (store.root / ".making").chmod(0o700)


def test_a_read_only_file_system_is_named(store: Store, monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(store.root / ".making"))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(AssetError, match=r"cannot write to the cache .*: read-only file system"):
        store.produce("weights", "a", write_one, {})


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": {"a": 3}},
        {"files": {"a": {"sha256": "0", "size": "5"}}},
        {"files": {"../../outside": {"sha256": "0", "size": 0}}},
        {"files": {"nul\0": {"sha256": "0", "size": 0}}},
        {"source": "somewhere"},
        {"created": "yesterday"},
        {"created": None},
    ],
    ids=str,
)
def test_provenance_that_cannot_be_is_a_damaged_entry_and_hides_no_other(
    store: Store, change: dict[str, object]
):
    whole = store.produce("weights", "whole", write_one, {})
    bad = store.produce("weights", "bad", write_one, {})
    file = bad / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    assert [entry.path for entry in store.entries()] == [whole]
    assert store.incomplete() == (bad,)
    assert store.find("weights", "bad") is None
    assert store.verify(bad)


def test_provenance_nested_deep_or_without_end_is_a_damaged_entry(store: Store):
    bad = store.produce("weights", "bad", write_one, {})
    (bad / "provenance.json").write_text("[" * 9_000 + "]" * 9_000)
    assert store.incomplete() == (bad,)
    (bad / "provenance.json").unlink()
    os.mkfifo(bad / "provenance.json")
    assert store.incomplete() == (bad,)


def test_a_cache_that_is_removed_while_an_entry_is_made_says_so(store: Store):
    def make(folder: Path) -> None:
        shutil.rmtree(store.root)
        (folder / "file").write_text("too late")

    with pytest.raises(AssetError, match="was removed while weights x was being made"):
        store.produce("weights", "x", make, {})


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EDQUOT, errno.EROFS])
def test_what_the_system_refuses_while_an_entry_is_made_is_named(store: Store, number: int):
    def make(folder: Path) -> None:
        raise OSError(number, os.strerror(number), str(folder / "file"))

    with pytest.raises(AssetError) as caught:
        store.produce("weights", "x", make, {})
    assert caught.value.exit_code == 5
    assert str(store.root) in caught.value.message
