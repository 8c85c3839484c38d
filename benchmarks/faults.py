"""Injects faults at random moments of run, mlperf, sweep and peers, and looks at what is left.

    python benchmarks/faults.py [--faults 1000] [--seed 1] [--jobs N] [--real 20] [--only FAULT]

Each trial runs one command on the fake engine (``--real`` of them on ONNX Runtime, where it is
installed), in folders of its own beside one cache, and strikes once: signals to the command or to
one of its workers, a call of the C library that fails (faults_preload.c, which takes a C compiler),
a clock that jumps, a file cut short, a pipe closed by its reader. Then it is asked

- whether a record is valid that should not be: samples missing, or figures that the script of the
  fake engine does not give;
- whether a record is lost that the command has acknowledged by ending with 0: its folder, and its
  row of the history unless the command said that it has none;
- whether a process is left 2 s after the command's end, and whether the command hung;
- whether anybody was shown a traceback.

Prints a table of faults by verb, and each finding with the command that repeats it. Exits with 3
where there is one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from errno import EDQUOT, EIO, ENOMEM, ENOSPC
from pathlib import Path

from PIL import Image

from r50bench.errors import R50BenchError
from r50bench.load import Steps
from r50bench.report.kpi_block import kpi_block
from r50bench.results.record import Record, read_record
from r50bench.results.samples import Samples, samples_of

MARK = "FAULT_TRIAL"
LIMIT_S = 90.0
LEFT_AFTER_S = 2.0
BATCH_MS = 4.0
CASE = "inference_throughput_fp32"
PICTURES, PATIENCE = "pictures", "patience"  # words of a command that each trial has of its own
FAKE = ("--engine", "fake", "--weights", "random")
VERBS: dict[str, tuple[str, ...]] = {
    "run": ("run", CASE, *FAKE, "--steps", "5", "--repeat", "2", "--timeout", PATIENCE),
    "sweep": (
        "sweep",
        CASE,
        *FAKE,
        "--set",
        "BATCH_SIZE=1 2",
        "--steps",
        "5",
        "--timeout",
        PATIENCE,
    ),
    "mlperf": (
        *("mlperf", "--scenario", "SingleStream", "--mode", "PerformanceOnly", *FAKE),
        *("--duration", "0.2", "--query-count", "64", "--timeout", PATIENCE),
        *("--dataset", PICTURES),
    ),
    "peers": (
        *("peers", "--mode", "throughput", "--precision", "fp32", "--weights", "random"),
        *("--engines", "onnxruntime", "--steps", "2", "--warmup-steps", "1", "--timeout", PATIENCE),
        *("--batch-size", "1", "--cores-per-instance", "1", "--instances", "1"),
    ),
}
CALLS = {
    "ENOSPC": (ENOSPC, ("write", "fsync", "mkdir", "open")),
    "EDQUOT": (EDQUOT, ("write", "open")),
    "EIO": (EIO, ("write", "fsync", "rename", "open")),
    "ENOMEM": (ENOMEM, ("mmap",)),
}
SIGNALS = {
    "SIGKILL command": (signal.SIGKILL, False),
    "SIGTERM command": (signal.SIGTERM, False),
    "SIGINT command": (signal.SIGINT, False),
    "SIGKILL worker": (signal.SIGKILL, True),
    "SIGSTOP worker": (signal.SIGSTOP, True),
}
OTHERS = ("clock step", "torn file", "lost answer", "closed pipe")
FAULTS = (*CALLS, *SIGNALS, *OTHERS)
LOST = ("kill@{at}", "hang@{at}", "exit@{at}", "raise@{at}", "short@{at}", "nan@{at}")


@dataclass(frozen=True)
class Trial:
    """One command and one fault. ``moment`` is the share of the command's usual time."""

    number: int
    verb: str
    fault: str
    engine: str
    moment: float
    seed: int


@dataclass
class Ended:
    """How the command ended: its status (None: it hung), what it said, and how it was struck."""

    status: int | None
    said: str
    struck: str = ""


@dataclass(frozen=True)
class Usual:
    """What a verb does when nothing strikes: its time, and its calls of each kind."""

    seconds: float
    calls: dict[str, int]


