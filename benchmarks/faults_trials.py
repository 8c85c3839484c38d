"""One trial of faults.py: a command, and a fault that strikes it."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EDQUOT, EIO, EMFILE, ENOMEM, ENOSPC, EROFS
from pathlib import Path

from PIL import Image

__all__ = [
    "BATCH_MS",
    "CALLS",
    "FAULTS",
    "TAMPERED",
    "VERBS",
    "Ended",
    "Grounds",
    "Trial",
    "Usual",
    "carry_out",
    "kill",
    "marked",
    "run_to_its_end",
    "state_of",
]

MARK = "FAULT_TRIAL"
PATIENCE_S = {"fake": "3", "onnxruntime": "20"}
LOOKED_EACH_S = 0.02
TICKS = os.sysconf("SC_CLK_TCK")
BATCH_MS = 4.0
CASE = "inference_throughput_fp32"
PICTURES, PATIENCE = "pictures", "patience"  # words of a command that each trial has of its own
FAKE = ("--engine", "fake", "--weights", "random")
VERBS: dict[str, tuple[str, ...]] = {
    "run": ("run", CASE, *FAKE, "--steps", "5", "--repeat", "2", "--timeout", PATIENCE),
    "sweep": (
        *("sweep", CASE, *FAKE, "--set", "BATCH_SIZE=1 2", "--steps", "5"),
        *("--timeout", PATIENCE),
    ),
    "mlperf": (
        *("mlperf", "--scenario", "SingleStream", "--mode", "PerformanceOnly", *FAKE),
        *("--duration", "0.2", "--query-count", "64", "--timeout", PATIENCE),
        *("--dataset", PICTURES),
    ),
    "peers": (
        *("peers", "--mode", "throughput", "--precision", "fp32", "--weights", "random"),
        *("--engines", "fake", "--steps", "2", "--warmup-steps", "1", "--timeout", PATIENCE),
        *("--batch-size", "1", "--cores-per-instance", "1", "--instances", "1"),
    ),
}
CALLS = {
    "ENOSPC": (ENOSPC, ("write", "fsync", "mkdir", "open")),
    "EDQUOT": (EDQUOT, ("write", "open")),
    "EIO": (EIO, ("read", "write", "fsync", "rename", "open")),
    "ENOMEM": (ENOMEM, ("mmap",)),
    "EMFILE": (EMFILE, ("open",)),
    "EROFS": (EROFS, ("open", "mkdir", "rename")),
}
SIGNALS = {
    "SIGKILL command": (signal.SIGKILL, False),
    "SIGTERM command": (signal.SIGTERM, False),
    "SIGINT command": (signal.SIGINT, False),
    "SIGHUP command": (signal.SIGHUP, False),
    "SIGQUIT command": (signal.SIGQUIT, False),
    "SIGSTOP command": (signal.SIGSTOP, False),
    "SIGKILL worker": (signal.SIGKILL, True),
    "SIGSTOP worker": (signal.SIGSTOP, True),
}
OTHERS = ("clock step", "torn file", "removed folder", "lost answer", "closed pipe", "full stdout")
FAULTS = (*CALLS, *SIGNALS, *OTHERS)
FROM_OUTSIDE = (*SIGNALS, "torn file", "removed folder", "closed pipe")
LOST = ("kill@{at}", "hang@{at}", "exit@{at}", "raise@{at}", "short@{at}", "nan@{at}")
TAMPERED = ("torn file", "removed folder")
"""Faults that take from a record what the command has written, which it cannot answer for."""


@dataclass(frozen=True)
class Trial:
    """One command and one fault. ``moment`` is the share of the command's usual way."""

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
    """What a verb does when nothing strikes: how far it gets (:class:`HowFar`), its time, and its
    calls of each kind."""

    length: float
    seconds: float
    calls: dict[str, int]


