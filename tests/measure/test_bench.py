"""The bench: what it makes once for all that is measured with it."""

from __future__ import annotations

import pytest

from r50bench.assets.store import Store
from r50bench.measure.bench import AssetResolver
from r50bench.notices import Silent
from support import synthetic_hosts

HOST = synthetic_hosts.two_core_vm()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_the_loop_that_looks_at_cores_is_built_once(store, monkeypatch):
    first, why_not = AssetResolver(store, Silent()).canary(HOST)
    assert not why_not
    before = first.stat()
    monkeypatch.setattr("r50bench.host.toolchain.compile_here", None)
    assert AssetResolver(store, Silent()).canary(HOST) == (first, "")
    assert first.stat() == before


def test_without_a_compiler_nothing_looks_at_cores_and_a_note_says_so_once(store, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    said = []
    progress = Silent()
    progress.note = said.append
    assets = AssetResolver(store, progress)
    assert assets.canary(HOST) == assets.canary(HOST)
    library, why_not = assets.canary(HOST)
    assert library is None
    assert why_not.startswith("whether cores are at full speed is not known")
    assert "CXX=no-such-compiler is no program here" in why_not
    (note,) = said
    assert note.startswith("no canary: whether cores")
    assert "apt install g++" in note


def test_a_loop_that_came_with_the_cache_serves_without_a_compiler(store, monkeypatch):
    kept = AssetResolver(store, Silent()).canary(HOST)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert AssetResolver(store, Silent()).canary(HOST) == kept
