"""The system description of MLPerf: what the host snapshot knows, and what the submitter says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r50bench.engines.registry import recorded_engine
from r50bench.errors import R50BenchError, UsageError, did_you_mean
from r50bench.mlperf_rules import ROUNDS, STATUSES
from r50bench.results.files import plain_json, read_bounded
from r50bench.results.record import Record

__all__ = [
    "DEFAULT_TYPE",
    "LONGEST_NAME",
    "SYSTEM_FIELDS",
    "describe_system",
    "read_system_file",
    "system_name",
    "unknown_fields",
]

UNKNOWN = "N/A"
DEFAULT_TYPE = "edge"
"""The type of a system of which none is given."""

LONGEST_NAME = 80
"""Of a system or a submitter: a part of names of files, which have 255 characters at most."""

SYSTEM_FIELDS = (
    "division",
    "submitter",
    "status",
    "system_type",
    "system_type_detail",
    "system_name",
    "number_of_nodes",
    "host_processor_model_name",
    "host_processors_per_node",
    "host_processor_core_count",
    "host_processor_frequency",
    "host_processor_caches",
    "host_processor_interconnect",
    "host_memory_capacity",
    "host_memory_configuration",
    "host_storage_capacity",
    "host_storage_type",
    "host_networking",
    "host_network_card_count",
    "host_networking_topology",
    "accelerators_per_node",
    "accelerator_model_name",
    "accelerator_memory_capacity",
    "accelerator_memory_configuration",
    "accelerator_frequency",
    "accelerator_host_interconnect",
    "accelerator_interconnect",
    "accelerator_interconnect_topology",
    "accelerator_on-chip_memories",
    "cooling",
    "framework",
    "operating_system",
    "other_software_stack",
    "hw_notes",
    "sw_notes",
)
"""Every field of SYS.json, in its order. All are strings, and none is empty."""

_GIVEN_ELSEWHERE = ("division", "submitter")
_SYSTEM_TYPES = dict.fromkeys(
    kind for round_ in ROUNDS.values() for kind in round_.required_scenarios
)
_CHOICES = {"status": STATUSES, "system_type": tuple(_SYSTEM_TYPES)}
_ACCELERATOR = ("accelerators_per_node", "accelerator_model_name", "accelerator_memory_capacity")

# What no snapshot can tell, and a reader of the results wants to know.
_ASKED = (
    "host_memory_configuration",
    "host_storage_capacity",
    "host_storage_type",
    "host_networking",
    "host_network_card_count",
    "host_networking_topology",
    "cooling",
)


def read_system_file(path: Path) -> dict[str, str]:
    """Reads the fields that the submitter gives: a JSON object of some of :data:`SYSTEM_FIELDS`.

    Raises:
        UsageError: it cannot be read, names a field that is unknown or given by an option, or a
            value is not a string, empty, or not one of the words that the field may have.
    """
    try:
        given = plain_json(read_bounded(path))
    except (FileNotFoundError, R50BenchError) as error:
        reason = (
            error.message
            if isinstance(error, R50BenchError)
            else f"cannot read {path}: it is not there"
        )
        raise UsageError(reason, hint="--system names a JSON file") from error
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}", hint='{"cooling": "air", …}') from error
    if not isinstance(given, dict):
        raise UsageError(f"{path} holds no JSON object", hint='{"cooling": "air", …}')
    for field, value in given.items():
        _check_field(path, field, value)
    return given


def _check_field(path: Path, field: str, value: object) -> None:
    if field in _GIVEN_ELSEWHERE:
        raise UsageError(f"{path}: {field} is not for this file", hint=f"--{field} says it")
    if field not in SYSTEM_FIELDS:
        raise UsageError(
            f"{path}: MLPerf has no field {field!r}",
            hint=did_you_mean(field, SYSTEM_FIELDS) or f"fields: {', '.join(SYSTEM_FIELDS)}",
        )
    if not isinstance(value, str) or not value.strip():
        raise UsageError(
            f"{path}: {field} must be a string that is not empty, and is {value!r}",
            hint='"0", not 0; "N/A" where there is no such thing',
        )
    if field == "system_name" and len(value) > LONGEST_NAME:
        raise UsageError(
            f"{path}: system_name has {len(value)} characters",
            hint=f"{LONGEST_NAME} at most: it is a part of names of files",
        )
    choices = _CHOICES.get(field, (value,))
    if value not in choices:
        raise UsageError(f"{path}: {field} {value!r} is not known", hint=" or ".join(choices))


def describe_system(record: Record, given: Mapping[str, str]) -> dict[str, str]:
    """Returns all fields but division and submitter; ``given`` comes before the snapshot.

    Raises:
        UsageError: the run used an accelerator, and ``given`` does not say which.
    """
    device = record.engine.device if record.engine else "cpu"
    used = _accelerators(record)
    missing = [field for field in _ACCELERATOR if field not in given and field not in used]
    if device != "cpu" and missing:
        raise UsageError(
            f"the runs used the device {device}, of which the snapshot knows nothing",
            hint=f"give {', '.join(missing)} with --system FILE",
        )
    sut_name = record.loadgen.settings.sut_name if record.loadgen else ""
    known = {**_hardware(record.host, sut_name), **_software(record), **used}
    fields = {field: UNKNOWN for field in SYSTEM_FIELDS if field not in _GIVEN_ELSEWHERE}
    return fields | {field: value for field, value in known.items() if value} | dict(given)


def unknown_fields(description: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the fields that a submitter should still fill in."""
    return tuple(field for field in _ASKED if description[field] == UNKNOWN)


