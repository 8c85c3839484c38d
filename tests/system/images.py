#!/usr/bin/env python3
# quick
"""Builds the images of containers/ and runs them as docker would, without docker and a registry.

    python3 tests/system/images.py [--patience SECONDS] [STEP]...

It takes root, buildah, debootstrap, a network for Debian's packages and pip's wheels, 12 GB of disk
and some minutes; where something is missing the exit status is 77, and it is 1 where a step failed.
A container here is what docker makes of an image, flag by flag: namespaces, a root that may be
read-only, the image's user, variables and commands. Figures measured here mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from containers import SKIPPED, CannotRun, StepFailed, control_group, inside

from support.docker_line import DOCKER_LINE

ROOT = Path(__file__).resolve().parents[2]
SUITE, PYTHON, SAMPLE = "bookworm", "3.11", "foolbox==3.3.4"
TARGETS = ("r50bench", "resnet50-pytorch-intel-public-inference")
NEEDED_BYTES = 12 << 30
BUILD_S, LIMIT_S = 420.0, 120.0
BATCH = "4"
# What the images bring a compiled model for.
PREPARED = (
    "inference_throughput_fp32 --weights random --data-type real --cores-per-instance 1"
    f" --instances 1 --batch-size {BATCH}"
)
SMALL = {"PRECISION": "fp32", "BATCH_SIZE": BATCH, "STEPS": "3", "WARMUP_STEPS": "1"}
SMALL |= {"CORES_PER_INSTANCE": "1", "INSTANCES": "1", "WEIGHTS": "random", "DATA_TYPE": "real"}
FAKE = {"ENGINE": "fake", "WEIGHTS": "random", "FAKE_LATENCIES_NS": "2000000", "STEPS": "3"}


def run(
    *command: str | Path, env: Mapping[str, str] | None = None, limit_s: float = LIMIT_S
) -> str:
    """Returns what a command prints.

    Raises:
        StepFailed: it failed.
    """
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=limit_s,
        env=None if env is None else os.environ | env,
        check=False,
    )
    if done.returncode != 0:
        raise StepFailed(f"{' '.join(map(str, command[:4]))} …: {done.stdout[-3000:]}")
    return done.stdout


class Images:
    """The images, built in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._env = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": self._driver()}

    def _driver(self) -> str:
        probe = ("unshare", "--mount", "mount", "-t", "overlay", "none", "-o")
        for name in ("l", "u", "w", "m"):
            (self.folder / name).mkdir()
        paths = {name: self.folder / name for name in "luwm"}
        options = "lowerdir={l},upperdir={u},workdir={w}".format(**paths)
        done = subprocess.run([*probe, options, paths["m"]], capture_output=True, check=False)
        return "overlay" if done.returncode == 0 else "vfs"

    def buildah(self, *words: str | Path, limit_s: float = LIMIT_S) -> str:
        places = ("--root", self.folder / "storage", "--runroot", self.folder / "run")
        return run("buildah", *places, *words, env=self._env, limit_s=limit_s)

    def build(self, deadline: float) -> None:
        """Builds the base, gathers the wheels, and builds all targets from both.

        Raises:
            CannotRun: Debian's packages or pip's wheels cannot be had.
            subprocess.TimeoutExpired: the ``deadline`` has passed.
        """
        base, wheels, incoming = (self.folder / name for name in ("base", "wheels", "incoming"))
        self._fetch(
            "debootstrap",
            "--variant=minbase",
            "--include=ca-certificates",
            SUITE,
            base,
            deadline=deadline,
        )
        only = ("--python-version", PYTHON, "--only-binary=:all:")
        pip = (sys.executable, "-m", "pip", "download", "--quiet", *only, "--dest")
        self._fetch(*pip, wheels, "setuptools>=77", ROOT, deadline=deadline)
        self._fetch(*pip, incoming, "--no-deps", SAMPLE, deadline=deadline)
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "--quiet", container, base, "/")
        self.buildah("commit", "--quiet", "--rm", container, "localhost/base")
        shutil.rmtree(base)
        pip_conf = self.folder / "pip.conf"
        pip_conf.write_text("[global]\nno-index = true\n")
        for target in TARGETS:
            self.buildah(
                *("build", "--quiet", "--format", "docker", "--layers", "--target", target),
                *("--tag", target, "--file", ROOT / "containers" / "Containerfile"),
                *("--build-arg", "BASE=localhost/base", "--build-arg", "TORCH_INDEX="),
                *("--build-arg", f"PREPARE={PREPARED}", "--build-context", f"wheels={wheels}"),
                *("--build-context", f"incoming={incoming}"),
                *("--secret", f"id=pip,src={pip_conf}", ROOT),
                limit_s=deadline - time.monotonic(),
            )

    def _fetch(self, *command: str | Path, deadline: float) -> None:
        try:
            run(*command, limit_s=deadline - time.monotonic())
        except StepFailed as error:
            raise CannotRun(str(error)) from None

    def config(self, image: str) -> dict[str, Any]:
        inspected = json.loads(self.buildah("inspect", "--type", "image", image))
        config: dict[str, Any] = inspected["Docker"]["config"]
        return config

    def size(self, image: str) -> str:
        (found,) = json.loads(self.buildah("images", "--json", image))
        return str(found["size"])

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """Gives the root of a new container."""
        container = self.buildah("from", image).strip()
        try:
            yield Path(self.buildah("mount", container).strip())
        finally:
            self.buildah("rm", container)


