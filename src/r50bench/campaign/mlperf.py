"""One LoadGen run of the house: planned from a request, run, and kept as a record like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from r50bench.assets.store import Store
from r50bench.host.topology import Host
from r50bench.loadgen_settings import LoadgenSettings
from r50bench.measure.loadgen.session import PlannedMlperf, run_loadgen_session
from r50bench.measure.provisions import Provisions
from r50bench.measure.session import Outcome
from r50bench.parameters import Setting
from r50bench.progress import Progress
from r50bench.results.record import Record
from r50bench.results.samples import Samples

__all__ = ["PlannedMlperf", "plan_mlperf", "run_mlperf"]


def plan_mlperf(
    loadgen: LoadgenSettings, settings: Mapping[str, Setting], host: Host
) -> PlannedMlperf:
    """Returns the case that serves ``loadgen`` on this host, with everything filled in.

    ``settings`` are those of the parameter table (precision, engine, instances, dataset…), as
    :func:`r50bench.parameters.collect` gives them; precision is fp32 where they do not say.

    Raises:
        UsageError: settings contradict each other or the scenario, or cannot fit.
        Unsupported: this CPU has no instructions for the precision.
    """
    raise NotImplementedError


def run_mlperf(
    planned: PlannedMlperf,
    host: Host,
    store: Store,
    out: Path,
    progress: Progress,
    finish: Callable[[Record, Samples | None, Path], None],
) -> Outcome:
    """Runs LoadGen once (FindPeakPerformance: as often as its search needs); leaves a record.

    LoadGen's own logs and user.conf lie in the record's folder under ``loadgen/``; ``finish`` is
    given record, samples and folder before the folder takes its final name.

    Raises:
        AssetError, EngineError, Unsupported: the run could not start; nothing is left behind.
        UsageError: more pictures were asked than there are, or ``out`` cannot be written.
    """
    return run_loadgen_session(planned, host, Provisions(store, progress), out, progress, finish)
