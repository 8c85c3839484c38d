from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from r50bench.host.doctor import examine, examine_machine
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import UNDERSTOOD_VARIABLES
from support import synthetic_hosts
from support.denied_calls import can_deny, denying
from support.machine_tree import MachineTree

TWO_CORES = synthetic_hosts.two_core_vm()
SMT_CORES = synthetic_hosts.two_smt_cores()
XEON = replace(SMT_CORES, vendor="GenuineIntel", family=6, model=0xCF, isa=frozenset({"avx512f"}))
AT_HOME = {"R50BENCH_CACHE": "/cache", "R50BENCH_DATA": "/data"}


@pytest.fixture
def healthy(tree: MachineTree, monkeypatch: pytest.MonkeyPatch) -> MachineTree:
    """A machine that nothing can be said against."""
    monkeypatch.setattr("r50bench.host.doctor.find_tcmalloc", lambda root: "/usr/lib/found.so")
    monkeypatch.setattr(os, "getpriority", lambda which, who: 0)
    tree.cpus([((cpu,), 0) for cpu in range(8)], online="0-7")
    tree.write("/proc/loadavg", "0.10 0.10 0.10 1/400 1234\n")
    tree.write("/proc/stat", "cpu  1000 0 0 0 0 0 0 0 0 0\n")
    tree.write("/proc/sys/kernel/numa_balancing", "0")
    tree.write("/sys/devices/system/cpu/cpufreq/boost", "1")
    for cpu in range(8):
        tree.write(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", "performance")
    return tree


def finding(tree: MachineTree, host: Host = TWO_CORES, **environ: str) -> Notice:
    found = examine(host, tree.root, AT_HOME | environ)
    assert len(found) == 1, found
    assert found[0].mend
    return found[0]


def test_a_healthy_host_gives_no_findings(healthy: MachineTree) -> None:
    assert examine(TWO_CORES, healthy.root, AT_HOME) == ()


def test_what_is_unknown_gives_no_findings(
    tree: MachineTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r50bench.host.doctor.find_tcmalloc", lambda root: "/usr/lib/found.so")
    monkeypatch.setattr(os, "getpriority", lambda which, who: 0)
    assert examine(synthetic_hosts.two_smt_cores(), tree.root, AT_HOME) == ()


def test_a_governor_other_than_performance_is_found_on_any_core(healthy: MachineTree) -> None:
    healthy.write("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "ondemand\n")
    found = finding(healthy)
    assert found.code == "governor"
    assert '"ondemand"' in found.text
    assert "cpupower" in found.mend


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/sys/devices/system/cpu/cpufreq/boost", "0"),
        ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1"),
    ],
)
def test_boost_switched_off_is_found(healthy: MachineTree, path: str, value: str) -> None:
    healthy.write(path, value)
    assert finding(healthy).code == "boost-off"


def test_other_work_that_runs_now_is_found(healthy: MachineTree) -> None:
    healthy.write("/proc/loadavg", "1.90 1.00 0.50 3/400 1234\n")
    found = finding(healthy)
    assert found.code == "load"
    assert "load average 1.9 on 2 cores" in found.text


def test_the_load_of_a_run_that_has_just_ended_is_not_held_against_anyone(
    healthy: MachineTree,
) -> None:
    healthy.write("/proc/loadavg", "1.90 1.00 0.50 1/400 1234\n")
    assert examine(TWO_CORES, healthy.root, AT_HOME) == ()


def test_a_load_that_is_small_beside_the_cores_is_not_mentioned(healthy: MachineTree) -> None:
    healthy.write("/proc/loadavg", "1.90 1.00 0.50 3/400 1234\n")
    assert examine(synthetic_hosts.graviton2(), healthy.root, AT_HOME) == ()


def test_emulated_instructions_are_said_first(healthy: MachineTree) -> None:
    healthy.write("/proc/loadavg", "1.90 1.00 0.50 3/400 1234\n")
    emulated = replace(TWO_CORES, emulated_on="AMD EPYC 9755")
    found, *_ = examine(emulated, healthy.root, AT_HOME)
    assert found.code == "emulated"
    assert "emulated here on AMD EPYC 9755" in found.text


@pytest.mark.parametrize(("steal", "said"), [(9, False), (30, True)])
def test_steal_time_is_found_above_one_percent(
    healthy: MachineTree, steal: int, said: bool
) -> None:
    healthy.write("/proc/stat", f"cpu  {1000 - steal} 0 0 0 0 0 0 {steal} 0 0\n")
    found = examine(TWO_CORES, healthy.root, AT_HOME)
    assert [one.code for one in found] == (["steal"] if said else [])
    assert all("3.0%" in one.text for one in found)


def test_a_quota_below_the_cores_is_found_with_the_cpu_set_to_ask_for(healthy: MachineTree) -> None:
    found = finding(healthy, synthetic_hosts.container_with_quota(2.5))
    assert found.code == "cpu-quota"
    assert "2.5 CPUs allows 2 of 8 cores" in found.text
    assert "--cpuset-cpus 0-1" in found.mend


def test_a_quota_as_large_as_the_cores_is_no_finding(healthy: MachineTree) -> None:
    assert examine(synthetic_hosts.container_with_quota(8), healthy.root, AT_HOME) == ()


def test_numa_balancing_matters_with_several_nodes_only(healthy: MachineTree) -> None:
    healthy.write("/proc/sys/kernel/numa_balancing", "1")
    assert examine(TWO_CORES, healthy.root, AT_HOME) == ()
    assert finding(healthy, synthetic_hosts.spr_two_sockets()).code == "numa-balancing"


def test_a_missing_tcmalloc_is_found_with_the_package_to_install(
    healthy: MachineTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r50bench.host.doctor.find_tcmalloc", lambda root: None)
    found = finding(healthy)
    assert found.code == "no-tcmalloc"
    assert "2-4 %" in found.text
    assert "apt-get install libtcmalloc-minimal4" in found.mend
    assert "1.5 times" in finding(healthy, synthetic_hosts.host_of([[2]], model="spr")).text


def test_inherited_engine_variables_are_named(healthy: MachineTree) -> None:
    found = finding(healthy, OMP_NUM_THREADS="4", KMP_BLOCKTIME="1")
    assert found.code == "environment"
    assert found.text.endswith("KMP_BLOCKTIME, OMP_NUM_THREADS")


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "TORCHINDUCTOR_FREEZING", "LD_PRELOAD"])
def test_whatever_the_workers_start_without_is_named(healthy: MachineTree, name: str) -> None:
    assert finding(healthy, **{name: "1"}).text.endswith(name)


