"""How long a first main job takes, with all that is to be fetched and compiled, and a second.

    python benchmarks/first_main_job.py [--prepare-for PLATFORM]

Runs ``r50bench run`` twice from an empty cache of its own and prints how long each took, and what
of it went into making models; exits with 3 where the first took more than 5 minutes or the second
more than 90 s.

With ``--prepare-for`` nothing is measured: the models are made that the main job of such a platform
(SPR, GENOA, …) needs, with this host's cores, so that the time is known before one sits at it.
Compilers take this CPU's instructions where they ask the CPU itself, which changes what they do but
little of how long. Prints the wall time, the CPU time of all children and what of the cores that
is; exits with 3 where a model could not be made.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from r50bench.host.topology import Host, read_host, usable_cores
from r50bench.main_job.plan import plan_main_job
from r50bench.main_job.prepare import prepare_models, with_pictures_there_are
from r50bench.measure.bench import bench_here
from r50bench.notices import Silent
from r50bench.planning.nominal import PLATFORMS, nominal_host, platform_named

FIRST_S, SECOND_S = 300.0, 90.0
_PREPARING, _MEASURING = "preparing ", "1 of "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prepare-for", metavar="PLATFORM", help=", ".join(PLATFORMS))
    platform = parser.parse_args().prepare_for
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"R50BENCH_CACHE": f"{folder}/cache", "R50BENCH_DATA": f"{folder}/data"}
        if platform:
            sys.exit(3 if _prepare(as_if(platform), Path(folder)) else 0)
        took = [_run(f"{folder}/runs", number) for number in ("first", "second")]
        sys.exit(3 if took[0] > FIRST_S or took[1] > SECOND_S else 0)


def as_if(platform: str) -> Host:
    """Returns this host with the instruction sets and the name of a platform's typical machine.

    Raises:
        UsageError: there is no such platform.
        SystemExit: it is of another architecture, for which nothing is compiled here.
    """
    here, typical = read_host(), nominal_host(platform_named(platform))
    if typical.arch != here.arch:
        raise SystemExit(f"{platform} is {typical.arch}, and this host is {here.arch}")
    names = ("arch", "vendor", "family", "model", "model_name", "isa")
    return replace(here, **{name: getattr(typical, name) for name in names})


def _prepare(host: Host, folder: Path) -> bool:
    """Makes the models of the host's main job; returns whether one could not be made."""
    bench = bench_here(host, folder / "runs", Silent())
    cases = with_pictures_there_are(plan_main_job(host, {}), bench).cases
    for case in (one.case for one in cases):
        bench.assets.weights(case)
    began, cpu_before = time.perf_counter(), _cpu_of_children()
    failed = prepare_models(cases, bench)
    took, cpu = time.perf_counter() - began, _cpu_of_children() - cpu_before
    cores = len(usable_cores(host))
    print(
        f"{len(cases)} models: {took:.0f} s, {cpu:.0f} s of CPU: {cpu / took / cores:.2f} of"
        f" {cores} cores"
    )
    for case, error in failed.items():
        print(f"! {case.engine} {case.precision}, batch {case.batch_size}: {error}")
    return bool(failed)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(out: str, number: str) -> float:
    """Runs the main job, prints how long it took, and returns that in seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "r50bench", "run", "--out", out]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        seen = dict(_phases(process, began))
    took = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    made = seen[_MEASURING] - seen[_PREPARING]
    print(f"{number:6} {took:4.0f} s, {made:.0f} of it for models", flush=True)
    return took


def _phases(process: subprocess.Popen[str], began: float) -> Iterator[tuple[str, float]]:
    """Yields when, in seconds from the start, models and measurements were begun with."""
    assert process.stderr is not None
    for line in process.stderr:
        for phase in (_PREPARING, _MEASURING):
            if line.startswith(phase):
                yield phase, time.perf_counter() - began


if __name__ == "__main__":
    main()
