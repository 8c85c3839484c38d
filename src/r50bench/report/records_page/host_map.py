"""The host as a picture: sockets, memory nodes and cores, and which instance sat where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from r50bench.report.records_page.shown import Shown
from r50bench.report.svg import PALETTE, drawing, mark, rect, text
from r50bench.results.record import Record
from r50bench.wording import counted

__all__ = ["host_map_svg"]

_WIDTH, _LEFT, _TOP = 760, 16, 62
_CELL, _PITCH, _HEAD = 26, 30, 24
_PER_ROW = (_WIDTH - 2 * _LEFT) // _PITCH


@dataclass(frozen=True)
class _Core:
    socket: int | None
    node: int | None
    cpus: tuple[int, ...]


def host_map_svg(one: Shown) -> str:
    """Returns the cores that the record's process could use, each with its instance."""
    cores = _cores(one.record)
    instance_of = {cpu: slot.instance for slot in one.record.placement.slots for cpu in slot.cpus}
    y, parts = _TOP, []
    for (socket, node), of_node in groupby(cores, lambda core: (core.socket, core.node)):
        parts.append(text(_LEFT, y + 12, _place(socket, node), style="strong"))
        y += _HEAD
        members = list(of_node)
        parts += [
            part for at, core in enumerate(members) for part in _cell(core, at, y, instance_of)
        ]
        y += _PITCH * -(-len(members) // _PER_ROW) + 10
    title = f"{one.label}: {counted(len(one.record.placement.slots), 'instance')} on these cores"
    return drawing(title, _WIDTH, y + 8, parts)


def _cores(record: Record) -> list[_Core]:
    """Returns the cores by socket and node; those of old records know neither."""
    kept: Sequence[Mapping[str, Any]] = record.host.get("topology", ())
    if kept:
        cores = [_Core(one["socket"], one["node"], tuple(one["cpus"])) for one in kept]
        return sorted(cores, key=lambda core: (core.socket or 0, core.node or 0, core.cpus))
    placed = {cpu for slot in record.placement.slots for cpu in slot.cpus}
    cpus = sorted(placed | set(record.placement.leftover) | set(record.host.get("cpus", ())))
    return [_Core(None, None, (cpu,)) for cpu in cpus]


def _place(socket: int | None, node: int | None) -> str:
    return "CPUs" if socket is None else f"socket {socket}, memory node {node}"


def _cell(core: _Core, at: int, top: float, instance_of: Mapping[int, int]) -> Iterator[str]:
    x, y = _LEFT + at % _PER_ROW * _PITCH, top + at // _PER_ROW * _PITCH
    taken = next((instance_of[cpu] for cpu in core.cpus if cpu in instance_of), None)
    siblings = "" if len(core.cpus) == 1 else f" (with {', '.join(map(str, core.cpus[1:]))})"
    name = f"CPU {core.cpus[0]}{siblings}"
    if taken is None:
        shapes = [rect(x, y, _CELL, _CELL, style="pale")]
        words = f"{name}: in no instance"
    else:
        shapes = [rect(x, y, _CELL, _CELL, fill=PALETTE[taken % len(PALETTE)])]
        words = f"{name}: instance {taken}"
        shapes.append(
            text(x + _CELL / 2, y + 17, str(taken), style="strong inverse", anchor="middle")
        )
    yield mark(words, shapes, (_WIDTH - _LEFT, 46), by_keyboard=False)