@dataclass(frozen=True)
class Flags:
    """What ``docker run`` was given."""

    env: Mapping[str, str]
    command: Sequence[str] = ()
    user: str = ""
    read_only: bool = False
    network: bool = True
    cpus: str = ""
    enter: str = "true"  # the shell command that enters a control group


@dataclass(frozen=True)
class Container:
    """A running container: its first process as the host sees it, and where its root is."""

    process: subprocess.Popen[str]
    root: Path
    user: str

    def exec(self, *command: str) -> list[str]:
        """Returns the words of ``docker exec``."""
        (first,) = self._children(self.process.pid)
        into = ("nsenter", "--target", first, "--mount", "--pid")
        return [*into, "chroot", f"--userspec={self.user}", "--groups=", str(self.root), *command]

    def stop(self) -> int:
        """Ends it as ``docker stop`` does, and returns its exit code."""
        for first in self._children(self.process.pid):
            os.kill(int(first), 15)
        return self.process.wait(60)

    @staticmethod
    def _children(pid: int) -> list[str]:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


MOUNTS = """
mount --make-rprivate /
mount --bind "$root" "$root"
if [ "$ro" = 1 ]; then mount -o remount,bind,ro "$root"; mount -t tmpfs tmpfs "$root/tmp"; fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/shm"
mount -t tmpfs -o size=64m,mode=1777 shm "$root/dev/shm"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
exec "$@"
"""


