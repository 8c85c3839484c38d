"""Injects faults at random moments of run, mlperf, sweep and peers, and looks at what is left.

    python benchmarks/faults.py [--faults 1000] [--seed 1] [--jobs N] [--real 20] [--only FAULT]

Each trial runs one command on the fake engine (``--real`` of them on ONNX Runtime, where it is
installed), in folders of its own beside one cache, and strikes once: signals to the command or to
one of its workers, a call of the C library that fails (faults_preload.c, which takes a C compiler),
a clock that jumps, a file cut short, a pipe closed by its reader, a disk of no space to print to, a
folder that is removed. Then it is asked

- whether a record is valid that should not be: samples missing, or figures that the script of the
  fake engine does not give;
- whether a record is lost that the command has acknowledged by ending with 0: its folder, and its
  row of the history unless the command said that it has none; and whether a sweep that was struck
  goes on to its end;
- whether a process is left 2 s after the command's end, and whether the command hung;
- whether anybody was shown a traceback;
- in the end, whether every command still works in the cache that all of them shared.

Each finding is printed when it is made, with what repeats it, and every while how far all is. At
the end, or when it is interrupted, comes a table of faults by verb. Exits with 3 where there is a
finding, with 130 where it was interrupted without one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from faults_findings import try_out
from faults_trials import CALLS, FAULTS, VERBS, Ended, Grounds, Trial

TOLD_EACH_S = 15.0

Done = tuple[Trial, Ended, list[str]]


def plan(
    faults: int, real: int, seed: int, only: Sequence[str], verbs: Sequence[str], number: int | None
) -> list[Trial]:
    """Returns the trials, every fault and verb as often as any other, in random order."""
    draw = random.Random(seed)
    pairs = [(fault, verb) for fault in FAULTS if not only or fault in only for verb in verbs]
    trials = []
    for at in range(faults):
        fault, verb = pairs[at % len(pairs)]
        # What only the fake engine's script can do is done to it alone.
        genuine = at < real and fault != "lost answer"
        engine = "onnxruntime" if genuine else "fake"
        trials.append(Trial(at, verb, fault, engine, draw.random(), draw.getrandbits(32)))
    draw.shuffle(trials)
    return [trial for trial in trials if number in (None, trial.number)]


def carried_out(trials: Sequence[Trial], grounds: Grounds, jobs: int) -> Iterator[Done]:
    """Yields each trial when it is done; an interrupt ends those that are under way."""
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Done]] = [pool.submit(try_out, one, grounds) for one in trials]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            grounds.stop()
            raise


def table(done: Sequence[Done]) -> str:
    """Returns, by fault and verb, the trials, how many did not end with 0, and the findings."""
    counts = Counter((trial.fault, trial.verb) for trial, _, _ in done)
    bad = Counter((trial.fault, trial.verb) for trial, _, found in done if found)
    verbs = [verb for verb in VERBS if any(trial.verb == verb for trial, _, _ in done)]
    failed = Counter((trial.fault, trial.verb) for trial, end, _ in done if end.status != 0)
    lines = [f"{'trials/failed (bad)':20}" + "".join(f"{verb:>12}" for verb in verbs)]
    for fault in (fault for fault in FAULTS if any(trial.fault == fault for trial, _, _ in done)):
        cells = (
            f"{counts[fault, verb]}/{failed[fault, verb]} ({bad[fault, verb]})" for verb in verbs
        )
        lines.append(f"{fault:20}" + "".join(f"{cell:>12}" for cell in cells))
    struck = sum(bool(end.struck) for _, end, _ in done)
    real = sum(trial.engine != "fake" for trial, _, _ in done)
    lines.append(f"{len(done)} trials, {real} of them on a real engine; {struck} struck in time")
    return "\n".join(lines)


def sums(done: Sequence[Done]) -> str:
    """Returns how often each kind of finding was made."""
    kinds = Counter(
        re.split(r":| \(", finding)[0] for _, _, found in done for finding in dict.fromkeys(found)
    )
    named = ("valid and should not be", "record lost", "process left", "traceback", "hung")
    others = [kind for kind in kinds if kind not in named]
    return ", ".join(f"{kinds[kind]} {kind}" for kind in (*named, *others))


def tell(trial: Trial, end: Ended, found: Sequence[str]) -> None:
    for finding in found:
        print(f"! {trial} struck by {end.struck or 'nothing'}, exit {end.status}: {finding}")
        print("    " + "\n    ".join(end.said.strip().splitlines()[-8:]), flush=True)


def how_far(done: int, total: int, findings: int, began: float) -> str:
    each = (time.monotonic() - began) / done
    left = each * (total - done)
    return (
        f"{done} of {total} trials, {findings} with findings; {each:.2f} s a trial,"
        f" about {left / 60:.0f} min left"
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--real", type=int, default=20, help="of these on ONNX Runtime")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2 * len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=FAULTS, action="append", help="these faults alone")
    parser.add_argument("--verbs", choices=VERBS, action="append", help="these verbs alone")
    parser.add_argument("--trial", type=int, metavar="N", help="the trial of that number alone")
    return parser.parse_args()


def main() -> None:
    arguments = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell's & has them ignored, and whoever is started would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    real = arguments.real if importlib.util.find_spec("onnxruntime") is not None else 0
    only, verbs = arguments.only or [], arguments.verbs or list(VERBS)
    trials = plan(arguments.faults, real, arguments.seed, only, verbs, arguments.trial)
    done: list[Done] = []
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="r50bench-faults-") as folder:
        grounds = Grounds(Path(folder))
        if grounds.library is None:
            print("no C compiler: calls that fail are left out")
            trials = [trial for trial in trials if trial.fault not in (*CALLS, "clock step")]
        began = told = time.monotonic()
        try:
            for verb, engine in sorted({(trial.verb, trial.engine) for trial in trials}):
                usual = grounds.measure(verb, engine)
                print(
                    f"{verb} on {engine}, undisturbed: {usual.length:.1f} s of work and waiting"
                    f" in {usual.seconds:.1f} s",
                    flush=True,
                )
            began = told = time.monotonic()
            for trial, end, found in carried_out(trials, grounds, arguments.jobs):
                done.append((trial, end, found))
                tell(trial, end, found)
                if time.monotonic() - told > TOLD_EACH_S:
                    told = time.monotonic()
                    bad = sum(bool(one) for _, _, one in done)
                    print(how_far(len(done), len(trials), bad, began), flush=True)
            for verb, engine in sorted(grounds.usual):  # what was left in the cache harms nobody
                grounds.measure(verb, engine)
        except KeyboardInterrupt:
            interrupted = True
            print("interrupted: this is what was found until then")
    print(f"{len(done)} faults in {time.monotonic() - began:.0f} s, seed {arguments.seed}")
    print(table(done))
    print(sums(done))
    bad_ones = any(found for _, _, found in done)
    sys.exit(3 if bad_ones else 130 if interrupted else 0)


if __name__ == "__main__":
    main()
