"""The GPUs as the driver tells of them: the library, nvidia-smi, and neither."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from r50bench.host import accelerators
from r50bench.host.accelerators import parse_smi, probe_gpus, read_gpus, read_states
from r50bench.host.topology import GpuState, read_host
from support.machine_tree import MachineTree
from support.nvidia_driver import H200, SMI, MadeNvml

STATE = GpuState(
    clock_mhz=1965,
    set_clock_mhz=1980,
    max_clock_mhz=1980,
    memory_clock_mhz=3201,
    power_w=412.345,
    power_limit_w=700.0,
    default_power_limit_w=700.0,
    energy_j=2841.131,
    temperature_c=51,
    slowdowns=("software power cap",),
    persistence=True,
    ecc=True,
    processes=0,
)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Sets what the library answers (None: not installed) and what nvidia-smi prints, if it is."""

    def set_up(nvml: Any = None, smi: str | None = None, status: int = 0) -> None:
        monkeypatch.setattr(accelerators, "_import_nvml", lambda: nvml)
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv("PATH", str(folder))
        if smi is not None:
            (tmp_path / "answer").write_text(smi)
            program = folder / "nvidia-smi"
            program.write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/answer'\nexit {status}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return set_up


def gpu_at(bus: str, uuid: str) -> dict[str, Any]:
    return {**H200, "PciInfo": type("Pci", (), {"busId": bus}), "UUID": uuid}


def test_the_library_tells_what_a_gpu_is_and_how_it_does(driver) -> None:
    nvml = MadeNvml(H200)
    driver(nvml)
    ((gpu, state),), _ = probe_gpus()
    assert (gpu.name, gpu.pci, gpu.capability) == ("NVIDIA H200", "0000:0c:00.0", (9, 0))
    assert (gpu.driver, gpu.cuda, gpu.memory_bytes) == ("580.95.05", "13.0", 150754820096)
    assert state == STATE
    assert nvml.open == 0


def test_what_the_library_cannot_say_is_absent_and_the_rest_is_told(driver) -> None:
    few = {name: H200[name] for name in ("Name", "UUID", "PciInfo")}
    driver(MadeNvml(few))
    ((gpu, state),), _ = probe_gpus()
    assert (gpu.capability, gpu.memory_bytes, gpu.partitioned) == ((0, 0), 0, False)
    assert state == GpuState()


def test_without_the_library_nvidia_smi_says_the_same_but_for_energy(driver) -> None:
    driver(MadeNvml(H200))
    ((known, _),), _ = probe_gpus()
    driver(None, SMI)
    ((gpu, state),), _ = probe_gpus()
    assert gpu == replace(known, memory_bytes=143771 * 2**20)
    assert state == replace(STATE, energy_j=None, power_w=412.35)


def test_older_drivers_call_the_reasons_those_of_throttling() -> None:
    ((_, state),) = parse_smi(SMI.replace("clocks_event_reason", "clocks_throttle_reason"))
    assert state.slowdowns == ("software power cap",)


def test_fields_that_are_not_available_are_absent() -> None:
    text = re.sub(r">[\d.]+ (MHz|W|C|MiB)<", ">N/A<", SMI)
    ((gpu, state),) = parse_smi(text)
    assert gpu.memory_bytes == 0
    assert (state.clock_mhz, state.power_w, state.temperature_c) == (None, None, None)


@pytest.mark.parametrize("text", ["", "No devices were found", "<nvidia_smi_log>", "<a></a>"])
def test_what_is_no_answer_shows_no_gpu(text: str) -> None:
    assert list(parse_smi(text)) == []


@pytest.mark.parametrize(
    ("smi", "status", "said"),
    [
        (None, 0, "there is no nvidia-smi"),
        ("NVIDIA-SMI has failed\nmore\n", 9, "nvidia-smi says: NVIDIA-SMI has failed"),
    ],
)
def test_where_neither_answers_both_reasons_are_said(driver, smi, status, said) -> None:
    driver(None, smi, status)
    found, why = probe_gpus()
    assert not found
    assert why == f"nvidia-ml-py is not installed (pip install 'r50bench[gpu]'), and {said}"


def test_a_driver_that_fails_is_quoted_and_nvidia_smi_asked(driver, tmp_path) -> None:
    driver(MadeNvml(broken="Driver/library version mismatch"), SMI)
    assert len(probe_gpus()[0]) == 1
    driver(MadeNvml(broken="Driver/library version mismatch"))
    (tmp_path / "bin" / "nvidia-smi").unlink()
    assert "Driver/library version mismatch" in probe_gpus()[1]


@pytest.mark.parametrize(
    ("listed", "seen"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("2,0", [2, 0]),
        ("GPU-b", [1]),
        ("0,7,1", [0]),
        ("1,1", [1]),
        ("-1", []),
        ("GPU-", []),
    ],
)
def test_cuda_visible_devices_narrows_them_as_cuda_does(driver, tmp_path, listed, seen) -> None:
    addresses = ["00000000:90:00.0", "00000000:10:00.0", "00000000:40:00.0"]
    uuids = ["GPU-c", "GPU-a", "GPU-b"]
    driver(MadeNvml(*map(gpu_at, addresses, uuids)))
    in_order = ["GPU-a", "GPU-b", "GPU-c"]
    environ = {} if listed is None else {"CUDA_VISIBLE_DEVICES": listed}
    gpus, why = read_gpus(tmp_path, environ)
    assert [gpu.uuid for gpu in gpus] == [in_order[at] for at in seen]
    assert why == ("" if seen else f"CUDA_VISIBLE_DEVICES={listed} hides all of them")


def test_a_gpu_s_numa_node_is_that_of_its_pci_device(driver, tmp_path) -> None:
    driver(MadeNvml(gpu_at("00000000:10:00.0", "GPU-a"), gpu_at("00000000:90:00.0", "GPU-b")))
    tree = MachineTree(tmp_path / "root")
    tree.write("/sys/bus/pci/devices/0000:10:00.0/numa_node", "1\n")
    tree.write("/sys/bus/pci/devices/0000:90:00.0/numa_node", "-1\n")
    gpus, _ = read_gpus(tree.root, {})
    assert [gpu.node for gpu in gpus] == [1, None]


def test_states_are_those_of_the_gpus_asked_for_in_their_order(driver, tmp_path) -> None:
    first = {**gpu_at("00000000:10:00.0", "GPU-a"), "PowerUsage": 1000}
    second = {**gpu_at("00000000:90:00.0", "GPU-b"), "PowerUsage": 2000}
    driver(MadeNvml(first, second))
    gpus, _ = read_gpus(tmp_path, {})
    assert [state.power_w for state in read_states(gpus[::-1])] == [2.0, 1.0]
    driver(MadeNvml(first))
    assert read_states(gpus)[1] == GpuState()


def test_a_host_without_a_driver_asks_nobody(driver, tmp_path) -> None:
    tree = MachineTree(tmp_path / "root")
    tree.cpus([([0], 0)], "0")
    driver(MadeNvml(H200))
    host = read_host(tree.root)
    assert (host.gpus, host.no_gpus) == ((), "no NVIDIA driver is loaded here")
    tree.write("/proc/driver/nvidia/version", "NVRM version: …\n")
    assert [gpu.name for gpu in read_host(tree.root).gpus] == ["NVIDIA H200"]
