"""The GPUs of this host as NVIDIA's driver tells of them, without torch.

The management library answers through nvidia-ml-py (extra ``gpu``) within a tenth of a second;
where that is not installed ``nvidia-smi -q -x`` says the same. What neither tells is None.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r50bench.host.kernel_files import read_int
from r50bench.host.topology import Gpu, GpuState

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["parse_smi", "probe_gpus", "read_gpus", "read_states"]

_SMI_TIMEOUT_S = 10.0
_MIB = 2**20

# nvml.h, nvmlClocksEventReasons: the bits that mean less speed than the settings allow. Idle, and
# clocks that somebody set, are none of them.
_SLOWDOWNS = {
    0x04: "software power cap",
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
# The same in nvidia-smi's words.
_SMI_SLOWDOWNS = {
    "sw_power_cap": 0x04,
    "hw_slowdown": 0x08,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
}
# CUDA C++ programming guide: compute capability by architecture, as nvidia-smi names it. It is the
# lowest of the architecture: what torch would find is the same or higher.
_CAPABILITIES = {
    "Maxwell": (5, 0),
    "Pascal": (6, 0),
    "Volta": (7, 0),
    "Turing": (7, 5),
    "Ampere": (8, 0),
    "Ada Lovelace": (8, 9),
    "Hopper": (9, 0),
    "Blackwell": (10, 0),
}


Probed = Sequence[tuple[Gpu, GpuState]]


def read_gpus(
    root: Path = Path("/"), environ: Mapping[str, str] = os.environ
) -> tuple[tuple[Gpu, ...], str]:
    """Returns the GPUs that may be used, in the order of their PCI addresses, or why there is none.

    ``CUDA_VISIBLE_DEVICES`` narrows them, by number in that order or by the beginning of a UUID.
    NUMA nodes are read below ``root``.
    """
    found, why = probe_gpus()
    if not found:
        return (), why
    gpus = sorted((replace(gpu, node=_node(root, gpu.pci)) for gpu, _ in found), key=_address)
    visible = _visible(gpus, environ.get("CUDA_VISIBLE_DEVICES"))
    hidden = f"CUDA_VISIBLE_DEVICES={environ.get('CUDA_VISIBLE_DEVICES')} hides all of them"
    return visible, "" if visible else hidden


def read_states(gpus: Sequence[Gpu]) -> tuple[GpuState, ...]:
    """Returns the present state of each GPU; an empty one for what the driver does not answer."""
    states = {gpu.uuid: state for gpu, state in probe_gpus()[0]} if gpus else {}
    return tuple(states.get(gpu.uuid, GpuState()) for gpu in gpus)


def probe_gpus() -> tuple[Probed, str]:
    """Returns every GPU that the driver shows with its state, or why there is none."""
    nvml = _import_nvml()
    if nvml is not None:
        try:
            return _ask_nvml(nvml), "the driver shows none"
        except nvml.NVMLError as error:
            reason = f"the driver does not answer: {error}"
    else:
        reason = "nvidia-ml-py is not installed (pip install 'r50bench[gpu]')"
    text, failure = _run_smi()
    if failure:
        return (), f"{reason}, and {failure}"
    return parse_smi(text), "the driver shows none"


def _address(gpu: Gpu) -> str:
    return gpu.pci


def _node(root: Path, pci: str) -> int | None:
    node = read_int(root, f"/sys/bus/pci/devices/{pci}/numa_node")
    return None if node is None or node < 0 else node


def _visible(gpus: Sequence[Gpu], listed: str | None) -> tuple[Gpu, ...]:
    """CUDA takes what is listed up to the first word that names nothing."""
    if listed is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for word in (part.strip() for part in listed.split(",")):
        if re.fullmatch(r"\d+", word):
            named = gpus[int(word) : int(word) + 1]
        else:
            named = [gpu for gpu in gpus if word and gpu.uuid.startswith(word)]
        if len(named) != 1:
            break
        chosen += named
    return tuple(dict.fromkeys(chosen))


def _pci(bus_id: str) -> str:
    """Returns ``0000:00:06.0`` for NVML's ``00000000:00:06.0``."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def _import_nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _ask_nvml(nvml: Any) -> Probed:
    nvml.nvmlInit()
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        number = int(nvml.nvmlSystemGetCudaDriverVersion())
        cuda = f"{number // 1000}.{number % 1000 // 10}"
        handles = [nvml.nvmlDeviceGetHandleByIndex(at) for at in range(nvml.nvmlDeviceGetCount())]
        return [
            (_gpu_of(nvml, handle, driver, cuda), _state_of(nvml, handle)) for handle in handles
        ]
    finally:
        nvml.nvmlShutdown()


def _gpu_of(nvml: Any, handle: Any, driver: str, cuda: str) -> Gpu:
    capability = _asked(nvml, "nvmlDeviceGetCudaComputeCapability", handle) or (0, 0)
    partitions = _asked(nvml, "nvmlDeviceGetMigMode", handle)
    memory = _asked(nvml, "nvmlDeviceGetMemoryInfo", handle)
    return Gpu(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        pci=_pci(_text(nvml.nvmlDeviceGetPciInfo(handle).busId)),
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        capability=(int(capability[0]), int(capability[1])),
        memory_bytes=0 if memory is None else int(memory.total),
        driver=driver,
        cuda=cuda,
        partitioned=bool(partitions and partitions[0]),
    )


