#!/usr/bin/env python3
# quick
"""Runs a fleet on a cluster of Ray's own making: several nodes on this machine, and kills them.

    python3 tests/system/fleet.py [STEP]... [--nodes N] [--kills N] [--seed N] [--real]

Where Ray is not installed the exit status is 77. Nodes have folders of their own and, as root, a
boot of their own, so that they count as hosts of their own; nothing but what is started here is
ever ended. With --real, two nodes measure by a real engine. docs/fleet.md promises what is checked.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
SKIPPED, FAILED = 77, 1
MARK = "FLEET_TRIAL"
PROGRAM = "import sys; from r50bench.cli.main import main; sys.exit(main())"
CASES = ("inference_throughput_fp32", "inference_latency_fp32", "inference_throughput_fp32_gated")
FAKE = ("--engine", "fake", "--weights", "random", "--warmup-steps", "1")
BRIEF = ("--steps", "5", "--set", "CUSTOMER_ENV=FAKE_LATENCIES_NS=2000000,2100000")
LASTING = ("--steps", "25", "--set", "CUSTOMER_ENV=FAKE_LATENCIES_NS=100000000 FAKE_REALTIME=1")
HANGING = ("--steps", "5", "--set", "CUSTOMER_ENV=FAKE_FAULT=hang@3")
PORTS = {"gcs": 36379, "client": 36380}
LIMIT_S = 240.0
Said = subprocess.CompletedProcess


class StepFailed(Exception):
    """What a step found wrong."""


class Cluster:
    """A head and nodes ``n1``, ``n2``…, every process of which carries a mark of this trial."""

    def __init__(self, folder: Path, *, token: bool = True, shift: int = 0) -> None:
        self.folder = folder
        self.trial = secrets.token_hex(6)
        self.gcs = f"127.0.0.1:{PORTS['gcs'] + shift}"
        self.client = f"ray://127.0.0.1:{PORTS['client'] + shift}"
        self._shift = shift
        self._places: list[Path] = []
        secret = folder / "token"
        secret.write_text(secrets.token_hex(32))
        kept = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("R50BENCH_", "RAY_", "FAKE_", "XDG_", "OMP_"))
        }
        self.environment = kept | {
            "PYTHONPATH": str(SOURCE),
            "RAY_AUTH_MODE": "token" if token else "disabled",
            "RAY_AUTH_TOKEN_PATH": str(secret),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "R50BENCH_CACHE": os.environ.get("R50BENCH_CACHE", str(folder / "cache")),
            "R50BENCH_DATA": str(folder / "history"),
        }

    def start_head(self) -> None:
        self._start(
            "head",
            "--head",
            f"--port={PORTS['gcs'] + self._shift}",
            f"--ray-client-server-port={PORTS['client'] + self._shift}",
            "--include-dashboard=false",
            "--disable-usage-stats",
            "--num-cpus=0",
        )

    def start_node(self, name: str) -> None:
        words = (
            f"--address={self.gcs}",
            "--num-cpus=1",  # for which Ray starts one idle worker
            "--include-log-monitor=false",
            '--resources={"r50bench": 1}',
            "--labels=kind=trial",
        )
        try:
            self._start(name, *words)
        except StepFailed:  # a busy machine takes longer than Ray waits for
            self.kill(name)
            self._start(name, *words)

    def _start(self, name: str, *words: str) -> None:
        # Ray's sockets lie in its folder, and their paths have 107 bytes at most.
        place = Path(tempfile.mkdtemp(prefix="rf-"))
        self._places.append(place)
        (place / "boot").write_text(f"{self.trial}-{name}\n")
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *words]
        command += [f"--node-name={name}"]
        command += ["--object-store-memory=80000000", f"--temp-dir={place}"]
        if os.geteuid() == 0:
            own = 'mount --bind "$0" /proc/sys/kernel/random/boot_id 2>/dev/null; exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", own, str(place / "boot"), *command]
        marked = self.environment | {MARK: f"{self.trial}/{name}/", "TMPDIR": str(place)}
        with open(place / "start.log", "wb") as log:
            try:
                done = subprocess.run(
                    command, env=marked, cwd=place, stdout=log, stderr=log, check=False,
                    timeout=LIMIT_S,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise StepFailed(f"ray start takes more than {LIMIT_S:g} s") from None
        if done.returncode != 0:
            last = (place / "start.log").read_text(errors="replace").strip()[-500:]
            raise StepFailed(f"ray start ended with {done.returncode}: {last}")

    def processes(self, name: str) -> Iterator[tuple[int, str]]:
        """Yields the living processes of a node (of all, where it is empty): pid and command."""
        mark = f"{MARK}={self.trial}/{name}{'/' if name else ''}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            try:
                if any(
                    one.startswith(mark) for one in (entry / "environ").read_bytes().split(b"\0")
                ):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    if command.strip():  # a zombie has none
                        yield int(entry.name), command.decode(errors="replace")
            except OSError:
                continue

    def kill(self, name: str, part: Callable[[str], bool] = lambda command: True) -> int:
        """Kills the processes of a node that are meant; returns how many."""
        killed = 0
        for pid, command in self.processes(name):
            if part(command):
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    continue
        return killed

    def measuring(self) -> list[str]:
        """The commands of r50bench that run on any node."""
        return [command for _, command in self.processes("") if " --out " in command]

    def close(self, *, keep: bool = False) -> None:
        """Ends all that was started here; with ``keep`` the folders, and so Ray's logs, stay."""
        while self.kill(""):
            time.sleep(0.1)
        for place in self._places if not keep else ():
            shutil.rmtree(place, ignore_errors=True)

    def driver(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            env=self.environment | {"TMPDIR": str(self.folder)} | variables,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> Said[str]:
        driver = self.driver(*words, **variables)
        try:
            out, err = driver.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            driver.kill()
            raise StepFailed(f"{' '.join(words)} did not end: {driver.communicate()}") from None
        return Said(words, driver.returncode, out, err)


def expect(said: Said[str], status: int, *words: str) -> None:
    whole = said.stdout + said.stderr
    missing = [word for word in words if word not in whole]
    if said.returncode != status or missing or "Traceback" in whole:
        raise StepFailed(f"exit {said.returncode}, not said: {missing}\n{whole[-3000:]}")


class Trial:
    """The steps, on one cluster."""

    def __init__(self, cluster: Cluster, names: Sequence[str], asked: argparse.Namespace) -> None:
        self.cluster = cluster
        self.names = names
        self.asked = asked
        self.random = random.Random(asked.seed)

    def strangers(self) -> str:
        """Who has no token, or another, is turned away, and an open cluster is not used."""
        cluster = self.cluster
        for address in (cluster.gcs, cluster.client):
            listed = ("fleet", "list", "--address", address)
            expect(cluster.run(*listed, RAY_AUTH_TOKEN="0" * 64), 2, "is not its own")
            expect(cluster.run(*listed, RAY_AUTH_TOKEN_PATH="/nowhere"), 2, "none is set here")
            expect(cluster.run(*listed, RAY_AUTH_MODE="disabled"), 2, "none is set here")
        expect(
            cluster.run("fleet", "list", "--address", "127.0.0.1:1"), 5, "answers at 127.0.0.1:1"
        )
        place = cluster.folder / "open"
        place.mkdir()
        open_one = Cluster(place, token=False, shift=10)
        try:
            open_one.start_head()
            said = open_one.run("fleet", "list", "--address", open_one.gcs)
            expect(said, 2, "wants no token", "can run anything on its nodes")
        finally:
            open_one.close()
        return "turned away without a token and with another; an open cluster is refused"

    def listed(self) -> str:
        """Every node tells what it is."""
        for address in (self.cluster.gcs, self.cluster.client):
            said = self.cluster.run("fleet", "list", "--address", address, "--json", "-q")
            expect(said, 0)
            found = [one["title"] for one in json.loads(said.stdout) if one["survey"]]
            if sorted(found) != sorted(self.names):
                raise StepFailed(f"listed {found}")
        return f"{len(self.names)} nodes"

    def pickles(self) -> str:
        """What a node's worker raises or returns is not unpacked here."""
        trap = self.cluster.folder / "unpacked"
        begun = self.cluster.folder / "begun"
        program = f"""
import gc, pathlib, time
from r50bench.fleet.ray_transport import RayTransport
transport = RayTransport({self.cluster.gcs!r})
begun = pathlib.Path({str(begun)!r})
def evil(kind):
    class Trap(Exception):
        def __reduce__(self):
            return (open, ({str(trap)!r}, "w"))
    pathlib.Path(f"{{begun}}-{{kind}}").touch()
    if kind:
        raise Trap("x")
    return Trap("x")
task = transport._ray.remote(evil).options(max_retries=0, num_cpus=0)
references = [task.remote(kind) for kind in (0, 1)]
while not all(pathlib.Path(f"{{begun}}-{{kind}}").exists() for kind in (0, 1)):
    time.sleep(0.1)
time.sleep(3)
# Ray shows the error of a task that nobody has waited for, unless it is kept from it.
del references
gc.collect()
time.sleep(1)
transport.close()
"""
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=self.cluster.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode != 0:
            raise StepFailed(done.stderr[-2000:])
        # A task on a node may have made it, were it to unpack its own; it does not.
        if trap.exists():
            raise StepFailed("an object of a node's was unpacked")
        return "neither results nor errors of nodes are unpacked"

    def cases(self) -> str:
        """Cases run on every node, and their records come home once."""
        out = self.cluster.folder / "cases"
        said = self.cluster.run(
            "fleet", "run", *CASES, *FAKE, *BRIEF, "--address", self.cluster.gcs, "--out", str(out),
            "-q",
        )  # fmt: skip
        expect(said, 0, *self.names, "best is")
        return self._checked(out, CASES)

    def interrupts(self) -> str:
        """Ctrl-C, and the end of the driver, leave nothing running on any node."""
        out = self.cluster.folder / "interrupted"
        words = ("fleet", "run", CASES[0], *FAKE, *HANGING, "--out", str(out), "-q", "--address")
        for number, address, status in (
            (signal.SIGINT, self.cluster.gcs, 130),
            (signal.SIGTERM, self.cluster.client, 130),
            (signal.SIGKILL, self.cluster.gcs, -9),
        ):
            driver = self.cluster.driver(*words, address)
            until = time.monotonic() + LIMIT_S
            while len(self.cluster.measuring()) < len(self.names) and driver.poll() is None:
                if time.monotonic() > until:
                    raise StepFailed("the runs did not begin")
                time.sleep(0.1)
            driver.send_signal(number)
            _, err = driver.communicate(timeout=60)
            if driver.returncode != status:
                raise StepFailed(f"signal {number}: exit {driver.returncode}: {err[-2000:]}")
            self._nothing_runs()
        return "SIGINT, SIGTERM and SIGKILL of the driver leave nothing running"

    def kills(self) -> str:
        """Nodes, workers and drivers are killed at random; every answer is there once."""
        counts: Counter[str] = Counter()
        answers = invalid = rounds = 0
        while sum(counts.values()) < self.asked.kills:
            rounds += 1
            out = self.cluster.folder / f"kills-{rounds}"
            self._round(out, counts)
            self._checked(out, CASES)
            stored = [json.loads(one.read_bytes()) for one in out.glob("*/answer.json")]
            answers += len(stored)
            invalid += sum(bool(one["reason"]) for one in stored)
            print(f"     round {rounds}: {dict(counts)}, {answers} attempts", flush=True)
        killed = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        return (
            f"{sum(counts.values())} kills ({killed}) in {rounds} rounds of {len(CASES)} cases on"
            f" {len(self.names)} nodes: {answers} attempts, {invalid} of them failed, every case of"
            " every node answered once"
        )

    def _round(self, out: Path, counts: Counter[str]) -> None:
        """Runs the cases to their end, with what is killed meanwhile started again."""
        driver = self._begin(out)
        until = time.monotonic() + 20 * LIMIT_S
        while driver.poll() is None or driver.returncode != 0:
            if time.monotonic() > until:
                driver.kill()
                raise StepFailed(f"a round does not end: {driver.communicate()[1][-3000:]}")
            if driver.poll() is not None:
                said = driver.communicate()
                if driver.returncode not in (-9, 5):
                    raise StepFailed(f"exit {driver.returncode}: {said[1][-3000:]}")
                driver = self._begin(out)
            time.sleep(self.random.uniform(0.5, 4.0))
            if sum(counts.values()) < self.asked.kills:
                kind = self.random.choice(("node", "raylet", "worker", "run", "measurer", "driver"))
                counts[kind] += self._strike(kind, driver)
        json.loads(driver.communicate()[0])  # between which nothing of Ray's was printed
        self._nothing_runs()

    def _begin(self, out: Path) -> subprocess.Popen[str]:
        address = self.random.choice((self.cluster.gcs, self.cluster.client))
        return self.cluster.driver(
            "fleet", "run", *CASES, *FAKE, *LASTING, "--out", str(out), "-q", "--json",
            "--retries", "100", "--address", address, "--limit", "60s",
        )  # fmt: skip

    def _strike(self, kind: str, driver: subprocess.Popen[str]) -> bool:
        if kind == "driver":
            driver.kill()
            return True
        parts: dict[str, Callable[[str], bool]] = {
            "node": lambda command: True,
            "raylet": lambda command: "/raylet/raylet " in command,
            "worker": lambda command: command.startswith("ray::work"),
            "run": lambda command: " --out " in command,
            "measurer": lambda command: "r50bench.measure.worker" in command,
        }
        # Where there is none just now, another node has one, or will have.
        names = self.random.sample(self.names, len(self.names))
        name, until = None, time.monotonic() + 30
        while name is None and driver.poll() is None and time.monotonic() < until:
            name = next((name for name in names if self.cluster.kill(name, parts[kind])), None)
            time.sleep(0.1)
        if name is not None and kind in ("node", "raylet"):
            time.sleep(self.random.uniform(0.0, 2.0))
            self.cluster.kill(name)  # what outlives its raylet by a moment
            self.cluster.start_node(name)
        return name is not None

    def _nothing_runs(self) -> None:
        until = time.monotonic() + 60
        while found := self.cluster.measuring():
            if time.monotonic() > until:
                raise StepFailed(f"still running: {found}")
            time.sleep(0.2)

    def _checked(self, out: Path, cases: Sequence[str]) -> str:
        """Holds what is in ``out`` against what was asked: each answer once, all records whole."""
        sys.path.insert(0, str(SOURCE))
        from r50bench.results.samples import read_measured

        answers = [json.loads(path.read_bytes()) for path in sorted(out.glob("*/answer.json"))]
        good = Counter(
            (one["title"], one["errand"]["question"]) for one in answers if not one["reason"]
        )
        wanted = Counter((name, case) for name in self.names for case in cases)
        if good != wanted:
            raise StepFailed(f"answered: {good - wanted} too often, {wanted - good} not at all")
        folders = [path.parent for path in out.rglob("record.json")]
        measured = [read_measured(folder) for folder in folders]
        records = [record for record, _ in measured]
        ids = [record.id for record in records]
        if len({*ids}) != len(ids) or ids != [folder.name for folder in folders]:
            raise StepFailed(f"records are there twice, or under other names: {ids}")
        valid = [record for record in records if record.status == "valid"]
        if len(valid) < len(wanted):
            raise StepFailed(f"{len(valid)} valid records for {len(wanted)} answers")
        if short := [
            record.id
            for record, samples in measured
            if samples is not None
            and len(samples.step)
            != (record.case.steps or 0) * record.case.repeat * record.case.instances
        ]:
            raise StepFailed(f"valid, and cut short: {short}")
        known = self._in_history()
        if missing := {*ids} - known:
            raise StepFailed(f"not in the history: {missing}")
        if left := [path.name for path in out.iterdir() if path.name.startswith(".")]:
            raise StepFailed(f"left over: {left}")
        return f"{len(wanted)} answers of {len(self.names)} nodes, each there once"

    def _in_history(self) -> set[str]:
        from r50bench.results.history import History

        with History(self.cluster.folder / "history" / "history.sqlite") as history:
            return {entry.id for entry in history.entries()}

    def real(self) -> str:
        """Two nodes measure by a real engine."""
        out = self.cluster.folder / "real"
        case = "inference_latency_fp32"  # which every host has kernels for
        said = self.cluster.run(
            "fleet", "run", case, "--engine", "torch", "--steps", "10", "--nodes",
            ",".join(self.names[:2]), "--address", self.cluster.gcs, "--out", str(out), "-q",
        )  # fmt: skip
        expect(said, 0, "best is")
        print(said.stdout)
        return "two nodes by engine torch"


STEPS = ("pickles", "cases", "interrupts", "kills", "listed", "strangers")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join((*STEPS, "real")))
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--budget", type=float, default=150.0, metavar="S", help="0: as it takes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args()
    if importlib.util.find_spec("ray") is None:
        print("Ray is not installed: pip install 'ray[client]'")
        return SKIPPED
    failed = 0
    names = [f"n{number}" for number in range(1, asked.nodes + 1)]
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    cluster = Cluster(folder)
    try:
        began = time.monotonic()
        cluster.start_head()
        for name in names:
            cluster.start_node(name)
        print(f"     {len(names)} nodes in {time.monotonic() - began:.0f} s", flush=True)
        trial = Trial(cluster, names, asked)
        until = began + (asked.budget or float("inf"))
        for step in asked.steps or (*STEPS, *(["real"] if asked.real else [])):
            began = time.monotonic()
            if began > until:
                print(f"     {step} is left out: {asked.budget:g} s are over", flush=True)
                continue
            try:
                said, good = getattr(trial, step)(), True
            except StepFailed as error:
                said, good = str(error), False
                failed += 1
            took = f"{time.monotonic() - began:.0f} s"
            print(f"{'ok  ' if good else 'FAIL'} {step}: {said} ({took})", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is to be left, whoever is impatient
        cluster.close(keep=failed > 0)
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"what was left is in {folder} and {folder.parent}/rf-*")
    print(
        f"{len(names)} nodes: {failed} steps failed" if failed else f"{len(names)} nodes: all hold"
    )
    return FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