class Grounds:
    """A folder with the cache that all trials share, and the library that makes calls fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = self._built()
        self.pictures = folder / PICTURES
        make_pictures(self.pictures)
        self.usual: dict[tuple[str, str], Usual] = {}

    def _built(self) -> Path | None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            return None
        source, library = Path(__file__).with_name("faults_preload.c"), self.folder / "faults.so"
        command = [compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"]
        return library if subprocess.run(command, check=False).returncode == 0 else None

    def command(self, trial: Trial, own: Path) -> list[str]:
        patience = "3" if trial.engine == "fake" else "20"
        instead = {"fake": trial.engine, PICTURES: str(self.pictures), PATIENCE: patience}
        words = [instead.get(word, word) for word in VERBS[trial.verb]]
        return [sys.executable, "-m", "r50bench", *words, "--out", str(own / "out")]

    def environment(self, trial: Trial, own: Path) -> dict[str, str]:
        return os.environ | {
            MARK: str(own),
            "R50BENCH_CACHE": str(self.folder / "cache"),
            "R50BENCH_DATA": str(own / "data"),
            "TMPDIR": str(own),
            "FAKE_LATENCIES_NS": str(int(BATCH_MS * 1e6)),
            "FAKE_REALTIME": "1",
        }

    def measure(self, verb: str, engine: str) -> None:
        """Notes what the verb does undisturbed.

        Raises:
            SystemExit: it fails even so.
        """
        trial = Trial(0, verb, "none", engine, 0.0, 0)
        own = Path(tempfile.mkdtemp(dir=self.folder))
        environment, counts = self.environment(trial, own), own / "counts"
        if self.library is not None:
            environment |= self.failing("write", 0, 0) | {"FAULT_COUNT": str(counts)}
        began = time.monotonic()
        done = subprocess.run(
            self.command(trial, own),
            env=environment,
            cwd=own,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        seconds = time.monotonic() - began
        if done.returncode != 0:
            raise SystemExit(f"{verb} on {engine} fails undisturbed:\n{done.stderr}")
        lines = counts.read_text().splitlines() if counts.exists() else []
        pairs = (line.split() for line in lines)
        self.usual[verb, engine] = Usual(seconds, {call: int(count) for call, count in pairs})
        shutil.rmtree(own)

    def failing(self, call: str, at: int, number: int) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAULT_CALL": call,
            "FAULT_AT": str(at),
            "FAULT_ERRNO": str(number),
        }


def make_pictures(folder: Path) -> None:
    """Makes a data set of four pictures, which LoadGen is fed."""
    (folder / "n01440764").mkdir(parents=True)
    for shade in range(4):
        picture = Image.new("RGB", (256, 256), (40 * shade, 90, 200))
        picture.save(folder / "n01440764" / f"{shade}.JPEG")


def descendants(pid: int) -> list[int]:
    """Returns the processes that ``pid`` has started, and theirs."""
    found, waiting = [], [pid]
    while waiting:
        try:
            text = Path(f"/proc/{waiting.pop()}/task").glob("*/children")
            children = [int(word) for path in text for word in path.read_text().split()]
        except (OSError, ValueError):
            continue
        found += children
        waiting += children
    return found


def marked(own: Path) -> list[int]:
    """Returns the processes of a trial that are still there."""
    wanted = f"{MARK}={own}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0") and "Z" not in _state(path.parent):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _state(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def carry_out(trial: Trial, grounds: Grounds, own: Path) -> Ended:
    """Runs the command and strikes."""
    draw = random.Random(trial.seed)
    usual = grounds.usual[trial.verb, trial.engine]
    environment, struck = grounds.environment(trial, own), ""
    if trial.fault in CALLS:
        number, calls = CALLS[trial.fault]
        call = draw.choice(calls)
        at = draw.randint(1, max(1, usual.calls.get(call, 1)))
        environment |= grounds.failing(call, at, number)
        struck = f"{call} {at}"
    elif trial.fault == "clock step":
        jump = draw.choice((-86_400, -3600, 3600, 86_400 * 400))
        environment |= grounds.failing("clock", draw.randint(1, usual.calls.get("clock", 1)), jump)
        struck = f"{jump} s"
    elif trial.fault == "lost answer":
        struck = draw.choice(LOST).format(at=draw.randint(1, 40))
        environment["FAKE_FAULT"] = struck
    process = subprocess.Popen(
        grounds.command(trial, own),
        env=environment,
        cwd=own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(own / "stderr").open("wb"),
        start_new_session=True,
    )
    if trial.fault in SIGNALS or trial.fault in ("torn file", "closed pipe"):
        time.sleep(trial.moment * usual.seconds)
        struck = strike(trial, process, own, draw)
    return ended(process, own, struck)


def strike(trial: Trial, process: subprocess.Popen[bytes], own: Path, draw: random.Random) -> str:
    """Does what is to be done from outside; returns what that was, empty if nothing was there."""
    if trial.fault == "closed pipe":
        assert process.stdout is not None
        process.stdout.close()
        return "stdout"
    if trial.fault == "torn file":
        return tear(own, draw)
    number, of_worker = SIGNALS[trial.fault]
    await_main(process)
    targets = descendants(process.pid) if of_worker else [process.pid]
    if not targets or process.poll() is not None:
        return ""
    target = draw.choice(sorted(targets))
    try:
        os.kill(target, number)
    except ProcessLookupError:
        return ""
    return f"pid {target}"


def await_main(process: subprocess.Popen[bytes]) -> None:
    """Waits until the command handles SIGTERM itself: before, Python starts, which is not ours."""
    caught = re.compile(r"^SigCgt:\s*([0-9a-f]+)", re.MULTILINE)
    while process.poll() is None:
        try:
            found = caught.search(Path(f"/proc/{process.pid}/status").read_text())
        except OSError:
            return
        if found is None or int(found[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def tear(own: Path, draw: random.Random) -> str:
    """Cuts one of the trial's files short."""
    files = [path for path in own.rglob("*") if path.is_file() and path.name != "stderr"]
    if not files:
        return ""
    path = draw.choice(sorted(files))
    try:
        os.truncate(path, draw.randint(0, max(0, path.stat().st_size - 1)))
    except OSError:  # it is gone by now
        return ""
    return str(path.relative_to(own))


