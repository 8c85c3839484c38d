"""What the sockets draw is read around rounds, and left out where it is not known."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from r50bench.host.kernel_files import counts_energy
from r50bench.measure import energy, session
from r50bench.measure.energy import EnergyWatch
from r50bench.measure.session import run_session
from r50bench.results.record import read_record
from support.fake_cases import bench, planned
from support.machine_tree import MachineTree

FILE = "/sys/class/powercap/intel-rapl:0/energy_uj"


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    made = MachineTree(tmp_path / "machine")
    made.rapl("intel-rapl:0", "package-0", 0)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its entry is the time in seconds; to sleep is to move it, and 10 W are drawn meanwhile."""
    now = [0.0]
    monkeypatch.setattr(energy.time, "monotonic", lambda: now[0])
    return now


def test_a_round_has_what_was_drawn_meanwhile_and_rest_is_a_power(
    tree: MachineTree, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(seconds: float, watts: float) -> None:
        clock[0] += seconds
        counted = int((tree.root / FILE.lstrip("/")).read_text())
        tree.write(FILE, str(counted + round(seconds * watts * 1e6)))

    monkeypatch.setattr(energy.time, "sleep", lambda seconds: draw(seconds, 10))
    watch = EnergyWatch(tree.root)
    watch.rest()
    for watts in (100, 110):
        with watch.round():
            draw(2.0, watts)
        draw(60.0, 50)
    report = watch.report()
    assert report is not None
    assert report.source == "RAPL package-0"
    assert report.idle_w == pytest.approx(10)
    assert report.rounds_j == pytest.approx((200, 220))
    assert report.rounds_s == (2.0, 2.0)


def test_a_round_that_cannot_be_read_leaves_no_report(tree: MachineTree) -> None:
    watch = EnergyWatch(tree.root)
    with watch.round():
        pass
    assert watch.report() is not None
    with watch.round():
        (tree.root / FILE.lstrip("/")).unlink()
    assert watch.report() is None


def test_a_host_that_does_not_tell_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energy.time, "sleep", lambda seconds: pytest.fail("it waited"))
    watch = EnergyWatch(tmp_path)
    watch.rest()
    with watch.round():
        pass
    assert watch.report() is None


def test_a_record_holds_the_joules_of_each_round(
    tree: MachineTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "counts_energy", partial(counts_energy, tree.root))
    monkeypatch.setattr(energy, "EnergyWatch", partial(EnergyWatch, tree.root))
    case = planned("inference_throughput_fp32", STEPS=4, REPEAT=3, WARMUP_STEPS=1)
    outcome = run_session(case, bench(tmp_path))
    found = read_record(outcome.folder).energy
    assert found is not None
    assert (found.rounds_j, found.idle_w) == ((0.0, 0.0, 0.0), 0.0)
    assert min(found.rounds_s) > 0
    # A counter that stood still tells nothing of an image.
    assert not any("Energy" in name for name in outcome.figures)
    assert ("ENERGY_SOURCE", "RAPL package-0") in outcome.block.settings
