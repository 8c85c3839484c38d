"""What the doctor says of GPUs, and what to type."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.host.gpu_doctor import examine_gpus
from r50bench.host.topology import Gpu, GpuState

GPU = Gpu("NVIDIA L4", "0000:0c:00.0", "GPU-made", (8, 9), 24 * 2**30, "580.95.05", "13.0")
FINE = GpuState(
    clock_mhz=2040,
    set_clock_mhz=2040,
    max_clock_mhz=2040,
    power_limit_w=72.0,
    default_power_limit_w=72.0,
    slowdowns=(),
    persistence=True,
    ecc=True,
    processes=0,
)


def test_a_gpu_as_it_should_be_and_one_that_tells_nothing_are_no_findings() -> None:
    assert examine_gpus([GPU, GPU], [FINE, GpuState()]) == ()


@pytest.mark.parametrize(
    ("change", "code", "text", "mend"),
    [
        ({"persistence": False}, "gpu-persistence", "is off", "nvidia-smi -i 0000:0c:00.0 -pm 1"),
        ({"set_clock_mhz": 1500}, "gpu-clocks", "1500 MHz at most, of 2040", "-rac"),
        ({"power_limit_w": 60.0}, "gpu-power-limit", "60 W, of 72", "-pl 72"),
        ({"ecc": False}, "gpu-ecc", "is off", "-e 1"),
        ({"slowdowns": ("a", "b")}, "gpu-slowed", "below its clocks: a, b", "cool it"),
        ({"processes": 2}, "gpu-busy", "2 processes of others on GPU 0000:0c", "nvidia-smi shows"),
    ],
)
def test_each_finding_says_what_is_so_and_what_to_type(change, code, text, mend) -> None:
    (found,) = examine_gpus([GPU], [replace(FINE, **change)])
    assert found.code == code
    assert text in found.text
    assert mend in found.mend


def test_a_gpu_that_is_split_is_said() -> None:
    (found,) = examine_gpus([replace(GPU, partitioned=True)], [FINE])
    assert found.code == "gpu-partitioned"