def system_name(description: Mapping[str, str]) -> str:
    """Returns the name of the system as a folder's name: letters, digits, ``.``, ``_``, ``-``."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", description["system_name"]).strip("._-") or "system"


def _hardware(host: Mapping[str, Any], sut_name: str) -> dict[str, str]:
    sockets = int(host.get("sockets", 1))
    cores = int(host.get("cores", 0))
    processor = str(host.get("model_name", UNKNOWN))
    return {
        "status": "rdi",
        "system_type": DEFAULT_TYPE,
        "system_name": sut_name or f"{host.get('machine', processor)} {cores} cores",
        "number_of_nodes": "1",
        "host_processor_model_name": processor,
        "host_processors_per_node": str(sockets),
        "host_processor_core_count": str(cores // sockets),
        "host_processor_frequency": _frequency(host),
        "host_processor_caches": _caches(host),
        "host_memory_capacity": _memory(host),
        "accelerators_per_node": "0",
        "hw_notes": _hardware_notes(host),
    }


def _accelerators(record: Record) -> dict[str, str]:
    """Returns what the snapshot knows of the GPUs that instances ran on; nothing without any."""
    used = {slot.gpu for slot in record.placement.slots if slot.gpu}
    gpus = [gpu for gpu in record.host.get("gpus", ()) if gpu.get("pci") in used]
    if not gpus or len(gpus) < len(used):
        return {}
    clocks = [report.after.max_clock_mhz for report in record.gpus if report.after.max_clock_mhz]
    return {
        "accelerators_per_node": str(len(gpus)),
        "accelerator_model_name": ", ".join(dict.fromkeys(str(gpu["name"]) for gpu in gpus)),
        "accelerator_memory_capacity": f"{gpus[0]['memory_bytes'] / 2**30:.0f} GiB",
        "accelerator_frequency": f"{max(clocks)} MHz at most" if clocks else UNKNOWN,
    }


def _software(record: Record) -> dict[str, str]:
    host = record.host
    versions: Mapping[str, str] = host.get("versions", {})
    stack = [f"{name} {version}" for name, version in versions.items()]
    stack += [str(host["glibc"])] if "glibc" in host else []
    stack += [f"LoadGen {record.loadgen.version}"] if record.loadgen else []
    engine = record.engine
    if engine is not None:
        stack += [f"allocator {engine.allocator}"]
    system = (host.get("distribution"), f"Linux {host['kernel']}" if "kernel" in host else None)
    return {
        "framework": f"{recorded_engine(engine.name).title}: {engine.version}" if engine else "",
        "operating_system": ", ".join(part for part in system if part),
        "other_software_stack": ", ".join(stack),
        "sw_notes": f"measured with r50bench {record.r50bench_version}",
    }


def _frequency(host: Mapping[str, Any]) -> str:
    khz = host.get("frequency_max_khz")
    return f"{khz / 1e6:.2f} GHz at most" if khz else ""


def _caches(host: Mapping[str, Any]) -> str:
    kinds = {"Data": "d", "Instruction": "i"}
    return ", ".join(
        f"L{cache['level']}{kinds.get(cache.get('type', ''), '')} {cache.get('size', '?')}"
        for cache in host.get("caches", ())
    )


def _memory(host: Mapping[str, Any]) -> str:
    size = host.get("memory_bytes")
    return f"{size / 2**30:.0f} GiB" if size else ""


def _hardware_notes(host: Mapping[str, Any]) -> str:
    """Returns what keeps the run from having the whole machine to itself."""
    notes = []
    if host.get("cores") != host.get("cores_in_machine"):
        notes.append(f"{host.get('cores')} of {host.get('cores_in_machine')} cores were usable")
    if host.get("cpu_quota"):
        notes.append(f"CPU bandwidth limited to {host['cpu_quota']} CPUs")
    if host.get("virtual_machine"):
        notes.append("virtual machine")
    if host.get("container"):
        notes.append(f"in a container ({host['container']})")
    return "; ".join(notes)
