#!/usr/bin/env python3
"""Installs r50bench on an emulated Arm and checks there what an Arm user comes for.

    python3 tests/system/arm.py [STEP]... [--root FOLDER] [--torch VERSION] [--engine NAME]
                                [--log FILE]

It takes root, Python 3.11, ``debootstrap``, ``unshare``, ``qemu-aarch64-static`` and
``aarch64-linux-gnu-g++`` (Debian: qemu-user-static, g++-aarch64-linux-gnu), the network, and 3 GB
below FOLDER, where the root of a Debian for arm64 is made once and then found again. What would
take hours under emulation is done by this machine: unpacking, installing, and compiling, also of
the models, for which its cross compiler stands in the root under the names of the root's own. The
weights, the pictures and this machine's own answers, with which those of Arm are compared, come
from this machine's r50bench and its cache (``R50BENCH_CACHE``). With STEP, by their names, only
those are done. Exits with 77 where it cannot run, with 1 where a step failed.

No figure of speed it prints means anything: instructions are emulated, one by one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

TREE = Path(__file__).resolve().parents[2]
EMULATOR = Path("/usr/bin/qemu-aarch64-static")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
CROSS = Path("/usr/bin/aarch64-linux-gnu-g++")
# The cross compiler knows no CPU that it runs on: it is told the emulated one's.
WRAPPER = """#!/bin/sh
case "$QEMU_CPU" in
neoverse-*) cpu=${{QEMU_CPU%%,*}} ;;
*) cpu=neoverse-v1 ;;
esac
for word; do
    shift
    case "$word" in
    -march=native | -mcpu=native) set -- "$@" "-mcpu=$cpu" ;;
    *) set -- "$@" "$word" ;;
    esac