def _state_of(nvml: Any, handle: Any) -> GpuState:
    def ask(name: str, *more: Any) -> Any:
        return _asked(nvml, name, handle, *more)

    clock, memory = nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM
    reasons = ask("nvmlDeviceGetCurrentClocksThrottleReasons")
    processes, ecc = ask("nvmlDeviceGetComputeRunningProcesses"), ask("nvmlDeviceGetEccMode")
    persistence = ask("nvmlDeviceGetPersistenceMode")
    return GpuState(
        clock_mhz=ask("nvmlDeviceGetClockInfo", clock),
        set_clock_mhz=ask("nvmlDeviceGetApplicationsClock", clock),
        max_clock_mhz=ask("nvmlDeviceGetMaxClockInfo", clock),
        memory_clock_mhz=ask("nvmlDeviceGetClockInfo", memory),
        power_w=_thousandth(ask("nvmlDeviceGetPowerUsage")),
        power_limit_w=_thousandth(ask("nvmlDeviceGetEnforcedPowerLimit")),
        default_power_limit_w=_thousandth(ask("nvmlDeviceGetPowerManagementDefaultLimit")),
        energy_j=_thousandth(ask("nvmlDeviceGetTotalEnergyConsumption")),
        temperature_c=ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        slowdowns=None if reasons is None else _slowdowns(reasons),
        persistence=None if persistence is None else bool(persistence),
        ecc=None if ecc is None else bool(ecc[0]),
        processes=None if processes is None else len(processes),
    )


def _asked(nvml: Any, name: str, handle: Any, *more: Any) -> Any:
    """Returns the driver's answer, None where it, or the library, knows no such question."""
    try:
        return getattr(nvml, name)(handle, *more)
    except (nvml.NVMLError, AttributeError):
        return None


def _slowdowns(bits: int) -> tuple[str, ...]:
    return tuple(words for bit, words in _SLOWDOWNS.items() if bits & bit)


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _run_smi() -> tuple[str, str]:
    """Returns what ``nvidia-smi -q -x`` prints, and how it failed, empty where it did not."""
    import subprocess

    try:
        done = subprocess.run(
            ["nvidia-smi", "-q", "-x"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SMI_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return "", "there is no nvidia-smi"
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"nvidia-smi does not answer: {error}"
    if done.returncode != 0:
        said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[0]
        return "", f"nvidia-smi says: {said}"
    return done.stdout, ""


def parse_smi(text: str) -> Probed:
    """Returns the GPUs that the output of ``nvidia-smi -q -x`` tells of; none where it is no XML.

    Fields that are missing or ``N/A`` are None.
    """
    from xml.etree import ElementTree

    try:
        tree = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return []
    driver, cuda = (tree.findtext(name) or "" for name in ("driver_version", "cuda_version"))
    return [(_gpu_in(entry, driver, cuda), _state_in(entry)) for entry in tree.iter("gpu")]


def _gpu_in(entry: Element, driver: str, cuda: str) -> Gpu:
    architecture = entry.findtext("product_architecture") or ""
    return Gpu(
        name=entry.findtext("product_name") or "GPU",
        pci=_pci(entry.get("id") or ""),
        uuid=entry.findtext("uuid") or "",
        capability=_CAPABILITIES.get(architecture, (0, 0)),
        memory_bytes=(_number(entry, "fb_memory_usage/total") or 0) * _MIB,
        driver=driver,
        cuda=cuda,
        partitioned=entry.findtext("mig_mode/current_mig") == "Enabled",
    )


def _state_in(entry: Element) -> GpuState:
    return GpuState(
        clock_mhz=_number(entry, "clocks/sm_clock"),
        set_clock_mhz=_number(entry, "applications_clocks/graphics_clock"),
        max_clock_mhz=_number(entry, "max_clocks/sm_clock"),
        memory_clock_mhz=_number(entry, "clocks/mem_clock"),
        power_w=_first(entry, "average_power_draw", "power_draw", "instant_power_draw"),
        power_limit_w=_first(entry, "current_power_limit", "enforced_power_limit", "power_limit"),
        default_power_limit_w=_first(entry, "default_power_limit"),
        temperature_c=_number(entry, "temperature/gpu_temp"),
        slowdowns=_slowdowns_in(entry),
        persistence=_switch(entry, "persistence_mode"),
        ecc=_switch(entry, "ecc_mode/current_ecc"),
        processes=sum(1 for _ in entry.iterfind("processes/process_info")),
    )


def _slowdowns_in(entry: Element) -> tuple[str, ...] | None:
    """Older drivers call the reasons for throttling what newer ones call those of clock events."""
    for prefix in ("clocks_event_reason", "clocks_throttle_reason"):
        reasons = entry.find(f"{prefix}s")
        if reasons is not None:
            active = [
                bit
                for word, bit in _SMI_SLOWDOWNS.items()
                if reasons.findtext(f"{prefix}_{word}") == "Active"
            ]
            return _slowdowns(sum(active))
    return None


def _first(entry: Element, *names: str) -> float | None:
    found = (
        float(match[0])
        for name in names
        for group in ("gpu_power_readings", "power_readings")
        if (match := re.match(r"[\d.]+", entry.findtext(f"{group}/{name}") or ""))
    )
    return next(found, None)


def _number(entry: Element, path: str) -> int | None:
    match = re.match(r"\d+", entry.findtext(path) or "")
    return int(match[0]) if match else None


def _switch(entry: Element, path: str) -> bool | None:
    return {"Enabled": True, "Disabled": False}.get(entry.findtext(path) or "")
