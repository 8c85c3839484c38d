"""How planned cases are shown: for people (``--dry-run``) and as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from r50bench.engines.environment import inert_settings
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import BY_NAME
from r50bench.planning.planned import Planned
from r50bench.report.table import named_lines
from r50bench.wording import counted

__all__ = ["cpu_list", "describe_plan", "plan_as_data"]


def describe_plan(planned: Planned, host: Host) -> str:
    """Returns the effective values with their sources, the instances' CPUs, and the notices.

    The notices are those that the run itself would give of the case.
    """
    lines, placement = [planned.case.name], planned.placement
    rows = [(f"  {BY_NAME[name].key}", str(said)) for name, said in planned.request.items()]
    lines += named_lines(rows)
    lines.append(f"  placement: {counted(len(placement.slots), 'instance')}")
    for slot in placement.slots:
        nodes = ", ".join(map(str, slot.nodes))
        lines.append(
            f"    instance {slot.instance}: CPUs {cpu_list(slot.cpus)}, memory node {nodes}"
        )
    if placement.leftover:
        lines.append(f"    left over: CPUs {cpu_list(placement.leftover)}")
    lines += [f"  ! {notice}" for notice in _notices(planned, host)]
    return "\n".join(lines)


def plan_as_data(planned: Planned, host: Host) -> dict[str, Any]:
    """Returns the same as plain data for JSON."""
    return {
        "name": planned.case.name,
        "case": asdict(planned.case),
        "request": {name: asdict(said) for name, said in planned.request.items()},
        "placement": asdict(planned.placement),
        "notices": [asdict(notice) for notice in _notices(planned, host)],
    }


def _notices(planned: Planned, host: Host) -> tuple[Notice, ...]:
    return (*planned.notices, *inert_settings(planned.case, host))


def cpu_list(cpus: Iterable[int]) -> str:
    """Returns CPU numbers as the kernel writes them, such as ``0-3,8``."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][-1] + 1:
            runs[-1].append(cpu)
        else:
            runs.append([cpu])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
