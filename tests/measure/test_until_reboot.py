"""What is kept until the machine boots again: found until then, replaced, and gone afterwards.

Of looks at cores, what is faster is kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.assets.store import Store
from r50bench.measure.until_reboot import FullSpeeds, UntilReboot
from support import synthetic_hosts
from support.records import case_of

HOST = synthetic_hosts.two_core_vm()
CORES = ((0,), (1,))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def booted(tmp_path, store):
    """Returns what is kept by a machine of the boot that is named."""

    def booted(name: str) -> UntilReboot[tuple[int, ...]]:
        file = tmp_path / "proc/sys/kernel/random/boot_id"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        return UntilReboot("things", tuple[int, ...], store, HOST, tmp_path)

    return booted


def test_a_value_is_found_under_its_parts_and_replaced(booted):
    kept = booted("first")
    assert kept.find("a", [1]) is None
    kept.keep((1, 2), "a", [1], source="a test")
    kept.keep((3,), "b", source="a test")
    assert booted("first").find("a", [1]) == (1, 2)
    kept.keep((5, 6), "a", [1], source="a test")
    assert (kept.find("a", [1]), kept.find("b")) == ((5, 6), (3,))


def test_another_boot_finds_nothing_and_removes_what_it_no_longer_needs(booted, store):
    booted("first").keep((1,), "a", source="a test")
    second = booted("second")
    assert second.find("a") is None
    second.keep((2,), "a", source="a test")
    assert len(store.entries()) == 1


def test_what_is_damaged_is_removed_and_not_found(booted, store):
    kept = booted("first")
    kept.keep((1,), "a", source="a test")
    (entry,) = store.entries()
    (entry.path / "value.json").write_text('["x"]')
    assert kept.find("a") is None
    assert store.entries() == ()


def test_a_machine_that_does_not_tell_its_boot_keeps_nothing(tmp_path: Path, store):
    kept = UntilReboot("things", tuple[int, ...], store, HOST, tmp_path)
    kept.keep((1,), "a", source="a test")
    assert kept.find("a") is None
    assert store.entries() == ()


@pytest.fixture
def speeds(tmp_path, store, booted):
    booted("first")
    return FullSpeeds(store, HOST, tmp_path)


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
