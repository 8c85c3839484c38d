"""The program that measures the peak, compiled: what LDTILECFG reads, and how tests that cannot run
are told. None of it needs AMX.

The program is compiled to assembly as it is shipped, with optimisation and AMX. LDTILECFG is then
replaced by instructions that copy the 64 bytes at its operand, and the other tile instructions are
taken out, so that any x86-64 host can run it and see what AMX would have been configured with.
"""

from __future__ import annotations

import platform
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.host.peak import measure_peak
from r50bench.host.topology import Host, read_host
from r50bench.measure.measured_peak import SOURCES, bounding_instruction

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or shutil.which("g++") is None, reason="no g++ for x86-64"
)

_COPY = """\
    movq %rax, saved_rax(%rip)
    movq %rdx, saved_rdx(%rip)
    leaq {operand}, %rax
{words}
    movq saved_rax(%rip), %rax
    movq saved_rdx(%rip), %rdx
"""
_WORDS = "\n".join(
    f"    movq {at}(%rax), %rdx\n    movq %rdx, configuration+{at}(%rip)" for at in range(0, 64, 8)
)
_HARNESS = """\
#define main main_of_the_program
#include "{source}"
#undef main
extern "C" {{ uint64_t saved_rax, saved_rdx; unsigned char configuration[64]; }}
// What was on the stack before must not look like a configuration.
__attribute__((noinline)) void dirty_the_stack() {{
  volatile unsigned char bytes[8192];
  for (auto& byte : bytes) byte = 0xcc;
}}
int main() {{
  for (auto call : {{tdpbf16ps, tdpbusd}}) {{
    dirty_the_stack();
    call(Arrays());
    for (int byte : configuration) printf("%02x", byte);
    printf("\\n");
  }}
}}
"""
_SIXTEEN_ROWS_OF_64_BYTES = struct.pack("<16B16H16B", 1, *[0] * 15, *[64] * 8, *[0] * 8,
                                        *[16] * 8, *[0] * 8)  # fmt: skip


def this_host() -> Host:
    """With small caches, so that little memory is streamed."""
    return replace(read_host(), l3_bytes=1)


def compile_program(folder: Path, *options: str, source: Path = SOURCES[0]) -> Path:
    program = folder / "program"
    subprocess.run(
        ["g++", "-std=c++17", "-pthread", "-w", *options, str(source), "-o", str(program)],
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
    )
    return program


def test_all_64_bytes_of_the_tile_configuration_reach_ldtilecfg(tmp_path: Path) -> None:
    harness = tmp_path / "harness.cpp"
    harness.write_text(_HARNESS.format(source=SOURCES[0]))
    amx = ("-mamx-tile", "-mamx-int8", "-mamx-bf16")
    try:
        assembly = compile_program(tmp_path, "-O3", *amx, "-S", source=harness).read_text()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"g++ does not know AMX: {error.stderr.splitlines()[0]}")
    found = re.findall(r"^\s*ldtilecfg\s+(.+)$", assembly, re.MULTILINE)
    assert found
    emulated = re.sub(
        r"^\s*ldtilecfg\s+(.+)$",
        lambda match: _COPY.format(operand=match[1], words=_WORDS),
        assembly,
        flags=re.MULTILINE,
    )
    emulated = re.sub(r"^\s*(tile|tdp).*$", "", emulated, flags=re.MULTILINE)
    file = tmp_path / "emulated.s"
    file.write_text(emulated)
    done = subprocess.run(
        [compile_program(tmp_path, source=file)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == [_SIXTEEN_ROWS_OF_64_BYTES.hex()] * 2


def test_each_instruction_is_counted_for_what_it_adds_up(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "support" / "peak_instructions.cpp"
    include = f'-DPROGRAM="{SOURCES[0]}"'
    options = ("-O1", "-march=native", "-DWITHOUT_TILES", include)
    said = subprocess.run(
        [compile_program(tmp_path, *options, source=source)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    counts = {
        name: (adds, counted) for name, adds, counted in map(str.split, said.stdout.splitlines())
    }
    assert "fma_256" in counts
    assert all(adds == counted for adds, counted in counts.values()), counts


def test_a_test_that_faults_costs_its_own_figure_and_says_by_which_signal(tmp_path: Path) -> None:
    source = SOURCES[0].read_text()
    dying = "void dying(const Arrays&) { raise(SIGILL); }\nconst Test kTests[] = {\n"
    added = '    {"tdpbusd", dying, 1, Needs::registers},\n'
    changed = tmp_path / SOURCES[0].name
    changed.write_text(source.replace("const Test kTests[] = {\n", dying + added))
    shutil.copy(SOURCES[1], tmp_path)
    host = this_host()
    cpus = [host.cores[0].cpus[0]]
    peak = measure_peak(compile_program(tmp_path, "-O0", "-mfma", source=changed), cpus, host)
    assert peak.missing["tdpbusd"] == "was ended by SIGILL (Illegal instruction)"
    assert {"fma_256", "read", "triad"} <= peak.rates.keys()
    assert bounding_instruction("avx_fp32", peak.rates, peak.missing) == "fma_256"


def test_tiles_that_the_kernel_refuses_cost_only_the_figures_of_amx(tmp_path: Path) -> None:
    # A sandbox that refuses the permission, as far as the program can tell: no kernel has a call of
    # that number.
    source = SOURCES[1].read_text()
    for file in SOURCES:
        shutil.copy(file, tmp_path)
    assert "SYS_arch_prctl" in source
    (tmp_path / SOURCES[1].name).write_text(source.replace("SYS_arch_prctl", "100000"))
    options = ("-O0", "-mfma", "-mamx-tile", "-mamx-int8", "-mamx-bf16")
    try:
        program = compile_program(tmp_path, *options, source=tmp_path / SOURCES[0].name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"g++ does not know AMX: {error.stderr.splitlines()[0]}")
    host = this_host()
    peak = measure_peak(program, [host.cores[0].cpus[0]], host)
    refused = "needs AMX's tiles, which the kernel refuses: Function not implemented"
    assert peak.missing["tdpbusd"] == peak.missing["tdpbf16ps"] == refused
    assert {"fma_256", "read", "triad"} <= peak.rates.keys()
