"""The canary's library is built once; what it found of a machine is kept where it is faster."""

from __future__ import annotations

import pytest

from r50bench.assets.store import Store
from r50bench.errors import EngineError
from r50bench.measure.bench import AssetResolver
from r50bench.measure.canary_library import FullSpeeds, canary_library
from r50bench.notices import Silent
from support import synthetic_hosts
from support.records import case_of

HOST = synthetic_hosts.two_core_vm()
CORES = ((0,), (1,))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def speeds(tmp_path, store):
    file = tmp_path / "proc/sys/kernel/random/boot_id"
    file.parent.mkdir(parents=True)
    file.write_text("first")
    return FullSpeeds(store, HOST, tmp_path)


def test_the_library_is_built_once(store, monkeypatch):
    first = canary_library(HOST, store, Silent())
    before = first.stat()
    monkeypatch.setattr("r50bench.measure.canary_library.compile_here", None)
    assert canary_library(HOST, store, Silent()) == first
    assert first.stat() == before


def test_without_a_compiler_it_is_absent_and_a_note_says_so_once(store, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(EngineError, match="whether cores are at full speed is not known"):
        canary_library(HOST, store, Silent())
    said = []
    progress = Silent()
    progress.note = said.append
    assets = AssetResolver(store, progress)
    assert assets.canary(HOST) == assets.canary(HOST)
    library, why_not = assets.canary(HOST)
    assert library is None
    assert "CXX=no-such-compiler is no program here" in why_not
    (note,) = said
    assert note.startswith("no canary: whether cores")
    assert "apt install g++" in note


def test_a_library_that_came_with_the_cache_serves_without_a_compiler(store, monkeypatch):
    kept = canary_library(HOST, store, Silent())
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert canary_library(HOST, store, Silent()) == kept


def test_nothing_is_known_at_first_and_then_what_was_found(speeds):
    case = case_of(precision="avx_int8")
    assert speeds.known(case, CORES) == (None, None)
    speeds.learn(case, CORES, {0: 1700.0})
    assert speeds.known(case, CORES) == (1700, None)


def test_only_what_is_faster_by_more_than_a_hair_takes_its_place(speeds, store):
    case = case_of(precision="avx_int8")
    speeds.learn(case, CORES, {0: 1700.0, 1: 1700.0})
    entries = store.entries()
    speeds.learn(case, CORES, {0: 1690.0, 1: 3000.0})
    assert store.entries() == entries
    speeds.learn(case, CORES, {0: 1600.0, 1: 3000.0})
    assert speeds.known(case, CORES) == (1600, 1700)


def test_other_precisions_and_cores_have_speeds_of_their_own(speeds):
    case = case_of(precision="avx_int8")
    speeds.learn(case, CORES, {0: 1700.0, 1: 1700.0})
    assert speeds.known(case_of(precision="avx_fp32"), CORES) == (None, None)
    assert speeds.known(case, ((0, 1),)) == (None,)
