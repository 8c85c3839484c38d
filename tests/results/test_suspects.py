"""In which order one suspects what differs."""

from __future__ import annotations

from r50bench.results.differences import Difference
from r50bench.results.suspects import strongest_first


def test_code_is_suspected_before_machines_and_machines_before_their_state() -> None:
    names = [
        "case seed",
        "host boost",
        "host kernel",
        "host something new",
        "placement slots",
        "host model_name",
        "host versions torch",
        "evidence kernels",
        "case batch_size",
        "case engine",
    ]
    found = strongest_first(Difference(name, 1, 2) for name in names)
    assert [one.what for one in found] == [
        "case engine",
        "case batch_size",
        "evidence kernels",
        "host versions torch",
        "host model_name",
        "host boost",
        "host kernel",
        "placement slots",
        "host something new",
        "case seed",
    ]