def ended(process: subprocess.Popen[bytes], own: Path, struck: str) -> Ended:
    try:
        out = b""
        if process.stdout is not None and not process.stdout.closed:
            out, _ = process.communicate(timeout=LIMIT_S)
        status: int | None = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, status = process.communicate()[0] or b"", None
    said = out.decode(errors="replace") + (own / "stderr").read_text(errors="replace")
    return Ended(status, said, struck)


def findings(trial: Trial, end: Ended, own: Path) -> Iterator[str]:
    """Yields all that is wrong after a trial."""
    if end.status is None:
        yield "hung"
    if "Traceback (most recent call last)" in end.said or "this is a bug" in end.said:
        yield "traceback"
    deadline = time.monotonic() + LEFT_AFTER_S
    while (left := marked(own)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        yield "process left"
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    records = [path.parent for path in own.glob("out/**/record.json") if not hidden(path, own)]
    for folder in records:
        if trial.fault != "torn file" and (wrong := not_to_be_valid(folder, trial)):
            yield f"valid and should not be: {wrong}"
    if end.status == 0 and trial.fault != "torn file":
        if not records:
            yield "record lost: the command ended with 0"
        said_absent = "is not in the history" in end.said
        missing = [] if said_absent else not_in_history(records, own / "data")
        if missing:
            yield f"record lost: {missing[0].name} is not in the history, and nobody said so"
    if trial.fault == "torn file" and records and traceback_of_kpi(own):
        yield "traceback"


def hidden(path: Path, own: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(own).parts)


def not_to_be_valid(folder: Path, trial: Trial) -> str | None:
    """Says why a valid record should not be, None where all is well with it."""
    try:
        record = read_record(folder)
        samples = samples_of(record, folder)
    except R50BenchError as error:
        return f"it cannot be read: {error}"
    if record.status != "valid":
        return None
    if samples is None:
        return None if record.loadgen is not None else "it has no samples"
    if isinstance(record.load, Steps) and (wrong := _incomplete(record, samples)):
        return wrong
    figures = {kpi.name: kpi.value for kpi in kpi_block(record, samples).kpis}
    expected = 1000 * record.case.batch_size * record.case.instances / BATCH_MS
    found = figures.get("Average Throughput")
    if record.engine is not None and record.engine.name == "fake" and found is not None:
        return None if abs(found / expected - 1) < 1e-9 else f"{found} img/s, not {expected}"
    return None


def _incomplete(record: Record, samples: Samples) -> str | None:
    case = record.case
    due = (case.steps or 0) * case.instances * case.repeat
    return None if len(samples.step) == due else f"{len(samples.step)} of {due} batches"


def not_in_history(records: Sequence[Path], data: Path) -> list[Path]:
    try:
        connection = sqlite3.connect(f"file:{data / 'history.sqlite'}?mode=ro", uri=True)
        known = {row[0] for row in connection.execute("SELECT id FROM records")}
        connection.close()
    except sqlite3.Error:
        known = set()
    return [folder for folder in records if folder.name not in known]


def traceback_of_kpi(own: Path) -> bool:
    command = [sys.executable, "-m", "r50bench", "kpi", str(own / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return "Traceback" in done.stderr or done.returncode == 1


def plan(faults: int, real: int, seed: int, only: str | None, peers: bool) -> list[Trial]:
    """Returns the trials, every fault and verb as often as any other, in random order."""
    draw = random.Random(seed)
    kinds = [fault for fault in FAULTS if only in (None, fault)]
    verbs = [verb for verb in VERBS if verb != "peers" or peers]
    pairs = [(fault, verb) for fault in kinds for verb in verbs]
    trials = []
    for number in range(faults):
        fault, verb = pairs[number % len(pairs)]
        # What only the fake engine's script can do is done to it alone.
        genuine = verb == "peers" or (number < real and peers and fault != "lost answer")
        engine = "onnxruntime" if genuine else "fake"
        trials.append(Trial(number, verb, fault, engine, draw.random(), draw.getrandbits(32)))
    draw.shuffle(trials)
    return trials


def try_out(trial: Trial, grounds: Grounds) -> tuple[Trial, Ended, list[str]]:
    with tempfile.TemporaryDirectory(dir=grounds.folder, prefix=f"{trial.number}-") as folder:
        own = Path(folder)
        end = carry_out(trial, grounds, own)
        return trial, end, list(findings(trial, end, own))


def table(done: Sequence[tuple[Trial, Ended, list[str]]]) -> str:
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
    kinds = Counter(
        re.split(r":", finding)[0] for _, _, found in done for finding in dict.fromkeys(found)
    )
    named = ("valid and should not be", "record lost", "process left", "traceback", "hung")
    lines.append(", ".join(f"{kinds[kind]} {kind}" for kind in named))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--real", type=int, default=20, help="trials on ONNX Runtime, beside peers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=FAULTS, help="one fault alone")
    arguments = parser.parse_args()
    peers = importlib.util.find_spec("onnxruntime") is not None and arguments.real > 0
    trials = plan(arguments.faults, arguments.real, arguments.seed, arguments.only, peers)
    with tempfile.TemporaryDirectory(prefix="r50bench-faults-") as folder:
        grounds = Grounds(Path(folder))
        if grounds.library is None:
            print("no C compiler: calls that fail are left out")
            trials = [trial for trial in trials if trial.fault not in (*CALLS, "clock step")]
        for verb, engine in sorted({(trial.verb, trial.engine) for trial in trials}):
            grounds.measure(verb, engine)
        began = time.monotonic()
        done = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            run: Callable[[Trial], tuple[Trial, Ended, list[str]]]
            run = lambda trial: try_out(trial, grounds)  # noqa: E731
            for trial, end, found in pool.map(run, trials):
                done.append((trial, end, found))
                for finding in found:
                    print(f"! {trial} {end.struck}, exit {end.status}: {finding}", flush=True)
                    print("    " + "\n    ".join(end.said.strip().splitlines()[-6:]), flush=True)
        print(f"{len(done)} faults in {time.monotonic() - began:.0f} s, seed {arguments.seed}")
        print(table(done))
    raise SystemExit(3 if any(found for _, _, found in done) else 0)


if __name__ == "__main__":
    main()
