"""What the driver tells of the GPUs of a session: before it, and at the end of each round."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from r50bench.case import Placement
from r50bench.host.accelerators import read_states
from r50bench.host.gpu_doctor import examine_gpus
from r50bench.host.topology import Gpu, GpuState, Host
from r50bench.notices import Notice
from r50bench.results.record import GpuReport

__all__ = ["GpuWatch", "gpus_of"]


def gpus_of(placement: Placement, host: Host) -> tuple[Gpu, ...]:
    """Returns the GPUs of the slots, in their order."""
    by_address = {gpu.pci: gpu for gpu in host.gpus}
    return tuple(by_address[slot.gpu] for slot in placement.slots if slot.gpu)


class GpuWatch:
    """The GPUs of one session.

    ``findings`` are what hurt their figures when the watch began, before the instances were loaded.
    """

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        self._gpus = gpus
        self._before = self._after = read_states(gpus)
        self._energy_j: list[float | None] = [0.0 for _ in gpus]
        self._slowdowns: list[dict[str, None]] = [{} for _ in gpus]
        self._measured_s = 0.0
        self.findings: tuple[Notice, ...] = examine_gpus(gpus, self._before)

    @contextmanager
    def round(self) -> Iterator[None]:
        """Asks the driver just before and just after what is measured in the context."""
        before, began = read_states(self._gpus), time.monotonic()
        yield
        # The clocks fall within a tenth of a second: ask before anything else is done.
        self._after = read_states(self._gpus)
        self._measured_s += time.monotonic() - began
        for at, (first, last) in enumerate(zip(before, self._after, strict=True)):
            self._energy_j[at] = _sum(self._energy_j[at], first, last)
            self._slowdowns[at] |= dict.fromkeys(last.slowdowns or ())

    def slowed(self) -> tuple[Notice, ...]:
        """Returns a notice for each GPU that ran below its clocks at the end of some round."""
        return tuple(
            Notice(
                "gpu-slowed",
                f"GPU {gpu.pci} ran below its clocks while it was measured: {', '.join(reasons)}",
                "cool it, or raise its power limit"
                " (nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE)",
            )
            for gpu, reasons in zip(self._gpus, self._slowdowns, strict=True)
            if reasons
        )

    def reports(self) -> tuple[GpuReport, ...]:
        """Returns what the record keeps."""
        return tuple(
            GpuReport(
                pci=gpu.pci,
                name=gpu.name,
                driver=gpu.driver,
                before=self._before[at],
                after=self._after[at],
                slowdowns=tuple(self._slowdowns[at]),
                energy_j=self._energy_j[at] if self._measured_s else None,
                measured_s=self._measured_s,
            )
            for at, gpu in enumerate(self._gpus)
        )


def _sum(so_far: float | None, first: GpuState, last: GpuState) -> float | None:
    if so_far is None or first.energy_j is None or last.energy_j is None:
        return None
    return so_far + last.energy_j - first.energy_j
