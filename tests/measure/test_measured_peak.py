"""A peak that was measured: what bounds a precision, and when a kept one counts no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.assets.store import Store
from r50bench.errors import Unsupported
from r50bench.measure.measured_peak import MeasuredPeak, keep_peak, known_peak, limit_of
from support import synthetic_hosts
from support.compilers import write_compiler
from support.machine_tree import MachineTree

HOST = synthetic_hosts.two_core_vm()
MISSING = {"tdpbusd": "was ended by SIGILL (Illegal instruction)"}


def peak_of(**rates: tuple[float, float]) -> MeasuredPeak:
    memory = (1.0e10, 2.0e10)
    return MeasuredPeak((0, 1), rates, memory, memory, MISSING, "2026-01-31T00:00:00+00:00")


def test_a_precision_is_bound_by_the_widest_instruction_that_is_there() -> None:
    both = peak_of(vpdpbusd_256=(1e11, 1e11), vpdpbusd_512=(9e11, 8e11))
    limit = limit_of(both, "avx_int8")
    assert (limit.instruction, limit.gop_per_s) == ("vpdpbusd_512", 1700)
    narrow = limit_of(peak_of(vpdpbusd_256=(1e11, 1e11)), "avx_int8")
    assert (narrow.instruction, narrow.gop_per_s) == ("vpdpbusd_256", 200)


def test_a_precision_whose_instruction_is_missing_is_refused_by_its_name() -> None:
    with pytest.raises(Unsupported, match=r"avx_bfloat16 is not known: this CPU has no vdpbf16ps"):
        limit_of(peak_of(), "avx_bfloat16")


def test_an_instruction_that_could_not_be_carried_out_says_why() -> None:
    with pytest.raises(Unsupported, match=r"amx_int8 is not known: tdpbusd was ended by SIGILL"):
        limit_of(peak_of(), "amx_int8")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    compiler = tmp_path / "compiler"
    write_compiler(compiler, "exit 1")
    monkeypatch.setenv("CXX", str(compiler))
    (tmp_path / "store").mkdir()
    return Store(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    machine = MachineTree(tmp_path / "root")
    machine.write("/proc/sys/kernel/random/boot_id", "first\n")
    return machine


def test_a_kept_peak_is_known_for_its_own_cpus_until_the_machine_boots(
    store: Store, tree: MachineTree
) -> None:
    peak = peak_of(vpdpbusd_512=(9e11, 8e11))
    assert known_peak(HOST, (0, 1), store, tree.root) is None
    keep_peak(peak, HOST, store, tree.root)
    assert known_peak(HOST, (0, 1), store, tree.root) == peak
    assert known_peak(HOST, (0,), store, tree.root) is None
    tree.write("/proc/sys/kernel/random/boot_id", "second\n")
    assert known_peak(HOST, (0, 1), store, tree.root) is None


@pytest.mark.parametrize("damage", ["", "{}", '{"cpus": [0, 1], "peak": {}}'])
def test_a_damaged_peak_is_unknown_and_removed(
    store: Store, tree: MachineTree, damage: str
) -> None:
    keep_peak(peak_of(), HOST, store, tree.root)
    (entry,) = store.entries()
    file = entry.path / "value.json"
    file.write_text(damage.ljust(file.stat().st_size))  # the store looks at sizes
    assert known_peak(HOST, (0, 1), store, tree.root) is None
    assert store.entries() == ()