def test_a_variable_that_is_read_as_a_parameter_is_not_said_to_be_ignored(
    healthy: MachineTree,
) -> None:
    environ = {"TORCH_MKLDNN_MATMUL_MIN_DIM": "64"}
    assert examine(TWO_CORES, healthy.root, environ, understood=UNDERSTOOD_VARIABLES) == ()


def test_a_priority_below_the_usual_one_is_named(
    healthy: MachineTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpriority", lambda which, who: 10)
    found = finding(healthy)
    assert found.code == "low-priority"
    assert "nice 10" in found.text
    monkeypatch.setattr(os, "sched_getscheduler", lambda pid: os.SCHED_IDLE)
    assert "SCHED_IDLE" in finding(healthy).text


def test_cpus_that_were_set_aside_and_lie_idle_are_named_with_the_way_to_them(
    healthy: MachineTree,
) -> None:
    found = finding(healthy, replace(TWO_CORES, set_aside=(2, 3, 4, 9)))
    assert found.code == "isolated-cpus"
    assert "CPU 2-4,9 are set aside" in found.text
    assert "taskset -c 2-4,9" in found.mend


def machine_findings(
    tree: MachineTree, host: Host = SMT_CORES, tiles: bool | None = True
) -> list[Notice]:
    return list(examine_machine(host, tree.root, tiles))


def test_what_is_unknown_of_a_machine_gives_no_findings(tree: MachineTree) -> None:
    assert machine_findings(tree) == []


def test_cores_that_were_slowed_down_for_heat_are_counted(tree: MachineTree) -> None:
    folder = "/sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"
    tree.write(folder.format(0), "0")
    assert machine_findings(tree) == []
    tree.write(folder.format(1), "17")
    (found,) = machine_findings(tree)
    assert found.code == "throttled"
    assert "1 of 2 cores" in found.text
    assert "17 times" in found.text


@pytest.mark.parametrize(("disabled", "said"), [("0", ["deep-idle"]), ("1", [])])
def test_a_deep_idle_state_is_found_unless_it_is_switched_off(
    tree: MachineTree, disabled: str, said: list[str]
) -> None:
    folder = "/sys/devices/system/cpu/cpu0/cpuidle"
    tree.write(f"{folder}/state0/latency", "0")
    tree.write(f"{folder}/state1/latency", "2")
    tree.write(f"{folder}/state2/latency", "290")
    tree.write(f"{folder}/state2/disable", disabled)
    found = machine_findings(tree)
    assert [one.code for one in found] == said
    assert all("290 µs" in one.text and "idle-set" in one.mend for one in found)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("always [madvise] never", []),
        ("[always] madvise never", []),
        ("always madvise [never]", ["no-huge-pages"]),
    ],
)
def test_huge_pages_that_are_switched_off_are_found(
    tree: MachineTree, choice: str, said: list[str]
) -> None:
    tree.write("/sys/kernel/mm/transparent_hugepage/enabled", choice)
    assert [one.code for one in machine_findings(tree)] == said