class HowFar:
    """How far a command has got: its CPU time and that of its children, and the time that none of
    them has anything to do. A machine that is busy with other work does not change it much."""

    def __init__(self, pid: int) -> None:
        self.seconds = 0.0
        self._pid = pid
        self._cpu = 0.0
        self._looked = time.monotonic()

    def look(self) -> float:
        """Looks again, and returns the seconds so far."""
        now, cpu, idle = time.monotonic(), 0.0, True
        for pid in (self._pid, *descendants(self._pid)):
            try:
                words = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            cpu += sum(map(int, words[11:15])) / TICKS
            idle = idle and words[0] in "SDTZ"
        self.seconds += now - self._looked if idle else max(0.0, cpu - self._cpu)
        self._cpu, self._looked = max(cpu, self._cpu), now
        return self.seconds


class Grounds:
    """A folder with the cache that all trials share, and the library that makes calls fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = self._built()
        self.pictures = folder / PICTURES
        make_pictures(self.pictures)
        self.usual: dict[tuple[str, str], Usual] = {}
        self.stopped = threading.Event()

    def _built(self) -> Path | None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            return None
        source, library = Path(__file__).with_name("faults_preload.c"), self.folder / "faults.so"
        command = [compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"]
        return library if subprocess.run(command, check=False).returncode == 0 else None

    def command(self, trial: Trial, own: Path) -> list[str]:
        patience = PATIENCE_S[trial.engine]
        instead = {"fake": trial.engine, PICTURES: str(self.pictures), PATIENCE: patience}
        words = [instead.get(word, word) for word in VERBS[trial.verb]]
        return [sys.executable, "-m", "r50bench", *words, "--out", str(own / "out")]

    def environment(self, own: Path) -> dict[str, str]:
        return os.environ | {
            MARK: str(own),
            "R50BENCH_CACHE": str(self.folder / "cache"),
            "R50BENCH_DATA": str(own / "data"),
            "TMPDIR": str(own),
            "FAKE_LATENCIES_NS": str(int(BATCH_MS * 1e6)),
            "FAKE_REALTIME": "1",
        }

    def measure(self, verb: str, engine: str) -> Usual:
        """Notes what the verb does undisturbed.

        Raises:
            SystemExit: it fails even so.
        """
        trial = Trial(0, verb, "none", engine, 0.0, 0)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            own = Path(folder)
            environment, counts = self.environment(own), own / "counts"
            if self.library is not None:
                environment |= self.failing("write", 0, 0) | {"FAULT_COUNT": str(counts)}
            began = time.monotonic()
            with (own / "said").open("wb") as said:
                process = subprocess.Popen(
                    self.command(trial, own),
                    env=environment,
                    cwd=own,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                )
            length = await_progress(process, float("inf"))
            seconds = time.monotonic() - began
            if process.returncode != 0:
                text = (own / "said").read_text(errors="replace")
                raise SystemExit(f"{verb} on {engine} fails undisturbed:\n{text}")
            lines = counts.read_text().splitlines() if counts.exists() else []
        calls = {call: int(count) for call, count in (line.split() for line in lines)}
        self.usual[verb, engine] = Usual(length, seconds, calls)
        return self.usual[verb, engine]

    def failing(self, call: str, at: int, number: int) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAULT_CALL": call,
            "FAULT_AT": str(at),
            "FAULT_ERRNO": str(number),
            "FAULT_UNDER": str(self.folder),
        }

    def stop(self) -> None:
        """Ends all that trials have started."""
        self.stopped.set()
        for pid in marked(self.folder):
            kill(pid)


def make_pictures(folder: Path) -> None:
    """Makes a data set of four pictures, which LoadGen is fed."""
    (folder / "n01440764").mkdir(parents=True)
    for shade in range(4):
        picture = Image.new("RGB", (256, 256), (40 * shade, 90, 200))
        picture.save(folder / "n01440764" / f"{shade}.JPEG")


def run_to_its_end(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, limit_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        check=False,
    )


def await_progress(process: subprocess.Popen[bytes], seconds: float) -> float:
    """Waits until the command has got so far, or has ended; returns how far it got."""
    far = HowFar(process.pid)
    while process.poll() is None and far.look() < seconds:
        time.sleep(LOOKED_EACH_S)
    return far.seconds


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
    """Returns the processes of a trial, or of all below a folder, that are still there."""
    wanted = f"{MARK}={own}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = path.read_bytes().split(b"\0")
            mine = any(word == wanted or word.startswith(wanted + b"/") for word in words)
            if mine and state_of(path.parent) not in "ZX":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def state_of(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def carry_out(trial: Trial, grounds: Grounds, own: Path) -> Ended:
    """Runs the command and strikes."""
    draw = random.Random(trial.seed)
    usual = grounds.usual[trial.verb, trial.engine]
    changes, struck = prepared(trial, grounds, usual, draw)
    told = own / "struck"
    full = trial.fault == "full stdout"
    process = subprocess.Popen(
        grounds.command(trial, own),
        env=grounds.environment(own) | changes | {"FAULT_TOLD": str(told)},
        cwd=own,
        stdin=subprocess.DEVNULL,
        stdout=open("/dev/full", "wb") if full else subprocess.PIPE,  # noqa: SIM115
        stderr=(own / "stderr").open("wb"),
        start_new_session=True,
    )
    if trial.fault in FROM_OUTSIDE:
        await_progress(process, trial.moment * usual.length)
        struck = strike(trial, process, own, draw)
    end = ended(process, own, 60 + 10 * usual.seconds)
    happened = told.exists() if "LD_PRELOAD" in changes else True
    return Ended(*end, struck if happened else "")


def prepared(
    trial: Trial, grounds: Grounds, usual: Usual, draw: random.Random
) -> tuple[dict[str, str], str]:
    """Returns the variables that bring the fault about, and what it is, where that is known."""
    if trial.fault in CALLS:
        number, calls = CALLS[trial.fault]
        call = draw.choice(calls)
        at = draw.randint(1, max(1, usual.calls.get(call, 1)))
        return grounds.failing(call, at, number), f"{call} {at}"
    if trial.fault == "clock step":
        jump = draw.choice((-86_400, -3600, 3600, 86_400 * 400))
        at = draw.randint(1, max(1, usual.calls.get("clock", 1)))
        return grounds.failing("clock", at, jump), f"{jump} s at {at}"
    if trial.fault == "lost answer":
        fault = draw.choice(LOST).format(at=draw.randint(1, 40))
        return {"FAKE_FAULT": fault}, fault
    return {}, trial.fault if trial.fault == "full stdout" else ""


def strike(trial: Trial, process: subprocess.Popen[bytes], own: Path, draw: random.Random) -> str:
    """Does what is to be done from outside; returns what that was, empty if nothing was there."""
    if trial.fault == "closed pipe":
        assert process.stdout is not None
        process.stdout.close()
        return "stdout"
    if trial.fault == "torn file":
        return tear(own, draw)
    if trial.fault == "removed folder":
        return remove(own, draw)
    number, of_worker = SIGNALS[trial.fault]
    await_main(process)
    targets = descendants(process.pid) if of_worker else [process.pid]
    if not targets or process.poll() is not None:
        return ""
    target = draw.choice(sorted(targets))
    try:
        os.kill(target, number)
        if trial.fault == "SIGSTOP command":
            time.sleep(draw.uniform(0.1, 4.0))
            os.kill(target, signal.SIGCONT)
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


def remove(own: Path, draw: random.Random) -> str:
    """Removes one of the trial's folders with all that is in it."""
    folders = sorted(path for path in own.rglob("*") if path.is_dir())
    if not folders:
        return ""
    folder = draw.choice(folders)
    shutil.rmtree(folder, ignore_errors=True)
    return str(folder.relative_to(own))


def ended(process: subprocess.Popen[bytes], own: Path, limit_s: float) -> tuple[int | None, str]:
    try:
        out = b""
        if process.stdout is not None and not process.stdout.closed:
            out, _ = process.communicate(timeout=limit_s)
        status: int | None = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, status = process.communicate()[0] or b"", None
    said = out.decode(errors="replace") + (own / "stderr").read_text(errors="replace")
    return status, said
