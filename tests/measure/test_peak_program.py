"""The peak is built and measured once per boot, here with a compiler that is a script."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.assets.store import Store
from r50bench.errors import AssetError, EngineError, Unsupported, UsageError
from r50bench.host.isa import native_precisions
from r50bench.host.topology import read_host
from r50bench.measure.bench import AssetResolver, scripted_limit
from r50bench.measure.measured_peak import limit_of
from r50bench.measure.peak_program import ensure_peak
from r50bench.notices import Notice, Silent, unsteady_peak
from r50bench.results.record import Limit
from support import synthetic_hosts
from support.compilers import STEADY_RATES, write_compiler_of_peak
from support.records import case_of

HOST = synthetic_hosts.two_core_vm()


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def warn(self, notice: Notice) -> None:
        self.said.append(str(notice))


class Machine:
    """A root whose boot can be changed, a compiler that is a script, and a store."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.log = folder / "log"
        self.log.write_text("")
        self.store = Store(folder / "store")
        self.store.root.mkdir()
        self.compiler = folder / "compiler"
        self.compile_to(STEADY_RATES)
        self.boot("first")

    def boot(self, name: str) -> None:
        file = self.root / "proc/sys/kernel/random/boot_id"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n")

    def compile_to(self, rates: str) -> None:
        """Has the compiler make a program that prints ``rates``; both leave a line in the log."""
        write_compiler_of_peak(self.compiler, rates, self.log)

    def done(self) -> list[str]:
        lines = self.log.read_text().split()
        self.log.write_text("")
        return lines

    def peak(self, cpus=(0, 1), progress=None):
        return ensure_peak(HOST, cpus, self.store, progress or Silent(), self.root)


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("CXX", str(machine.compiler))
    return machine


def test_the_peak_is_built_and_measured_once_and_then_found(machine):
    first = machine.peak()
    assert machine.done() == ["built", "measured"]
    assert machine.peak() == first
    assert machine.done() == []


def test_other_cpus_are_measured_with_the_same_program(machine):
    machine.peak()
    machine.done()
    with pytest.raises(Exception, match="printed"):  # two rates for three CPUs
        machine.peak((0, 1, 2))
    assert machine.done() == ["measured"]


def test_another_boot_measures_again_and_forgets_the_one_before(machine):
    machine.peak()
    machine.boot("second")
    machine.done()
    machine.peak()
    assert machine.done() == ["measured"]
    assert sum(entry.kind == "peaks" for entry in machine.store.entries()) == 1


def test_a_machine_that_does_not_tell_its_boot_is_measured_each_time(machine):
    (machine.root / "proc/sys/kernel/random/boot_id").unlink()
    machine.peak()
    machine.peak()
    assert machine.done() == ["built", "measured", "measured"]


def test_another_compiler_builds_and_measures_again(machine):
    machine.peak()
    machine.done()
    machine.compiler.write_text(machine.compiler.read_text().replace("1.0;", "2.0;"))
    machine.peak()
    assert machine.done() == ["built", "measured"]


def test_rounds_that_disagree_are_measured_again_and_never_kept(machine):
    unsteady = STEADY_RATES + STEADY_RATES.replace("9.0e+11", "5.0e+11") * 2
    machine.compile_to(unsteady)
    limit = limit_of(machine.peak(), "avx_int8")
    assert (limit.gop_per_s, limit.steady) == (1850, False)
    assert machine.done() == ["built", *["measured"] * 3]
    machine.peak()
    assert machine.done() == ["measured"] * 3


def test_a_limit_holds_the_precision_s_own_instruction_in_units_of_1e9(machine):
    limit = limit_of(machine.peak(), "avx_int8")
    assert (limit.instruction, limit.gop_per_s) == ("vpdpbusd_512", 1850)
    assert (limit.read_gb_per_s, limit.triad_gb_per_s) == (45, 65)
    assert limit.cpus == (0, 1)


def test_that_rounds_disagreed_is_told_once_and_what_they_gave_is_taken(machine):
    machine.compile_to(STEADY_RATES + STEADY_RATES.replace("9.0e+11", "5.0e+11") * 2)
    notes = Notes()
    assets = AssetResolver(machine.store, notes)
    case = case_of(cores_per_instance=1)
    limit = assets.limit_if_known(case, HOST)
    assert isinstance(limit, Limit)
    assert assets.limit_if_known(case, HOST) == limit
    assert notes.said == [str(unsteady_peak())]


