from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from r50bench.host.surroundings import find_tcmalloc

MACHINE = {"x86_64": 62, "aarch64": 183}
HERE = os.uname().machine
pytestmark = pytest.mark.skipif(HERE not in MACHINE, reason=f"no tcmalloc is looked for on {HERE}")


def write_library(path: Path, *, machine: int = MACHINE.get(HERE, 0), elf_class: int = 2) -> str:
    """Writes the first bytes of a shared library: ELF identification, type, machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    identification = b"\x7fELF" + bytes([elf_class, 1, 1]) + bytes(9)
    path.write_bytes(identification + (3).to_bytes(2, "little") + machine.to_bytes(2, "little"))
    return str(path)


@pytest.mark.parametrize(
    "folder", [f"usr/lib/{HERE}-linux-gnu", "usr/lib64", f"{sys.prefix.lstrip('/')}/lib"]
)
def test_tcmalloc_is_found_in_the_usual_folders(tmp_path: Path, folder: str) -> None:
    library = write_library(tmp_path / folder / "libtcmalloc_minimal.so.4")
    assert find_tcmalloc(tmp_path) == library


def test_the_minimal_library_is_preferred_to_the_full_one(tmp_path: Path) -> None:
    full = write_library(tmp_path / "usr/lib64/libtcmalloc.so.4")
    assert find_tcmalloc(tmp_path) == full
    minimal = write_library(tmp_path / "usr/local/lib/libtcmalloc_minimal.so.4")
    assert find_tcmalloc(tmp_path) == minimal


def test_unusual_folders_are_found_through_the_loader_cache(tmp_path: Path) -> None:
    library = write_library(tmp_path / "opt/perf/libtcmalloc_minimal.so.4")
    cache = b"glibc-ld.so.cache1.1\0libtcmalloc_minimal.so.4\0/opt/perf/libtcmalloc_minimal.so.4\0"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.cache").write_bytes(cache)
    assert find_tcmalloc(tmp_path) == library


@pytest.mark.parametrize(
    "header", [{"machine": 3}, {"elf_class": 1}, {"machine": 243}], ids=["i386", "32-bit", "riscv"]
)
def test_a_library_for_another_architecture_is_passed_over(
    tmp_path: Path, header: dict[str, int]
) -> None:
    write_library(tmp_path / "usr/lib/libtcmalloc_minimal.so.4", **header)
    assert find_tcmalloc(tmp_path) is None


def test_debug_builds_and_empty_files_are_no_tcmalloc(tmp_path: Path) -> None:
    write_library(tmp_path / "usr/lib/libtcmalloc_minimal_debug.so.4")
    (tmp_path / "usr/lib/libtcmalloc_minimal.so.4").touch()
    assert find_tcmalloc(tmp_path) is None