@contextmanager
def started(images: Images, image: str, flags: Flags) -> Iterator[Container]:
    """Starts a container from ``image`` as ``docker run`` does with these flags."""
    config = images.config(image)
    user = flags.user or config["User"]
    env = dict(entry.split("=", 1) for entry in config["Env"]) | flags.env
    words = [*config["Entrypoint"], *(flags.command or config["Cmd"])]
    with images.mounted(image) as root:
        spaces = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child"]
        spaces += [] if flags.network else ["--net"]
        pinned = ["taskset", "-c", flags.cpus] if flags.cpus else []
        changed = ["chroot", f"--userspec={user}", "--groups=", str(root)]
        settings = [f"{name}={value}" for name, value in env.items()]
        process = subprocess.Popen(
            [
                *("unshare", *spaces, "sh", "-ec", f"{flags.enter}\n{MOUNTS}", "sh", *pinned),
                *(*changed, "env", "-i", "-C", config["WorkingDir"], *settings, *words),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": os.environ["PATH"], "root": str(root), "ro": str(int(flags.read_only))},
        )
        try:
            yield Container(process, root, user)
        finally:
            process.kill()
            process.communicate()


def said_by(images: Images, image: str, flags: Flags) -> tuple[int, str]:
    """Returns how a container ended, and all that it said."""
    with started(images, image, flags) as container:
        said, _ = container.process.communicate(timeout=LIMIT_S)
        return container.process.returncode, said


def logs_of(images: Images, image: str, flags: Flags, into: Path) -> int:
    """Fetches the logs of a container as the framework does, stops it and returns its exit code."""
    into.mkdir()
    with started(images, image, flags) as container:
        while not container._children(container.process.pid):
            pass
        fetch = subprocess.Popen(container.exec("cat", "/export-logs"), stdout=subprocess.PIPE)
        unpacked = subprocess.run(
            ["tar", "xf", "-", "-C", into], stdin=fetch.stdout, timeout=LIMIT_S, check=False
        )
        if fetch.wait() != 0 or unpacked.returncode != 0:
            raise StepFailed("no tar came from /export-logs")
        return container.stop()


def expect(holds: bool, what: str, said: str = "") -> None:
    if not holds:
        raise StepFailed(f"{what}\n{said[-2000:]}")


def the_image_is_as_it_should_be(images: Images) -> None:
    for image in TARGETS:
        config = images.config(image)
        expect(config["User"] == "10001:0", f"{image} runs as {config['User']!r}")
        expect("Healthcheck" in config, f"{image} has no health check")
        expect(config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0", "no licence")
        with images.mounted(image) as root:
            found = [name for name in ("g++", "gcc", "cc") if (root / "usr/bin" / name).exists()]
            expect(not found, f"{image} has a compiler: {found}")
            tcmalloc = list(root.glob("usr/lib/*/libtcmalloc_minimal.so.4"))
            expect(bool(tcmalloc), f"{image} has no tcmalloc")
            cache = sorted(path.name for path in root.glob("var/lib/r50bench/cache/*"))
            expect({"models", "peak-programs"} <= {*cache}, f"{image} keeps {cache}")
        print(f"  {image}: {images.size(image)}")


def the_seed_s_line_as_it_stands(images: Images) -> None:
    """On fewer than 56 cores it cannot run, and says so by status and log."""
    logs = images.folder / "seed"
    code = logs_of(images, TARGETS[1], Flags(DOCKER_LINE), logs)
    status, output = (logs / "status").read_text(), (logs / "output.log").read_text()
    if len(os.sched_getaffinity(0)) >= 56:
        raise CannotRun("this machine has the cores")
    expect(status == "2\n" and code == 2, f"status {status!r}, exit {code}", output)
    expect("1 instance of 56 cores does not fit" in output, "no reason in output.log", output)


def the_seed_s_line_fitted_to_this_machine(images: Images) -> None:
    """A few steps of PyTorch's own engine, with the model that came with the image."""
    logs = images.folder / "fitted"
    code = logs_of(images, TARGETS[1], Flags(DOCKER_LINE | SMALL, cpus="0"), logs)
    output = (logs / "output.log").read_text()
    expect((logs / "status").read_text() == "0\n" and code == 0, f"exit {code}", output)
    kpi = (logs / "kpi.txt").read_text()
    for words in (
        "*Average Throughput (img/s): ",
        "## ENGINE: torch\n",
        "## DATA_TYPE: real",
        "# kernels proved: ",
    ):
        expect(words in kpi, f"not in kpi.txt: {words}", kpi)
    expect("## ALLOCATOR: tcmalloc\n" in kpi, "without tcmalloc", kpi)
    expect("Peak Compute" in kpi, "the peak is not known", output)
    expect("compiling" not in output, "a model was compiled", output)
    (log,) = logs.glob("benchmark_throughput_resnet50_*_inference_real_*.log")
    expect(log.read_text().count("Throughput: ") == 1, "not one instance", log.read_text())
    listed = run("sh", "-c", f"cd {logs.parent} && sh {ROOT}/containers/kpi.sh")
    expect("*Average Throughput (img/s): " in listed, "kpi.sh prints no figure", listed)


def the_main_job(images: Images) -> None:
    code, said = said_by(images, TARGETS[0], Flags(FAKE))
    expect(code == 0, f"exit {code}", said)
    expect("kernels proved" in said and "avx_fp32" in said, "no table of the main job", said)


def read_only_for_any_user_without_a_network(images: Images) -> None:
    command = ("r50bench", "run", "--out", "/tmp/out")
    flags = Flags(DOCKER_LINE | SMALL, command, "12345:12345", read_only=True, network=False)
    code, said = said_by(images, TARGETS[0], flags)
    expect(code == 0 and "*Average Throughput (img/s): " in said, f"exit {code}", said)
    expect("Peak Compute" in said, "the peak is not known", said)


def another_user_s_logs_come_out_too(images: Images) -> None:
    logs = images.folder / "other"
    flags = Flags(DOCKER_LINE | SMALL | FAKE, user="12345:0", read_only=True)
    code = logs_of(images, TARGETS[1], flags, logs)
    output = (logs / "output.log").read_text()
    expect(code == 0 and (logs / "kpi.txt").exists(), f"exit {code}", output)


def little_memory(images: Images) -> None:
    limits = {"memory__max": "96M"}
    if Path("/sys/fs/cgroup/memory").is_dir():
        limits = {"memory__limit_in_bytes": "96M"}
    logs = images.folder / "memory"
    with control_group("memory", **limits) as procs:
        flags = Flags(DOCKER_LINE | FAKE | {"CORES_PER_INSTANCE": "1"}, enter=inside(procs))
        code = logs_of(images, TARGETS[1], flags, logs)
    output = (logs / "output.log").read_text()
    expect(code == 2 and "of memory, and 0.1 may be used here" in output, f"exit {code}", output)


def a_quota_of_cpus(images: Images) -> None:
    limits = {"cpu__max": "100000 100000"}
    if Path("/sys/fs/cgroup/cpu").is_dir():
        limits = {"cpu__cfs_period_us": "100000", "cpu__cfs_quota_us": "100000"}
    logs = images.folder / "quota"
    with control_group("cpu", **limits) as procs:
        flags = Flags(DOCKER_LINE | FAKE | {"CORES_PER_INSTANCE": "1"}, enter=inside(procs))
        code = logs_of(images, TARGETS[1], flags, logs)
    output = (logs / "output.log").read_text()
    expect(code == 0 and "## INSTANCE_NUMBER: 1\n" in output, f"exit {code}", output)


STEPS: tuple[Callable[[Images], None], ...] = (
    the_image_is_as_it_should_be,
    the_seed_s_line_as_it_stands,
    the_seed_s_line_fitted_to_this_machine,
    the_main_job,
    read_only_for_any_user_without_a_network,
    another_user_s_logs_come_out_too,
    little_memory,
    a_quota_of_cpus,
)


def missing() -> str:
    """Returns why nothing can be built here, empty where it can."""
    if os.geteuid() != 0:
        return "it takes root"
    if platform.machine() != "x86_64":
        return "only on x86"
    for program in ("buildah", "debootstrap", "nsenter", "setpriv", "unshare"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            return f"there is no {program} (Debian: apt install {program})"
    if shutil.disk_usage(tempfile.gettempdir()).free < NEEDED_BYTES:
        return f"it takes {NEEDED_BYTES >> 30} GB in {tempfile.gettempdir()}"
    possible = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False)
    return "" if possible.returncode == 0 else "no namespaces can be made"


def carry_out(step: Callable[[Images], None], images: Images) -> str:
    """Returns ``ok``, ``skipped: …`` or ``FAILED: …``."""
    try:
        step(images)
    except CannotRun as why:
        return f"skipped: {why}"
    except (StepFailed, subprocess.TimeoutExpired) as error:
        return f"FAILED: {error}"
    return "ok"


def try_all(images: Images, steps: Sequence[str], patience_s: float) -> int:
    """Builds the images, carries out the steps that are named, or all, and says how each ended."""
    try:
        images.build(time.monotonic() + patience_s)
    except CannotRun as error:
        print(f"the images cannot be built here: {' '.join(str(error).split())[-300:]}")
        return SKIPPED
    except subprocess.TimeoutExpired:
        print(f"the images were not built within {patience_s:g} s: --patience waits longer")
        return SKIPPED
    except StepFailed as error:
        print(f"the images cannot be built: {error}")
        return 1
    outcomes = []
    for step in STEPS:
        if step.__name__ in steps or not steps:
            outcomes.append(carry_out(step, images))
            print(f"{step.__name__.replace('_', ' ')}: {outcomes[-1]}", flush=True)
    failed = sum(outcome.startswith("FAILED") for outcome in outcomes)
    print(f"{outcomes.count('ok')} of {len(outcomes)} steps hold, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("steps", nargs="*")
    parser.add_argument("--patience", type=float, default=BUILD_S, help="seconds for building")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside is not None:
        return try_all(Images(given.inside), given.steps, given.patience)
    if why := missing():
        print(why)
        return SKIPPED
    # Its own namespaces take all mounts and processes along, however it ends.
    alone = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork")
    with tempfile.TemporaryDirectory(
        prefix="r50bench-images-", ignore_cleanup_errors=True
    ) as folder:
        again = [sys.executable, __file__, *sys.argv[1:], "--inside", folder]
        done = subprocess.run([*alone, "--kill-child", "--mount-proc", *again], check=False)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
