"""What a worker's environment holds: everything that must be set before torch is loaded.

Whatever the user's shell happens to export for numeric libraries is dropped, since it would change
figures unseen; CUSTOMER_ENV is the way in, comes last and wins. Nothing is set for OpenMP but the
number of threads: libgomp spins for a while by default, which measures as well as
``OMP_WAIT_POLICY=ACTIVE`` at two threads and batch 1 (PASSIVE costs 13 to 40 %); and threads
inherit the binding of the instance that starts them, which ``OMP_PROC_BIND`` would undo where
several instances share one process.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import r50bench
from r50bench.case import Case
from r50bench.engines.base import PYTHON_VARIABLE
from r50bench.engines.registry import ENGINES
from r50bench.errors import Unsupported
from r50bench.host.isa import isa_cap
from r50bench.host.surroundings import decides_numerics, find_tcmalloc
from r50bench.host.topology import Host
from r50bench.notices import Notice, no_effect
from r50bench.precision import NUMERICS

if TYPE_CHECKING:
    from r50bench.host.topology import Gpu


__all__ = [
    "allocator_of",
    "gpu_variables",
    "inert_settings",
    "python_command",
    "recorded_environment",
    "worker_environment",
    "worker_python",
]

_LAUNCHER = Path(__file__).parents[1] / "host" / "launch.py"
# What runs there: this package under its name, without anything else of this environment.
_BEGIN = """
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib.util, runpy
folder, module = sys.argv[1:3]
del sys.argv[1:3]
spec = importlib.util.spec_from_file_location(
    "r50bench", folder + "/__init__.py", submodule_search_locations=[folder]
)
package = sys.modules["r50bench"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""

# CUDA_VISIBLE_DEVICES holds a GPU's UUID, which leads back to it: the placement says which it was.
_RECORDED_BESIDE = ("CUDA_DEVICE_ORDER",)
_RECORDED_TOO = "R50BENCH_RECORDED"
"""Tells a worker which variables CUSTOMER_ENV named; they belong in the record whatever they are
called."""

_OF_ONEDNN = ("ONEDNN_", "DNNL_", "MKLDNN_", "THP_MEM_ALLOC_ENABLE")
# oneDNN developer guide, "CPU Dispatcher Control", and oneDNN's cpu_isa_traits.cpp.
_ISA_VALUES = frozenset(
    {
        "ALL",
        "AVX",
        "AVX10_1_512",
        "AVX10_1_512_AMX",
        "AVX10_1_512_AMX_FP16",
        "AVX2",
        "AVX2_VNNI",
        "AVX2_VNNI_2",
        "AVX512_CORE",
        "AVX512_CORE_AMX",
        "AVX512_CORE_AMX_FP16",
        "AVX512_CORE_BF16",
        "AVX512_CORE_FP16",
        "AVX512_CORE_VNNI",
        "DEFAULT",
        "SSE41",
    }
)


def python_command(module: str, environment: Mapping[str, str]) -> list[str]:
    """Returns the words that run a module of r50bench as ``-m`` does, arguments to be added.

    Nothing is imported from the current folder.
    """
    python = environment.get(PYTHON_VARIABLE)
    if python is None:
        return [sys.executable, str(_LAUNCHER), module]
    return [python, "-c", _BEGIN, str(Path(r50bench.__file__).parent), module]


def worker_python(python: str) -> dict[str, str]:
    """Returns what a worker's environment holds of a case's ``python``; nothing for this one."""
    return {PYTHON_VARIABLE: python} if python else {}


def worker_environment(case: Case, host: Host, inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns the whole environment of the case's workers and of the compiler of its model.

    Raises:
        Unsupported: the case wants tcmalloc and this host has none.
    """
    environment = {
        name: value
        for name, value in inherited.items()
        if not decides_numerics(name) and name != _RECORDED_TOO
    }
    environment.pop(PYTHON_VARIABLE, None)
    environment |= worker_python(case.python)
    environment["OMP_NUM_THREADS"] = str(case.cores_per_instance)
    # Nothing here multiplies by numpy, whose library starts a thread for each core all the same.
    environment["OPENBLAS_NUM_THREADS"] = "1"
    environment |= _name_of_user(environment)
    # A torch.py in the user's folder is not to be taken for torch.
    environment["PYTHONSAFEPATH"] = "1"
    cap = isa_cap(case.precision, host) if case.device == "cpu" else None
    if cap is not None:
        environment["ONEDNN_MAX_CPU_ISA"] = cap
    fpmath = NUMERICS[case.numerics].onednn_fpmath
    if fpmath and case.device == "cpu":
        environment["ONEDNN_DEFAULT_FPMATH_MODE"] = fpmath
    preload = _preload(case)
    if preload is not None:
        environment["LD_PRELOAD"] = preload
    if case.device == "cuda":
        # What compiles needs one; workers see those of their own slots.
        environment.update(gpu_variables(host.gpus[:1]))
    if case.matmul_min_dim is not None:
        environment["TORCH_MKLDNN_MATMUL_MIN_DIM"] = str(case.matmul_min_dim)
    if case.customer_env:
        environment.update(case.customer_env)
        environment[_RECORDED_TOO] = " ".join(name for name, _ in case.customer_env)
    return environment


def _name_of_user(environment: Mapping[str, str]) -> dict[str, str]:
    """Names who has no name, as under ``docker run --user 12345``: torch 2.9 cannot do without.

    The variables are those that :func:`getpass.getuser` reads before it asks the system.
    """
    if any(environment.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):
        return {}
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return {"USER": f"uid_{os.getuid()}"}
    return {}


def gpu_variables(gpus: Sequence[Gpu]) -> dict[str, str]:
    """Returns the variables by which a process sees ``gpus`` alone, in that order."""
    return {
        "CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }


def recorded_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables that belong in the record, sorted.

    They are those that can change figures, and all that CUSTOMER_ENV named where ``environ`` is
    that of a worker.
    """
    beside = {*_RECORDED_BESIDE, *environ.get(_RECORDED_TOO, "").split()}
    return {
        name: environ[name]
        for name in sorted(environ)
        if decides_numerics(name) or name.startswith("FAKE_") or name in beside
    }


def allocator_of(environment: Mapping[str, str]) -> str:
    """Returns the allocator that ``environment`` preloads: system, tcmalloc, jemalloc, …"""
    for path in environment.get("LD_PRELOAD", "").replace(":", " ").split():
        stem = Path(path).name.removeprefix("lib").split(".")[0]
        if "malloc" in stem:
            return stem.removesuffix("_minimal")
    return "system"


def inert_settings(case: Case, host: Host) -> tuple[Notice, ...]:
    """Returns a notice for each variable of CUSTOMER_ENV that has no effect here."""
    settings = dict(case.customer_env)
    said = []
    if "libiomp5" not in settings.get("LD_PRELOAD", ""):
        said += [
            no_effect(
                name,
                "torch's OpenMP is libgomp, not libiomp5",
                "use OMP_* and GOMP_*, or preload libiomp5",
            )
            for name in settings
            if name.startswith("KMP_")
        ]
    if "TORCH_MKLDNN_MATMUL_MIN_DIM" in settings and host.arch == "x86_64":
        why = "on x86 it concerns batched matrix products only, and ResNet-50 has none"
        said.append(no_effect("TORCH_MKLDNN_MATMUL_MIN_DIM", why))
    if "LRU_CACHE_CAPACITY" in settings:
        said.append(no_effect("LRU_CACHE_CAPACITY", "convolutions do not use that cache"))
    if not ENGINES[case.engine].uses_onednn:
        why = f"engine {case.engine} does not compute by oneDNN"
        said += [
            no_effect(name, why, "--engine torch")
            for name in settings
            if name.startswith(_OF_ONEDNN)
        ]
        return tuple(said)
    if settings.get("THP_MEM_ALLOC_ENABLE", "1") != "1":
        said.append(no_effect("THP_MEM_ALLOC_ENABLE", "oneDNN heeds it only where it is exactly 1"))
    return (*said, *_inert_isa(settings, host))


def _preload(case: Case) -> str | None:
    """Returns the allocator to preload; ``auto`` takes tcmalloc, if any, where that is faster.

    It is worth 2 to 4 % to torch and zentorch on AVX-512, nothing to ONNX Runtime, and OpenVINO
    aborts under it. On AMX it is worth half of AOTInductor's throughput and more: that keeps its
    weights in one block of malloc, which glibc lets begin 16 bytes behind a cache line, so that
    each row of a tile lies in two.
    """
    gains = ENGINES[case.engine].allocator == "faster"
    if case.allocator == "system" or (case.allocator == "auto" and not gains):
        return None
    found = find_tcmalloc()
    if found is None and case.allocator == "tcmalloc":
        raise Unsupported(
            "tcmalloc was asked for, and this host has none",
            hint="install it (Debian, Ubuntu: apt install libtcmalloc-minimal4)"
            " or take --allocator system",
        )
    return found


def _inert_isa(settings: Mapping[str, str], host: Host) -> Iterator[Notice]:
    """ONEDNN_ goes before MKLDNN_, and that before DNNL_; unknown values are silently ignored."""
    value = settings.get("ONEDNN_MAX_CPU_ISA")
    if value is not None and host.arch != "x86_64":
        yield no_effect("ONEDNN_MAX_CPU_ISA", "it is for x86")
    elif value is not None and value.upper() not in _ISA_VALUES:
        yield no_effect(f"ONEDNN_MAX_CPU_ISA={value}", "oneDNN knows no such value")
    for name in ("MKLDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        if name in settings and host.arch == "x86_64":
            yield no_effect(
                name, "ONEDNN_MAX_CPU_ISA, which is set for the precision, goes before it"
            )
