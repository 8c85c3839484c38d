from __future__ import annotations

from pathlib import Path

import pytest

from support.machine_tree import MachineTree


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    """Two sockets of two SMT cores, one node a socket, no limits: CPUs 0-3, siblings 4-7."""
    machine = MachineTree(tmp_path)
    machine.cpus([((0, 4), 0), ((1, 5), 0), ((2, 6), 1), ((3, 7), 1)], online="0-7")
    machine.nodes({0: "0-1,4-5", 1: "2-3,6-7"}, has_memory="0-1")
    machine.status("0-7")
    return machine