def test_without_a_compiler_the_peak_is_absent_and_not_guessed(machine, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(EngineError, match="CXX=no-such-compiler is no program") as refused:
        machine.peak()
    assert "apt install g++" in refused.value.hint
    notes = Notes()
    assets = AssetResolver(machine.store, notes)
    case = case_of(cores_per_instance=1)
    told = assets.limit_if_known(case, HOST)
    assert isinstance(told, Notice)
    assert assets.limit_if_known(case, HOST) == told
    assert notes.said == [str(told)]
    assert told.code == "no-peak"
    assert "apt install g++" in told.mend


def test_without_a_compiler_a_program_that_came_with_the_cache_measures(machine, monkeypatch):
    first = machine.peak()
    assert machine.done() == ["built", "measured"]
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert machine.peak() == first
    assert machine.done() == []
    machine.boot("on another machine")
    machine.peak()
    assert machine.done() == ["measured"]


def test_a_program_for_another_cpu_is_not_taken(machine, monkeypatch):
    machine.peak()
    monkeypatch.setenv("CXX", "no-such-compiler")
    other = synthetic_hosts.host_of([[2]], model="spr")
    with pytest.raises(EngineError, match="is no program"):
        ensure_peak(other, (0, 1), machine.store, Silent(), machine.root)


def test_a_store_that_can_only_be_read_costs_a_second_and_no_figure(machine, monkeypatch):
    first = machine.peak()
    machine.boot("second")
    machine.done()

    def refuse(*args: object, **words: object) -> None:
        raise AssetError("the cache cannot be written")

    monkeypatch.setattr(Store, "produce", refuse)
    monkeypatch.setattr(Store, "remove", refuse)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert replace(machine.peak(), measured=first.measured) == first
    assert machine.done() == ["measured"]


def test_a_compiler_that_fails_is_named_with_its_first_words(machine):
    machine.compiler.write_text("#!/bin/sh\necho 'error: unknown flag -march' >&2\nexit 1\n")
    with pytest.raises(EngineError, match=r"cannot build .* unknown flag -march"):
        machine.peak()
    assert machine.store.entries() == ()


def test_a_compiler_that_fails_on_amx_alone_costs_the_figure_of_amx(machine):
    words = machine.compiler.read_text()
    refuse = """case "$*" in *-DWITHOUT_TILES*) ;; *)
    echo 'peak.cpp: In function f' >&2; echo 'x.s:9: Error: no such instruction: ldtilecfg' >&2
    exit 1;;
esac
"""
    machine.compiler.write_text(words.replace("echo built", refuse + "echo built"))
    host = synthetic_hosts.host_of([[2]], model="spr")
    notes = Notes()
    measured = ensure_peak(host, (0, 1), machine.store, notes, machine.root)
    assert "the peak of AMX is left out" in notes.said[0]
    assert "Error: no such instruction: ldtilecfg" in notes.said[0]
    assert limit_of(measured, "avx_int8").gop_per_s == 1850
    with pytest.raises(Unsupported, match="tdpbusd is known to this CPU, but not to the C"):
        limit_of(measured, "amx_int8")
    without = synthetic_hosts.two_core_vm()
    with pytest.raises(EngineError, match="cannot build"):
        ensure_peak(without, (0, 1), machine.store, notes, machine.root)


def test_what_keeps_a_peak_from_being_measured_is_said_whole(machine):
    machine.compile_to("broken")
    notes = Notes()
    assets = AssetResolver(machine.store, notes)
    case = case_of(precision="avx_int8", cores_per_instance=1)
    assert isinstance(assets.limit_if_known(case, HOST), Notice)
    assert "printed 'broken'" in notes.said[-1]
    assert "None" not in notes.said[-1]


def test_an_emulator_s_speed_is_no_peak_of_the_cpu_it_shows(machine):
    notes = Notes()
    emulated = replace(synthetic_hosts.graviton3(), emulated_on="AMD EPYC 9755")
    case = case_of(precision="arm_fp32", cores_per_instance=1)
    told = AssetResolver(machine.store, notes).limit_if_known(case, emulated)
    assert isinstance(told, Notice)
    assert "an emulated aarch64 has none" in notes.said[-1]
    assert machine.log.read_text() == ""


def test_a_precision_without_its_instruction_has_no_limit_and_says_so(machine):
    notes = Notes()
    assets = AssetResolver(machine.store, notes)
    case = case_of(precision="amx_int8", cores_per_instance=1)
    assert isinstance(assets.limit_if_known(case, HOST), Notice)
    assert "tdpbusd" in notes.said[-1]


def test_the_fake_engine_s_limit_is_its_script_s():
    case = case_of(engine="fake", customer_env=(("FAKE_PEAK", "950,23.5"),))
    limit = scripted_limit(case, (0, 1))
    assert (limit.gop_per_s, limit.read_gb_per_s, limit.cpus) == (950, 23.5, (0, 1))
    assert scripted_limit(case_of(engine="fake"), (0,)) is None
    with pytest.raises(UsageError, match="FAKE_PEAK"):
        scripted_limit(case_of(engine="fake", customer_env=(("FAKE_PEAK", "fast"),)), (0,))


@pytest.mark.real_engine
def test_this_machine_has_a_peak_for_each_of_its_precisions(tmp_path):
    if not any(shutil.which(name) for name in ("g++", "clang++")):
        pytest.skip("no C++ compiler")
    host = read_host()
    cpus = [core.cpus[0] for core in host.cores[:1]]
    assert set(cpus) <= os.sched_getaffinity(0)
    measured = ensure_peak(host, cpus, Store(tmp_path), Silent())
    limits = [limit_of(measured, precision) for precision in native_precisions(host)]
    # No core that has these instructions does less than 5 or more than 100,000 GOP/s.
    assert all(5 < limit.gop_per_s < 100_000 for limit in limits)
    assert all(0.5 < limit.read_gb_per_s < 2_000 for limit in limits)
