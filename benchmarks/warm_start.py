"""From the shell prompt to the first measured batch, everything needed being in the cache.

    python benchmarks/warm_start.py [CASE…] [--rounds 5]

Starts ``r50bench run CASE --steps 10`` several times and reads in each record when its first
measured batch began, on the clock that the command was started by. One run before that fills the
cache. Prints the median with least and greatest; exits with 3 where a median is above 4 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from r50bench.results.record import read_record
from r50bench.results.samples import samples_of

TARGET_S = 4.0
_CASES = ("inference_latency_fp32", "inference_latency_bf16", "inference_latency_int8")


def first_batch_after(case: str, weights: str) -> float:
    """Returns the seconds from the command's start to its first timed batch.

    Samples are stamped by CLOCK_MONOTONIC, which is the same for all processes of a machine.
    """
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "r50bench", "run", case, "--steps", "10", "--quiet"]
        options = ["--weights", weights, "--out", out]
        began = time.perf_counter_ns()
        done = subprocess.run(
            [*command, *options], stdout=subprocess.DEVNULL, env=os.environ, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with status {done.returncode}")
        (record,) = Path(out).rglob("record.json")
        samples = samples_of(read_record(record.parent), record.parent)
        if samples is None:
            raise SystemExit(f"{case} timed nothing")
        return float(samples.start_ns.min() - began) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=_CASES, metavar="CASE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", default="auto", help="as of r50bench run")
    arguments = parser.parse_args()
    late = False
    for case in arguments.cases:
        first_batch_after(case, arguments.weights)
        found = [first_batch_after(case, arguments.weights) for _ in range(arguments.rounds)]
        median = statistics.median(found)
        late |= median > TARGET_S
        print(f"{case:28} {median:.2f} s ({min(found):.2f}-{max(found):.2f})", flush=True)
    sys.exit(3 if late else 0)


if __name__ == "__main__":
    main()