done
exec /host/usr/bin/aarch64-linux-gnu-{name} "$@" -idirafter /usr/include
"""
# qemu-binfmt-conf.sh of QEMU: the first 20 bytes of an ELF program for AArch64, and what of them
# counts. F: the emulator is opened now, so that it works inside of other roots.
REGISTRATION = (
    rb":r50bench-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    rb":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    rb":/usr/bin/qemu-aarch64-static:F"
)
PACKAGES = "ca-certificates,g++,libtcmalloc-minimal4,python3,python3-dev"
# Without a wheel for Linux on aarch64.
LOADGEN = "mlcommons-loadgen"
SITE = "lib/python3.11/site-packages"
OF_TORCH = ("filelock", "fsspec", "jinja2", "networkx", "sympy", "typing-extensions")
GLIBCS = ("_2_28", "_2_27", "_2_26", "_2_17", "2014")
PATIENT = ("--timeout", "3600")
LIMIT_S = 4 * 3600.0
PICTURES = 2
SKIPPED = 77


class StepFailed(Exception):
    """What a step found wrong."""


class CannotRun(Exception):
    """Why nothing can be done here."""


@dataclass(frozen=True)
class Cpu:
    """A CPU to emulate: QEMU's words for it, what its kernel says, and what must be made of that.

    ``machines`` are the clouds' that have it, ``floats`` the precisions that r50bench must find.
    """

    machines: str
    qemu: str
    midr: tuple[int, int]
    features: str
    model_name: str
    platform: str
    floats: str

    def precisions(self, torch: str) -> set[str]:
        """Returns the floats, and int8 where a torch has other than reference code for it."""
        release = tuple(map(int, torch.split(".")[:2]))
        int8 = "sve" in self.features.split() and release >= (2, 11)
        return {*self.floats.split(), *(["arm_int8"] if int8 else [])}

    def cpuinfo(self) -> str:
        implementer, part = self.midr
        return "\n".join(
            f"processor\t: {cpu}\nBogoMIPS\t: 2000.00\nFeatures\t: {self.features}\n"
            f"CPU implementer\t: {implementer:#04x}\nCPU architecture: 8\nCPU variant\t: 0x1\n"
            f"CPU part\t: {part:#05x}\nCPU revision\t: 1\n"
            for cpu in range(os.cpu_count() or 1)
        )


V8 = "fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs"
V84 = f"{V8} sve asimdfhm ilrcpc flagm paca pacg svei8mm svebf16 i8mm bf16 dgh rng"
V9 = f"{V84} sve2 sveaes svebitperm frint bti"
# Without QARMA's authentication codes, which QEMU is slow at, and without SME, which none has.
MAX = "max,pauth-impdef=on,sme=off"
FLOATS = "arm_fp32 arm_bf16"
N1 = Cpu(
    "Graviton2 (m6g)",
    "neoverse-n1",
    (0x41, 0xD0C),
    V8,
    "Neoverse-N1",
    "ARMv8",
    "arm_fp32",
)
V1 = Cpu("Graviton3 (m7g)", f"{MAX},sve256=on", (0x41, 0xD40), V84, "Neoverse-V1", "ARMv9", FLOATS)
V2 = Cpu(
    "Graviton4 (m8g), Axion (c4a)",
    f"{MAX},sve128=on",
    (0x41, 0xD4F),
    V9,
    "Neoverse-V2",
    "ARMv9",
    FLOATS,
)
N2 = Cpu("Yitian 710", f"{MAX},sve128=on", (0x41, 0xD49), V9, "Neoverse-N2", "ARMv9", FLOATS)
COBALT = Cpu(
    "Cobalt 100 (Dpsv6)",
    f"{MAX},sve128=on",
    (0x6D, 0xD49),
    V9,
    "Cobalt-100 (Neoverse-N2)",
    "ARMv9",
    FLOATS,
)
CPUS = (N1, V1, V2, N2, COBALT)


@dataclass
class Arm:
    """The emulated machine in ``root``, and where all that it says is logged."""

    root: Path
    torch: str
    engine: str
    log: TextIO | None

    def note(self, text: str) -> None:
        if self.log is not None:
            self.log.write(f"{text}\n")
            self.log.flush()

    def inside(
        self, *words: str, cpu: Cpu | None = None, limit_s: float = LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program in the root, on ``cpu`` or on the most that QEMU has; network as here."""
        mounts = [
            ("-t", "proc", "proc", "proc"),
            ("--bind", "/sys", "sys"),
            ("--rbind", "/dev", "dev"),
            ("--bind", str(TREE), "source"),
            ("--bind", "/", "host"),
        ]
        if cpu is not None:
            cpuinfo = self.root / "cpuinfo"
            cpuinfo.write_text(cpu.cpuinfo())
            mounts.append(("--bind", str(cpuinfo), "proc/cpuinfo"))
        lines = []
        for *how, target in mounts:
            place = self.root / target
            if place.is_symlink():  # debootstrap's proc, where it may not mount one
                place.unlink()
            if not place.exists():
                place.mkdir(parents=True)
            lines.append(shlex.join(["mount", *how, str(place)]))
        script = "\n".join([*lines, f'exec chroot {shlex.quote(str(self.root))} "$@"'])
        start = time.monotonic()
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-ec", script, "sh", *words],
            env=self._environment(cpu),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
        spent = time.monotonic() - start
        of = cpu.model_name if cpu else "max"
        self.note(f"[{of}] $ {shlex.join(words)}   [exit {done.returncode}, {spent:.0f} s]")
        self.note(done.stdout[-40000:])
        return done

    def r50bench(self, *words: str, cpu: Cpu, status: int = 0, says: Sequence[str] = ()) -> str:
        """Runs r50bench there; it must end so, say that, and show no traceback."""
        done = self.inside("/venv/bin/python3", "-m", "r50bench", *words, cpu=cpu)
        missing = [text for text in says if text not in done.stdout]
        if done.returncode != status or missing or "Traceback" in done.stdout:
            raise StepFailed(
                f"r50bench {shlex.join(words)}: exit {done.returncode}, not said: {missing}\n"
                f"{done.stdout[-3000:]}"
            )
        return done.stdout

    def record(self, *words: str, cpu: Cpu) -> tuple[dict[str, Any], Path]:
        """Runs one case there and returns its record, which must be valid and proved."""
        out = f"/out/{time.time_ns()}"
        words = (*words, "--engine", self.engine, *PATIENT, "--verbose", "--out", out)
        self.r50bench("run", *words, cpu=cpu)
        (file,) = (self.root / out.lstrip("/")).glob("*/record.json")
        record = json.loads(file.read_bytes())
        if record["status"] != "valid" or not record["evidence"]["proved"]:
            raise StepFailed(f"{record['status']}: {record['evidence']}")
        if "emulated" not in {notice["code"] for notice in record["notices"]}:
            raise StepFailed("the record does not say that instructions were emulated")
        return record, file.parent

    def _environment(self, cpu: Cpu | None) -> dict[str, str]:
        return {
            "PATH": "/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp",
            "R50BENCH_CACHE": "/cache",
            "R50BENCH_DATA": "/data",
            "QEMU_CPU": cpu.qemu if cpu else MAX,
        }


