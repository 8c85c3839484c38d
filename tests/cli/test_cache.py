"""``r50bench cache`` and ``work_collection , remove``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from r50bench.assets.store import Store
from support.command_line import Call


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with two weights and one result, of which the command line knows."""
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path))
    store = Store(tmp_path.resolve())
    for kind, key in (("weights", "v1"), ("weights", "v1.5"), ("loadgen_output", "Offline-1")):
        store.produce(
            kind,
            key,
            lambda folder: (folder / "bytes").write_bytes(b"x" * 2048) and None,
            {"url": f"https://example.org/{key}"},
        )
    return store


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.entries()]


def test_the_list_says_what_is_kept_how_large_how_old_and_from_where(
    r50bench_here: Call, store: Store
) -> None:
    lines = r50bench_here("cache", "list").out.splitlines()
    assert lines[0].split() == ["entry", "size", "age", "sha256", "source"]
    digest = store.entries()[1].sha256[:12]
    assert lines[3].split()[:3] == ["weights/v1", "2.0", "KiB"]
    assert lines[3].split()[-2:] == [digest, "https://example.org/v1"]
    assert lines[-1] == f"6.0 KiB in {store.root}"
    data = json.loads(r50bench_here("cache", "list", "--json").out)
    assert [(one["kind"], one["key"], one["size"], one["whole"]) for one in data] == [
        ("loadgen_output", "Offline-1", 2048, True),
        ("weights", "v1", 2048, True),
        ("weights", "v1.5", 2048, True),
    ]


def test_the_list_shortens_the_hashes_in_a_source(r50bench_here: Call, store: Store) -> None:
    digests = ["ab" * 32, "cd" * 32]
    source = ", ".join(f"{name}.h, sha256 {of}" for name, of in zip("xy", digests, strict=True))
    store.produce(
        "canaries", "x86_64-1", lambda folder: (folder / "it").touch(), {"source": source}
    )
    lines = r50bench_here("cache", "list").out.splitlines()
    assert max(map(len, lines)) <= 100
    text = " ".join(lines)
    assert all(of[:12] in text and of[:13] not in text for of in digests)
    assert source in r50bench_here("cache", "show", "canaries").out


def test_an_entry_is_shown_with_its_source_and_the_hash_of_every_file(
    r50bench_here: Call, store: Store
) -> None:
    (shown,) = json.loads(r50bench_here("cache", "show", "weights/v1").out)
    assert shown["source"] == {"url": "https://example.org/v1"}
    assert shown["files"] == {"bytes": shown["sha256"]}
    assert len(json.loads(r50bench_here("cache", "show", "weights").out)) == 2
    assert len(json.loads(r50bench_here("cache", "show", "Off", "loadgen_output").out)) == 1


def test_damage_is_found_whether_bytes_changed_or_are_missing(
    r50bench_here: Call, store: Store
) -> None:
    assert r50bench_here("cache", "verify").code == 0
    (store.root / "weights" / "v1" / "bytes").write_bytes(b"y" * 2048)
    (store.root / "weights" / "v1.5" / "bytes").write_bytes(b"")
    answer = r50bench_here("cache", "verify")
    assert answer.code == 3
    assert "weights/v1: bytes is not what was stored" in answer.out
    assert "loadgen_output/Offline-1: as it was stored" in answer.out
    assert "2 damaged: weights/v1, weights/v1.5" in answer.err
    assert r50bench_here("cache", "verify", "loadgen_output").code == 0
    listed = r50bench_here("cache", "list").out
    assert "! damaged" in next(line for line in listed.splitlines() if "v1.5" in line)


@pytest.mark.parametrize(
    ("args", "left"),
    [
        (["weights/v1"], ["Offline-1", "v1.5"]),
        (["weights"], ["Offline-1"]),
        (["Offline-"], ["v1", "v1.5"]),
        (["weights", "loadgen_output"], []),
        (["--all"], []),
    ],
)
def test_what_is_named_is_removed(
    r50bench_here: Call, store: Store, args: list[str], left: list[str]
) -> None:
    answer = r50bench_here("cache", "remove", "--yes", *args)
    assert answer.code == 0, answer.err
    assert keys(store) == left


def test_nothing_is_removed_unasked(r50bench_here: Call, store: Store) -> None:
    answer = r50bench_here("cache", "remove", "--all")
    assert answer.code == 2
    assert "--yes" in answer.err
    assert len(keys(store)) == 3


@pytest.mark.parametrize(("reply", "code", "left"), [("y\n", 0, 0), ("n\n", 130, 3), ("", 130, 3)])
def test_the_user_at_the_terminal_is_asked(
    r50bench_here: Call, store: Store, monkeypatch: pytest.MonkeyPatch, reply: str, code: int,
    left: int,
) -> None:  # fmt: skip
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(reply))
    answer = r50bench_here("work_collection", ",", "remove")
    assert (answer.code, len(keys(store))) == (code, left)
    assert "Remove what is listed, 6.0 KiB" in answer.err


@pytest.mark.parametrize("words", [[",", "remove"], ["remove"], [",remove"], [", remove"]])
def test_the_workflow_s_own_words_remove_everything(
    r50bench_here: Call, store: Store, words: list[str]
) -> None:
    # As it stands in the workflow, where a script runs it and nobody is there to be asked.
    assert r50bench_here("work_collection", *words).code == 0
    assert keys(store) == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["cache", "remove", "--yes"], "say what to remove"),
        (["cache", "remove", "--yes", "--all", "weights"], "say what to remove"),
        (["cache", "remove", "--yes", "wieghts"], "did you mean weights"),
        (["cache", "show", ""], "nothing that is kept"),
        (["cache", "verify", "nothing"], "nothing that is kept"),
        (["work_collection"], "work_collection , remove"),
        (["work_collection", ",", "destroy"], "work_collection , remove"),
    ],
)
def test_what_is_not_there_is_said(
    r50bench_here: Call, store: Store, args: list[str], message: str
) -> None:
    answer = r50bench_here(*args)
    assert answer.code == 2
    assert message in answer.err
    assert len(keys(store)) == 3


def test_an_empty_store_is_said(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path))
    assert "nothing is kept" in r50bench_here("cache", "list").out
    assert r50bench_here("cache", "verify").code == 0
    assert r50bench_here("cache", "remove", "--all").code == 0
