"""NVIDIA's driver as tests need it: its management library, and nvidia-smi, with made answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

__all__ = ["H200", "SMI", "MadeNvml"]

H200: dict[str, Any] = {
    "Name": "NVIDIA H200",
    "UUID": "GPU-00000000-made-0",
    "PciInfo": SimpleNamespace(busId="00000000:0C:00.0"),
    "CudaComputeCapability": (9, 0),
    "MemoryInfo": SimpleNamespace(total=150754820096),
    "MigMode": [0, 0],
    "PersistenceMode": 1,
    "EccMode": [1, 1],
    "ClockInfo": {1: 1965, 2: 3201},
    "ApplicationsClock": {1: 1980, 2: 3201},
    "MaxClockInfo": {1: 1980, 2: 3201},
    "PowerUsage": 412345,
    "EnforcedPowerLimit": 700000,
    "PowerManagementDefaultLimit": 700000,
    "TotalEnergyConsumption": 2841131,
    "Temperature": {0: 51},
    "CurrentClocksThrottleReasons": 0x4 | 0x1,
    "ComputeRunningProcesses": [],
}
"""What the library says of one GPU, by the ends of its functions' names."""


class MadeNvml:
    """The module ``pynvml`` with GPUs that answer as the mappings say; what is absent raises."""

    class NVMLError(Exception):
        """What the library raises."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self, *gpus: Mapping[str, Any], broken: str = "") -> None:
        self._gpus = gpus
        self._broken = broken
        self.open = 0

    def nvmlInit(self) -> None:
        if self._broken:
            raise self.NVMLError(self._broken)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"580.95.05"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 13000

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def __getattr__(self, name: str) -> Any:
        what = name.removeprefix("nvmlDeviceGet")
        if what == name:
            raise AttributeError(name)

        def answer(handle: int, *more: int) -> Any:
            assert self.open, "the library must be initialised"
            found = self._gpus[handle]
            if what not in found:
                raise self.NVMLError("Not Supported")
            return found[what][more[0]] if isinstance(found[what], dict) else found[what]

        return answer


def _smi(gpus: Sequence[str]) -> str:
    return f"""<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">
<nvidia_smi_log>
<driver_version>580.95.05</driver_version>
<cuda_version>13.0</cuda_version>
<attached_gpus>{len(gpus)}</attached_gpus>
{"".join(gpus)}
</nvidia_smi_log>
"""


_GPU = """<gpu id="00000000:0C:00.0">
  <product_name>NVIDIA H200</product_name>
  <product_architecture>Hopper</product_architecture>
  <persistence_mode>Enabled</persistence_mode>
  <mig_mode><current_mig>Disabled</current_mig></mig_mode>
  <uuid>GPU-00000000-made-0</uuid>
  <clocks_event_reasons>
    <clocks_event_reason_gpu_idle>Active</clocks_event_reason_gpu_idle>
    <clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap>
    <clocks_event_reason_hw_slowdown>Not Active</clocks_event_reason_hw_slowdown>
  </clocks_event_reasons>
  <fb_memory_usage><total>143771 MiB</total></fb_memory_usage>
  <ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode>
  <temperature><gpu_temp>51 C</gpu_temp></temperature>
  <gpu_power_readings>
    <average_power_draw>412.35 W</average_power_draw>
    <current_power_limit>700.00 W</current_power_limit>
    <default_power_limit>700.00 W</default_power_limit>
  </gpu_power_readings>
  <clocks><sm_clock>1965 MHz</sm_clock><mem_clock>3201 MHz</mem_clock></clocks>
  <applications_clocks><graphics_clock>1980 MHz</graphics_clock></applications_clocks>
  <max_clocks><sm_clock>1980 MHz</sm_clock></max_clocks>
  <processes></processes>
</gpu>
"""

SMI = _smi([_GPU])
"""What ``nvidia-smi -q -x`` prints of that GPU, less what nobody reads; it counts no energy."""