def emulation_is_there() -> None:
    """Has the kernel run programs for AArch64, and says where it cannot why not."""
    if os.geteuid() != 0:
        raise CannotRun("it takes root, for namespaces and mounts")
    for program in ("debootstrap", "unshare", "chroot"):
        if shutil.which(program) is None:
            raise CannotRun(f"{program} is not installed")
    if not EMULATOR.exists():
        raise CannotRun(f"{EMULATOR} is not installed (Debian: qemu-user-static)")
    if not CROSS.exists():
        raise CannotRun(f"{CROSS} is not installed (Debian: g++-aarch64-linux-gnu)")
    if sys.version_info[:2] != (3, 11):
        raise CannotRun(
            "LoadGen is compiled for the root's Python 3.11 by this one, of its version"
        )
    if not (BINFMT / "register").exists():
        words = ["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotRun(f"the kernel runs no other programs: {done.stderr.strip()}")
    if not any("qemu-aarch64" in file.read_text() for file in BINFMT.glob("*aarch64*")):
        (BINFMT / "register").write_bytes(REGISTRATION)


def install(arm: Arm) -> str:
    """Makes the root of Debian, with torch and r50bench in it as pip chooses them for Arm."""
    if not (arm.root / "usr/bin/python3").exists() or (arm.root / "debootstrap").exists():
        _make_root(arm)
    _compile_here(arm)
    _install_packages(arm)
    said = _must(
        arm,
        "/venv/bin/python3",
        "-c",
        "import platform, torch, mlperf_loadgen;"
        "print(platform.machine(), torch.__version__, torch.ops.mkldnn._is_mkldnn_acl_supported())",
    )
    last = said.strip().splitlines()[-1]
    if not re.fullmatch(rf"aarch64 {re.escape(arm.torch)}\S* True", last):
        raise StepFailed(f"not torch {arm.torch} with Arm Compute Library: {last}")
    return last


def _install_packages(arm: Arm) -> None:
    """Has this machine's pip install what it takes for Arm: the root's own is slow at it."""
    venv = arm.root / "venv"
    (venv / "bin").mkdir(parents=True, exist_ok=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    if not (venv / "bin/python3").is_symlink():
        (venv / "bin/python3").symlink_to("/usr/bin/python3")
    machines = [f"--platform=manylinux{glibc}_aarch64" for glibc in GLIBCS]
    into = (
        *("install", "--upgrade", "--no-compile", "--python-version=3.11", "--only-binary=:all:"),
        *(*machines, "--platform=linux_aarch64", f"--target={venv / SITE}"),
    )
    project = (TREE / "pyproject.toml").read_text()
    declared = project.split("\ndependencies = [", 1)[1].split("]", 1)[0].split('"')[1::2]
    (loadgen,) = (one for one in declared if one.startswith(LOADGEN))
    wanted = [one for one in declared if one != loadgen and not one.startswith("torch>")]
    # What a wheel needs is read for the machine that pip runs on: there, a GPU's libraries.
    _pip(arm, *into, "--no-deps", f"torch=={arm.torch}")
    _pip(arm, *into, *wanted, *OF_TORCH)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(TREE, tree, ignore=shutil.ignore_patterns(".git", "build"))
        wheels = Path(scratch) / "wheels"
        build = ("wheel", "--no-deps", f"--wheel-dir={wheels}")
        _pip(arm, *build, str(tree))
        _pip(arm, *build, f"--no-binary={LOADGEN}", loadgen, **_for_arm(arm))
        _pip(arm, *into, "--no-deps", *map(str, wheels.glob("*.whl")))


def _for_arm(arm: Arm) -> dict[str, str]:
    """Returns the variables by which setuptools compiles for the root."""
    headers = arm.root / "usr/include"
    link = f"{CROSS} -shared"
    return {
        "CC": str(CROSS),
        "CXX": str(CROSS),
        "LDSHARED": link,
        "LDCXXSHARED": link,
        "CFLAGS": f"-O2 -fPIC -I{headers}/python3.11 -idirafter {headers}",
        "SETUPTOOLS_EXT_SUFFIX": ".cpython-311-aarch64-linux-gnu.so",
        "_PYTHON_HOST_PLATFORM": "linux-aarch64",
    }


def _compile_here(arm: Arm) -> None:
    """Has this machine's cross compiler run in the root under the names of the root's own."""
    for place in ("lib64", "usr/lib/x86_64-linux-gnu", "usr/aarch64-linux-gnu"):
        if not (arm.root / place).is_symlink():
            (arm.root / place).symlink_to(f"/host/{place}")
    for name in ("gcc", "g++"):
        for alias in (name, f"aarch64-linux-gnu-{name}"):
            wrapper = arm.root / "usr/bin" / alias
            wrapper.unlink(missing_ok=True)
            wrapper.write_text(WRAPPER.format(name=name))
            wrapper.chmod(0o755)


def _pip(arm: Arm, *words: str, **variables: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    arm.note(f"[this machine] $ pip {shlex.join(words)}   [exit {done.returncode}]")
    arm.note(done.stdout[-4000:])
    if done.returncode != 0:
        raise StepFailed(f"pip {shlex.join(words)}: {done.stdout[-2000:]}")


def _make_root(arm: Arm) -> None:
    """Unpacks the packages: their own scripts take half an hour there, and none is needed here."""
    arm.root.mkdir(parents=True, exist_ok=True)
    words = ["debootstrap", "--arch=arm64", "--foreign", "--variant=minbase"]
    words += [f"--include={PACKAGES}", "bookworm", str(arm.root)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"debootstrap: {(done.stdout + done.stderr).strip()[-500:]}")
    into = shlex.quote(str(arm.root))
    for package in sorted((arm.root / "var/cache/apt/archives").glob("*.deb")):
        unpack = f"tar -x --keep-directory-symlink --overwrite -C {into}"
        line = f"dpkg-deb --fsys-tarfile {shlex.quote(str(package))} | {unpack}"
        subprocess.run(["sh", "-ec", line], check=True)
    shutil.rmtree(arm.root / "debootstrap")
    _must(arm, "ldconfig")


def _must(arm: Arm, *words: str, cpu: Cpu | None = None) -> str:
    done = arm.inside(*words, cpu=cpu)
    if done.returncode != 0:
        raise StepFailed(f"{shlex.join(words)}: exit {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def platforms(arm: Arm) -> str:
    """Each cloud's CPU is known by its MIDR, and has the cases of its instruction sets."""
    for cpu in CPUS:
        said = arm.r50bench("list", cpu=cpu, says=[f"{cpu.platform}: {cpu.model_name}"])
        found = set(re.findall(r"inference_accuracy_(\w+)", said))
        if found != cpu.precisions(arm.torch):
            raise StepFailed(f"{cpu.model_name} lists {found}, not {cpu.precisions(arm.torch)}")
    return ", ".join(f"{cpu.model_name} is {cpu.platform}" for cpu in CPUS)


def a_user_s_way(arm: Arm) -> str:
    """What one types first: nothing at all, what hurts, other engines, and what is refused."""
    arm.r50bench("doctor", cpu=V1, status=3, says=["aarch64 is emulated"])
    plan = arm.r50bench("run", "--dry-run", cpu=V1, says=sorted(V1.precisions(arm.torch)))
    arm.r50bench("run", "--dry-run", cpu=N1, says=["arm_fp32", "no row of torch in arm_int8"])
    arm.r50bench(
        *("run", "inference_throughput_fp32", "--engine", "r50"),
        cpu=V1,
        status=6,
        says=["r50", "arm_fp32"],
    )
    arm.r50bench(
        *("run", "inference_throughput_avx_fp32"),
        cpu=V1,
        status=6,
        says=["avx_fp32 is for x86_64, this CPU is aarch64"],
    )
    arm.r50bench(*("run", "inference_throughput_bf16"), cpu=N1, status=6, says=["it lacks bf16"])
    arm.r50bench(*("run", "inference_throughput_int8"), cpu=N1, status=6, says=["need SVE"])
    return f"{len(plan.splitlines())} lines of plan; r50, avx_fp32, bf16 and int8 on N1 refused"


def peak_instructions(arm: Arm) -> str:
    """Each instruction of the peak adds up as much as it is counted for, and can be carried out."""
    source = "/source/src/r50bench/host/peak_kernel.cpp"
    harness = "/source/tests/support/peak_instructions.cpp"
    _must(
        arm,
        *("g++", "-std=c++17", "-O1", "-mcpu=native", f'-DPROGRAM="{source}"', harness),
        *("-pthread", "-o", "/tmp/peak_instructions"),
        cpu=V1,
    )
    lines = [line.split() for line in _must(arm, "/tmp/peak_instructions", cpu=V1).splitlines()]
    names = {"fmla_128", "bfmmla_128", "smmla_128", "sdot_128"}
    if {name for name, *_ in lines} != names:
        raise StepFailed(f"instead of {names}: {lines}")
    if any(adds != counted for _, adds, counted in lines):
        raise StepFailed(f"an instruction adds up something else than it is counted for: {lines}")
    _must(
        arm,
        *("g++", "-std=c++17", "-O3", "-mcpu=native", "-pthread", source, "-o", "/tmp/peak_kernel"),
        cpu=V1,
    )
    said = _must(arm, "/tmp/peak_kernel", "0", "1", "10", "1048576", cpu=V1)
    found = {line.split()[0] for line in said.splitlines() if "signal" not in line}
    if not names <= found:
        raise StepFailed(f"not all could be carried out: {said}")
    return ", ".join(f"{name} {adds}" for name, adds, _ in lines)


def pkm(arm: Arm) -> str:
    """The Arm workload's own case, in its own words, in both of its precisions."""
    words = ("throughput_pkm", "--weights", "v1", "--steps", "1", "--warmup-steps", "0")
    words += ("--set", "BATCH_SIZE=1", "--set", "CORES_PER_INSTANCE=1", "--instances", "1")
    words += ("--set", "TORCH_MKLDNN_MATMUL_MIN_DIM=64")
    said = []
    for cpu, precision in ((V1, "BF16"), (N1, "FP32")):
        record, folder = arm.record(*words, "--set", f"PRECISION={precision}", cpu=cpu)
        (worker,) = record["workers"]
        passed = worker["environment"].get("TORCH_MKLDNN_MATMUL_MIN_DIM")
        if passed != "64":
            raise StepFailed(f"the worker has TORCH_MKLDNN_MATMUL_MIN_DIM={passed}")
        for log in folder.glob("*.log"):
            arm.note(f"{log.name}:\n{log.read_text()}")
        said.append(f"{cpu.model_name} {precision}: {record['evidence']['summary']}")
    return "; ".join(said)


def accuracy(arm: Arm) -> str:
    """Two pictures are taken for the classes that this machine takes them for in float32."""
    said = []
    for cpu, precision in ((V1, "bf16"), (V1, "fp32")):
        case = f"inference_accuracy_{precision}"
        _, folder = arm.record(
            *(case, "--weights", "v1", "--dataset", "/pictures", "--batch-size", "1"),
            *("--cores-per-instance", "1", "--instances", "1"),
            cpu=cpu,
        )
        there, here = _top1(folder), _answers_here(arm)
        if there != here:
            raise StepFailed(f"{cpu.model_name} {precision}: {there}, and here {here}")
        said.append(f"{cpu.model_name} {precision}: {sorted(there.values())}")
    return "; ".join(said)


def _top1(folder: Path) -> dict[str, str]:
    with (folder / "predictions.csv").open() as file:
        return {Path(row["picture"]).name: row["top1"] for row in csv.DictReader(file)}


def _answers_here(arm: Arm) -> dict[str, str]:
    """Returns what this machine's own r50bench takes the same pictures for."""
    out = arm.root / "here" / f"{time.time_ns()}"
    words = ("run", "inference_accuracy_fp32", "--weights", "v1", "--engine", "torch-eager")
    pictures = str(arm.root / "pictures")
    _here(arm, *words, "--dataset", pictures, "--instances", "1", "--out", str(out))
    (folder,) = out.iterdir()
    return _top1(folder)


def _here(arm: Arm, *words: str) -> None:
    path = os.pathsep.join(filter(None, (str(TREE / "src"), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "r50bench", *words, *PATIENT],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    arm.note(f"[this machine] $ r50bench {shlex.join(words)}   [exit {done.returncode}]")
    arm.note(done.stdout[-4000:])
    if done.returncode != 0:
        raise StepFailed(f"this machine's own run fails: {done.stdout[-2000:]}")


def assets(arm: Arm) -> str:
    """Gives Arm the weights and pictures that this machine fetched, and two pictures to score."""
    out = arm.root / "here" / f"{time.time_ns()}"
    words = ("run", "inference_accuracy_fp32", "--weights", "v1", "--engine", "torch-eager")
    _here(arm, *words, "--out", str(out))
    cache = Path(
        subprocess.check_output(
            [
                *(sys.executable, "-c"),
                "from r50bench.assets.store import default_store; print(default_store().root)",
            ],
            env={**os.environ, "PYTHONPATH": str(TREE / "src")},
            text=True,
        ).strip()
    )
    for kind in ("weights", "pictures"):
        shutil.copytree(cache / kind, arm.root / "cache" / kind, dirs_exist_ok=True)
    folder = arm.root / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    found = sorted((cache / "pictures").glob("**/imagenet_*.jpg"))[:PICTURES]
    for picture in found:
        shutil.copy(picture, folder)
    # The label is the last number of the name.
    lines = [f"{picture.name} {picture.stem.rpartition('_')[2]}" for picture in found]
    (folder / "val_map.txt").write_text("\n".join(lines))
    return f"{len(found)} pictures"


STEPS: tuple[Callable[[Arm], str], ...] = (
    install,
    assets,
    platforms,
    a_user_s_way,
    peak_instructions,
    pkm,
    accuracy,
)


def carry_out(step: Callable[[Arm], str], arm: Arm) -> str:
    """Returns what the step says, after ``ok`` or ``FAILED``."""
    try:
        return f"ok      {step(arm)}"
    except StepFailed as failure:
        return f"FAILED  {failure}"
    except Exception as error:  # noqa: BLE001  a step that breaks must not hide the others
        return f"FAILED  {type(error).__name__}: {error}"


def main() -> int:
    names = [step.__name__ for step in STEPS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(names)}")
    parser.add_argument("--root", type=Path, default=Path("/var/tmp/r50bench-arm"))
    parser.add_argument("--torch", default="2.9.1", help="on PyPI 2.10 is the last without CUDA")
    parser.add_argument("--engine", default="torch", help="torch-eager compiles no model")
    parser.add_argument("--log", type=Path)
    asked = parser.parse_args()
    if unknown := set(asked.steps) - set(names):
        parser.error(f"no step {', '.join(sorted(unknown))}: there are {', '.join(names)}")
    try:
        emulation_is_there()
    except (CannotRun, OSError) as why:
        print(why)
        return SKIPPED
    log = asked.log.open("w") if asked.log else None
    arm = Arm(asked.root.resolve(), asked.torch, asked.engine, log)
    failed = 0
    for step in STEPS:
        if not asked.steps or step.__name__ in asked.steps:
            start = time.monotonic()
            outcome = carry_out(step, arm)
            failed += outcome.startswith("FAILED")
            line = f"{step.__name__}: {outcome} ({time.monotonic() - start:.0f} s)"
            print(line, flush=True)
            arm.note(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