def test_a_second_thread_that_is_not_ours_is_found(tree: MachineTree) -> None:
    ours = synthetic_hosts.two_core_vm()  # CPUs 0 and 1; 4 and 5 are their second threads
    (found,) = machine_findings(tree, ours)
    assert found.code == "shared-threads"
    assert "2 of 2 cores" in found.text
    assert "CPU 4-5" in found.text
    tree.write("/sys/devices/system/cpu/online", "0-3")  # switched off
    assert machine_findings(tree, ours) == []


@pytest.mark.parametrize(
    ("release", "text", "mend"),
    [
        ("5.10.0-30-amd64", "Linux 5.10 knows nothing of it", "Linux 5.16 or newer"),
        ("6.1.0-37-amd64", "hides it", "-cpu host"),
    ],
)
def test_amx_that_the_cpu_has_and_nobody_shows_is_found(
    tree: MachineTree, release: str, text: str, mend: str
) -> None:
    tree.write("/proc/sys/kernel/osrelease", release)
    (found,) = machine_findings(tree, XEON)
    assert found.code == "amx-hidden"
    assert text in found.text
    assert mend in found.mend


def test_a_xeon_without_amx_hides_none(tree: MachineTree) -> None:
    assert machine_findings(tree, replace(XEON, model=0x6A)) == []  # Ice Lake


@pytest.mark.parametrize(("tiles", "said"), [(False, ["amx-refused"]), (True, []), (None, [])])
def test_tiles_that_the_kernel_grants_nobody_are_found(
    tree: MachineTree, tiles: bool | None, said: list[str]
) -> None:
    host = replace(XEON, isa=frozenset({"amx_tile", "amx_int8"}))
    assert [one.code for one in machine_findings(tree, host, tiles)] == said


EXAMINE = "from r50bench.host.doctor import examine, os; from r50bench.host.topology import *\n"
SAY = "print(*(one for one in examine(read_host()) if one.code == 'outliving-children'))"


def test_a_sandbox_in_which_children_outlive_r50bench_is_told() -> None:
    command = [sys.executable, "-c", EXAMINE + SAY]
    free = subprocess.run(command, capture_output=True, text=True, check=True)
    assert free.stdout == "\n"
    if not can_deny():
        pytest.skip("the kernel cannot deny calls")
    shut = subprocess.run(
        denying("prctl=EPERM", command), capture_output=True, text=True, check=True
    )
    assert "forbids prctl(PR_SET_PDEATHSIG) (operation not permitted)" in shut.stdout


def test_to_examine_leaves_how_this_process_is_to_end() -> None:
    program = (
        "import ctypes; from r50bench.host.lifeline import die_with_parent; now = ctypes.c_int()\n"
        "die_with_parent(os.getppid(), 15); examine(read_host())\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(now), 0, 0, 0); print(now.value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE + program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "15\n"
