"""What else a worker is given changes its figures: environment variables, and the allocator."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["decides_numerics", "find_tcmalloc"]

_PREFIXES = (
    "ACL_",
    "ATEN_",
    "DNNL_",
    "GOMP_",
    "KMP_",
    "MALLOC_",
    "MKLDNN_",
    "MKL_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "TCMALLOC_",
    "TORCHAO_",
    "TORCHDYNAMO_",
    "TORCHINDUCTOR_",
    "TORCH_",
)
_NAMES = frozenset(
    {
        "GLIBC_TUNABLES",
        "LD_PRELOAD",
        "LRU_CACHE_CAPACITY",
        "NVIDIA_TF32_OVERRIDE",
        "THP_MEM_ALLOC_ENABLE",
    }
)


def decides_numerics(name: str) -> bool:
    """Says whether a variable of that name can change figures behind a case's back.

    Workers start without those that the shell exports; their values are kept in the record.
    """
    return name.startswith(_PREFIXES) or name in _NAMES


_ALLOCATORS = ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4")
_FOLDERS = (
    # Debian's multiarch folders, then those of the other distributions and of local builds.
    "usr/lib/{arch}-linux-gnu",
    "lib/{arch}-linux-gnu",
    "usr/lib64",
    "lib64",
    "usr/lib",
    "usr/local/lib64",
    "usr/local/lib",
)
# ELF e_machine (System V gABI, elf.h): EM_X86_64, EM_AARCH64.
_ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


def find_tcmalloc(root: Path = Path("/")) -> str | None:
    """Returns the path of a tcmalloc for this architecture, the minimal one first, or None.

    Looks in the Python environment (conda keeps libraries there), the standard library folders and
    the loader's cache below ``root``; runs no program.
    """
    machine = _ELF_MACHINES.get(os.uname().machine)
    for name in _ALLOCATORS:
        for path in (*_standard_places(root, name), *_places_in_loader_cache(root, name)):
            if machine is not None and _elf_machine(path) == machine:
                return str(path)
    return None


def _standard_places(root: Path, name: str) -> Iterator[Path]:
    yield root / sys.prefix.lstrip("/") / "lib" / name
    for folder in _FOLDERS:
        yield root / folder.format(arch=os.uname().machine) / name


def _places_in_loader_cache(root: Path, name: str) -> Iterator[Path]:
    """Yields the paths ending in ``name`` among the NUL-terminated strings of /etc/ld.so.cache."""
    try:
        strings = (root / "etc/ld.so.cache").read_bytes().split(b"\0")
    except OSError:
        return
    for text in strings:
        if text.endswith(f"/{name}".encode()):
            yield root / os.fsdecode(text).lstrip("/")


def _elf_machine(path: Path) -> int | None:
    """Returns e_machine of a 64-bit little-endian ELF file, or None for anything else."""
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError:
        return None
    if len(header) < 20 or header[:6] != b"\x7fELF\x02\x01":
        return None
    return int.from_bytes(header[18:20], "little")
