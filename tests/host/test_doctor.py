from __future__ import annotations

import os
from dataclasses import replace

import pytest

from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import UNDERSTOOD_VARIABLES
from support import synthetic_hosts
from support.machine_tree import MachineTree

TWO_CORES = synthetic_hosts.two_core_vm()
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
