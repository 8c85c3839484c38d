"""The picture of the host: which instance sat on which core of which socket."""

from __future__ import annotations

from pathlib import Path

from r50bench.case import Placement, Slot
from r50bench.report.records_page.host_map import host_map_svg
from r50bench.report.records_page.shown import Shown
from support.records import record_of, samples_of_latencies

_TOPOLOGY = [
    {"socket": 0, "node": 0, "cpus": [0, 4]},
    {"socket": 0, "node": 0, "cpus": [1, 5]},
    {"socket": 1, "node": 1, "cpus": [2, 6]},
]


def picture_of(host: dict[str, object]) -> str:
    record = record_of(host=host, placement=Placement((Slot(0, (0, 1), (0,)),), (2,)))
    return host_map_svg(Shown.of(record, samples_of_latencies([[10.0] * 9] * 2), Path()))


def test_cores_lie_in_their_sockets_and_name_their_instance_and_siblings() -> None:
    picture = picture_of({"topology": _TOPOLOGY})
    assert "socket 0, memory node 0" in picture
    assert "socket 1, memory node 1" in picture
    assert "CPU 1 (with 5): instance 0" in picture
    assert "CPU 2 (with 6): in no instance" in picture


def test_a_record_that_knows_no_sockets_still_shows_its_cpus() -> None:
    picture = picture_of({"cpus": [0, 1, 2, 3]})
    assert "CPU 3: in no instance" in picture
    assert "socket" not in picture
