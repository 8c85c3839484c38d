#!/usr/bin/env python3
# quick
"""Runs r50bench as containers have it: no home, no /sys, no shared memory, few processes, overlays.

    python3 tests/system/containers.py [STEP]...

It takes root, for namespaces, mounts and control groups, and installs nothing. A step that cannot
be set up here is skipped with the reason; where none can, the exit status is 77, and it is 1 where
one failed. docs/containers.md promises what is checked here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
CONTROL_GROUPS = Path("/sys/fs/cgroup")
SKIPPED = 77
LIMIT_S = 120.0
FAKE = ("--engine", "fake", "--weights", "random", "--out", "out")
THROUGHPUT = ("run", "inference_throughput_avx_fp32", *FAKE, "--steps", "3")
WNID = "n01440764"
Said = subprocess.CompletedProcess


class StepFailed(Exception):
    """What a step found wrong."""


class CannotRun(Exception):
    """Why a step cannot be set up here."""


class Machine:
    """A folder to work in, with a cache and a history of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("R50BENCH_", "XDG_", "FAKE_"))
        } | {
            "PYTHONPATH": str(SOURCE),
            "TMPDIR": str(folder),
            "R50BENCH_CACHE": str(folder / "cache"),
            "R50BENCH_DATA": str(folder / "data"),
            "FAKE_LATENCIES_NS": "2000000",
        }

    def run(
        self,
        *args: str,
        mounts: str = "true",
        around: Sequence[str] = (),
        program: Sequence[str] = ("-m", "r50bench"),
        without: Sequence[str] = (),
        **variables: str,
    ) -> Said[str]:
        """Runs r50bench in a mount namespace of its own, after the shell commands ``mounts``."""
        environment = {
            name: value for name, value in self.environment.items() if name not in without
        }
        inside = ["unshare", "--mount", "sh", "-ec", f'{mounts}; exec "$@"', "sh", *around]
        return subprocess.run(
            [*inside, sys.executable, *program, *args],
            cwd=self.folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def codes(self) -> set[str]:
        """Returns the codes of the notices in the one record that was left, which is removed."""
        (record,) = self.folder.glob("out/*/record.json")
        found = {notice["code"] for notice in json.loads(record.read_bytes())["notices"]}
        shutil.rmtree(self.folder / "out")
        return found


def expect(said: Said[str], status: int, *words: str) -> None:
    """Raises StepFailed unless it ended so and said all of ``words``, and no traceback."""
    whole = said.stdout + said.stderr
    missing = [word for word in words if word not in whole]
    if said.returncode != status or missing or "Traceback" in whole:
        raise StepFailed(f"exit {said.returncode}, not said: {missing}\n{whole[-2000:]}")


@contextmanager
def control_group(controller: str, **limits: str) -> Iterator[Path]:
    """Gives a new control group's cgroup.procs; limits by file name, ``__`` for the dot."""
    version_1 = CONTROL_GROUPS / controller
    root = version_1 if version_1.is_dir() else CONTROL_GROUPS
    group = root / f"r50bench-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise CannotRun(f"no control group can be made: {error}") from None
    try:
        for name, value in limits.items():
            file = group / name.replace("__", ".")
            if not file.exists():
                raise CannotRun(f"the control group has no {file.name}")
            file.write_text(value)
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def inside(procs: Path) -> str:
    """Returns the shell command that enters the control group."""
    return f"echo $$ > {procs}"


def nobody_s_home(machine: Machine) -> None:
    stranger = ("unshare", "--user", "--map-user=12345")
    own = ("HOME", "R50BENCH_CACHE", "R50BENCH_DATA")
    expect(machine.run("list", around=stranger, without=own), 0, "inference_latency")
    expect(machine.run(*THROUGHPUT, around=stranger, without=own), 0, "there is no home folder")
    if "no-home" not in machine.codes():
        raise StepFailed("the record does not say that there was no home")
    private = machine.folder / "r50bench-12345"
    if not (private / "data" / "history.sqlite").is_file() or private.stat().st_mode & 0o077:
        raise StepFailed(f"{private} has no history, or is open to others")


def nothing_can_be_written(machine: Machine) -> None:
    # Over themselves, since what runs here may lie below them.
    closed = "; ".join(
        f"mount --bind {place} {place}; mount -o remount,bind,ro {place}"
        for place in ("/tmp", "/var/tmp")
    )
    closed += "; cd /proc"
    own = ("R50BENCH_CACHE", "R50BENCH_DATA")
    said = machine.run("list", mounts=closed, without=own, HOME="/proc", TMPDIR="/proc")
    expect(said, 0, "inference_latency")


def without_sys(machine: Machine) -> None:
    expect(machine.run(*THROUGHPUT, mounts="mount -t tmpfs none /sys"), 0, "Throughput")


def without_the_figures_of_proc(machine: Machine) -> None:
    hidden = "; ".join(
        f"mount --bind /dev/null /proc/{name}"
        for name in ("stat", "loadavg", "meminfo", "vmstat", "self/cgroup", "self/mountinfo")
        if Path("/proc", name).exists()
    )
    expect(machine.run(*THROUGHPUT, mounts=hidden), 0, "Throughput")


def without_cpuinfo(machine: Machine) -> None:
    hidden = "mount --bind /dev/null /proc/cpuinfo"
    expect(machine.run(*THROUGHPUT, mounts=hidden), 6, "/proc/cpuinfo cannot be read")


def pictures(machine: Machine) -> Path:
    """Makes more labelled pictures than one process decodes by itself."""
    from PIL import Image

    folder = machine.folder / "set" / WNID
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(100):
        Image.new("RGB", (260, 260), (number, 2, 3)).save(folder / f"{number}.JPEG")
    return folder.parent


def pictures_without_shared_memory(machine: Machine) -> None:
    program = (
        "import sys; from pathlib import Path; from r50bench.assets.decode import decode_all;"
        "from r50bench.notices import Silent; paths = sorted(Path(sys.argv[1]).glob('*/*'));"
        "print(len(paths), decode_all(paths, Path('pictures.npy'), Silent()))"
    )
    for most in ("1", "2", "9"):
        with control_group("pids", pids__max=most) as procs:
            mounts = f"mount -t tmpfs -o ro none /dev/shm; {inside(procs)}"
            said = machine.run(
                str(pictures(machine)),
                mounts=mounts,
                program=("-c", program),
                OPENBLAS_NUM_THREADS="1",  # which the command sees to by itself
            )
            expect(said, 0, "100 ()")


def few_processes(machine: Machine) -> None:
    for most in ("1", "2", "3"):
        with control_group("pids", pids__max=most) as procs:
            said = machine.run(*THROUGHPUT, mounts=inside(procs))
            if said.returncode != 0:
                expect(said, 5, f"pids.max of the control group is {most}")
            shutil.rmtree(machine.folder / "out", ignore_errors=True)


def little_memory(machine: Machine) -> None:
    limits = {"memory__max": "96M"}
    if (CONTROL_GROUPS / "memory").is_dir():
        limits = {"memory__limit_in_bytes": "96M"}
    with control_group("memory", **limits) as procs:
        said = machine.run(*THROUGHPUT, "--batch-size", "7", mounts=inside(procs))
        expect(said, 5, "the control group's limit is 96 MiB")


def a_cache_that_came_with_an_image(machine: Machine) -> None:
    measure = (
        "from pathlib import Path; import os; from r50bench.assets.store import Store;"
        "from r50bench.host.topology import read_host; from r50bench.notices import Silent;"
        "from r50bench.measure.peak_program import ensure_peak;"
        "store = Store(Path(os.environ['R50BENCH_CACHE'])); host = read_host();"
        "ensure_peak(host, host.cores[0].cpus, store, Silent());"
        "print('KEPT', *sorted(entry.kind + '/' + entry.key for entry in store.entries()))"
    )
    if shutil.which("g++") is None:
        raise CannotRun("no g++ is here")
    kept = machine.run(program=("-c", measure))
    expect(kept, 0, "KEPT")
    for peak in (machine.folder / "cache").glob("peaks/*"):  # as if it had booted since
        this, _, rest = peak.name.partition("-")
        peak.rename(peak.with_name(f"{this}-00000000-{rest.rpartition('-')[2]}"))
    for name in ("work", "merged"):
        (machine.folder / name).mkdir()
    overlay = (
        f"mount -t tmpfs none {machine.folder}/work; mkdir {machine.folder}/work/u"
        f" {machine.folder}/work/w; mount -t overlay none -o"
        f" lowerdir={machine.folder}/cache,upperdir={machine.folder}/work/u,"
        f"workdir={machine.folder}/work/w {machine.folder}/merged"
    )
    own = {"R50BENCH_CACHE": str(machine.folder / "merged")}
    again = machine.run(program=("-c", measure), mounts=overlay, **own)
    expect(again, 0, "KEPT")
    # A peak is kept, and others are forgotten, where the machine is at rest.
    if again.stdout.count("peaks/") > 1:
        raise StepFailed(f"what another boot measured was not forgotten: {again.stdout}")
    script = "-m r50bench cache remove --all --yes && exec $0 -m r50bench cache list"
    both = ("sh", "-c", f"$0 {script}", sys.executable)
    emptied = machine.run(mounts=overlay, around=both, program=(), **own)
    expect(emptied, 0, "removed", "nothing is kept")


def a_cache_mounted_noexec(machine: Machine) -> None:
    cache = machine.folder / "noexec"
    cache.mkdir()
    said = machine.run(
        *("run", "inference_latency_avx_fp32", "--engine", "torch", "--weights", "random"),
        mounts=f"mount -t tmpfs -o noexec none {cache}",
        R50BENCH_CACHE=str(cache),
    )
    expect(said, 5, "mounted noexec")


STEPS: tuple[Callable[[Machine], None], ...] = (
    nobody_s_home,
    nothing_can_be_written,
    without_sys,
    without_the_figures_of_proc,
    without_cpuinfo,
    pictures_without_shared_memory,
    few_processes,
    little_memory,
    a_cache_that_came_with_an_image,
    a_cache_mounted_noexec,
)


def carry_out(step: Callable[[Machine], None]) -> str:
    """Returns ``ok``, ``skipped: …`` or ``FAILED: …``."""
    with tempfile.TemporaryDirectory(prefix="r50bench-containers-") as folder:
        try:
            step(Machine(Path(folder)))
        except CannotRun as why:
            return f"skipped: {why}"
        except (StepFailed, subprocess.TimeoutExpired) as error:
            return f"FAILED: {error}"
    return "ok"


def main() -> int:
    possible = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if possible.returncode != 0:
        print(f"no namespace can be made here: {possible.stderr.decode().strip()}")
        return SKIPPED
    wanted = [step for step in STEPS if step.__name__ in sys.argv[1:] or not sys.argv[1:]]
    outcomes = []
    for step in wanted:
        outcomes.append(carry_out(step))
        print(f"{step.__name__.replace('_', ' ')}: {outcomes[-1]}", flush=True)
    failed = sum(outcome.startswith("FAILED") for outcome in outcomes)
    print(f"{outcomes.count('ok')} of {len(outcomes)} steps hold, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
