"""What must be the same for figures of several runs to belong together: host and versions."""

from __future__ import annotations

from typing import Any

from r50bench.host.snapshot import snapshot
from r50bench.host.topology import Host

__all__ = ["engine_versions", "host_identity", "versions"]

_HOST_KEYS = ("platform", "model_name", "fingerprint", "cpus", "cpu_quota")
_COMPUTING = ("r50bench", "torch", "torchao")


def host_identity(host: Host) -> dict[str, Any]:
    """Returns what tells hosts apart, and which of its CPUs may be used."""
    now = snapshot(host)
    return {key: now[key] for key in _HOST_KEYS if key in now}


def versions(host: Host) -> dict[str, str]:
    """Returns the versions of Python and of the packages that matter."""
    installed = snapshot(host)["versions"]
    assert isinstance(installed, dict)
    return {name: str(version) for name, version in installed.items()}


def engine_versions(host: Host) -> dict[str, str]:
    """Returns the versions of what computes."""
    return {name: text for name, text in versions(host).items() if name in _COMPUTING}
