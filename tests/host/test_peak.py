from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import RunFailed
from r50bench.host.peak import Peak, build_command, measure_peak, parse_output
from r50bench.measure.measured_peak import SOURCES
from r50bench.precision import PRECISIONS
from support import synthetic_hosts

MEMORY = "read 0 1.0e+10 2.0e+10\ntriad 0 3.0e+10 4.0e+10\n"


def peak_of(text: str, cpus: int = 2) -> Peak:
    return Peak(tuple(range(cpus)), *parse_output(text + MEMORY, cpus))


def test_each_cpu_s_best_round_counts_and_all_are_added_up() -> None:
    text = "fma_512 0 2.0e+11 1.0e+11\nfma_512 1 1.9e+11 2.5e+11\nfma_512 2 1.8e+11 2.4e+11\n"
    rates = peak_of(text).rates["fma_512"]
    assert rates.per_cpu == (2.0e11, 2.5e11)
    assert rates.total == 4.5e11
    assert rates.repeated == 1.9e11 + 2.4e11


@given(
    st.lists(
        st.lists(st.floats(1e6, 1e14), min_size=3, max_size=3),
        min_size=1,
        max_size=9,
    )
)
def test_what_the_program_prints_is_read_back(rounds: list[list[float]]) -> None:
    lines = [
        f"{test} {number} {' '.join(f'{rate:.4e}' for rate in rates)}"
        for number, rates in enumerate(rounds)
        for test in ("vpdpbusd_512", "read", "triad")
    ]
    found, missing = parse_output("\n".join(lines), 3)
    assert not missing
    assert found.keys() == {"vpdpbusd_512", "read", "triad"}
    for rates in found.values():
        expected = [max(one[cpu] for one in rounds) for cpu in range(3)]
        assert rates.per_cpu == pytest.approx(expected, rel=1e-4)
        assert rates.repeated <= rates.total


@given(st.text())
def test_anything_else_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(RunFailed):
        parse_output(text, 1)


@pytest.mark.parametrize(
    "text",
    [
        "fma_512 0 2.0e+11\n" + MEMORY,
        "fma_512 0 0.0e+00 2.0e+11\n" + MEMORY,
        "Illegal instruction\n" + MEMORY,
        "fma_512 0 2.0e+11 2.0e+11\nread 0 1.0e+10 2.0e+10\n",
    ],
)
def test_a_short_line_a_zero_and_a_cut_output_are_refused(text: str) -> None:
    with pytest.raises(RunFailed, match="the program that measures the peak"):
        parse_output(text, 2)


def test_rounds_that_disagree_are_not_steady_and_a_better_one_mends_that() -> None:
    disturbed = peak_of("fma_512 0 2.0e+11 2.0e+11\n" + "fma_512 1 1.0e+11 2.0e+11\n" * 2)
    often = peak_of("fma_512 0 2.0e+11 2.0e+11\n" * 3 + "fma_512 1 1.0e+11 2.0e+11\n" * 9)
    assert often.steady
    calm = peak_of("fma_512 0 1.9e+11 2.1e+11\n" * 3)
    assert not disturbed.steady
    assert calm.steady
    both = disturbed.merged(calm)
    assert both.rates["fma_512"].per_cpu == (2.0e11, 2.1e11)
    assert both.steady


def test_memory_that_varies_leaves_the_peak_steady() -> None:
    assert peak_of("fma_512 0 2.0e+11 2.0e+11\nread 1 1.0e+09 1.0e+09\n").steady


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tdpbusd signal 4", "was ended by SIGILL (Illegal instruction)"),
        ("tdpbusd signal 11", "was ended by SIGSEGV (Segmentation fault)"),
        ("tdpbusd signal 65", "was ended by signal 65"),
        (
            "tdpbusd refused Operation not permitted",
            "needs AMX's tiles, which the kernel refuses: Operation not permitted",
        ),
    ],
)
def test_an_instruction_that_cannot_be_carried_out_says_why_and_the_others_have_rates(
    line: str, why: str
) -> None:
    peak = peak_of(f"{line}\nfma_512 0 2.0e+11 2.0e+11\n")
    assert peak.rates["fma_512"].total == 4.0e11
    assert peak.missing == {"tdpbusd": why}


def test_what_one_measurement_lacks_another_one_adds() -> None:
    lacking = peak_of("tdpbusd signal 4\nfma_512 0 2.0e+11 2.0e+11\n")
    whole = peak_of("tdpbusd 0 5.0e+12 5.0e+12\nfma_512 0 1.0e+11 1.0e+11\n")
    for both in (lacking.merged(whole), whole.merged(lacking)):
        assert both.rates["tdpbusd"].total == 1.0e13
        assert both.rates["fma_512"].total == 4.0e11
        assert not both.missing
    assert lacking.merged(lacking).missing == lacking.missing


def test_every_precision_has_instructions_and_the_program_knows_them() -> None:
    source = SOURCES[0].read_text()
    for row in PRECISIONS.values():
        for name in row.peak_instructions if row.device == "cpu" else ():
            assert f'{{"{name}",' in source


def test_the_program_is_built_for_the_cpu_it_is_built_on() -> None:
    source, out = Path("source.cpp"), Path("out")
    command = build_command(["clang++", "-stdlib=libc++"], source, out, "aarch64")
    assert command[:2] == ["clang++", "-stdlib=libc++"]
    assert "-mcpu=native" in command
    assert command[-3:] == ["source.cpp", "-o", "out"]
    assert "-march=native" in build_command(["g++"], source, out, "x86_64")


def program(folder: Path, script: str) -> Path:
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_the_program_gets_the_cpus_and_more_memory_than_the_caches_hold(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"echo $1 $4 >{said}; printf 'read 0 1.0e+10 1.0e+10\\ntriad 0 1.0e+10 1.0e+10\\n'"
    peak = measure_peak(program(tmp_path, script), (4, 7), synthetic_hosts.two_core_vm())
    assert peak.cpus == (4, 7)
    cpus, size = said.read_text().split()
    assert cpus == "4,7"
    assert int(size) == 4 * 2**25 // 2


def test_a_compiler_that_does_not_know_an_instruction_of_the_cpu_is_blamed(tmp_path: Path) -> None:
    host = synthetic_hosts.host_of([[2]], model="spr")
    script = r"printf 'fma_512 0 2.0e+11\nread 0 1.0e+10\ntriad 0 1.0e+10\n'"
    peak = measure_peak(program(tmp_path, script), (0,), host)
    assert "fma_512" in peak.rates
    why = r"is known to this CPU, but not to the C\+\+ compiler .* g\+\+ 11"
    assert re.match(why, peak.missing["tdpbf16ps"])


def test_a_program_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    failing = program(tmp_path, "echo 'cannot bind a thread: Invalid argument' >&2; exit 3")
    with pytest.raises(RunFailed, match="cannot bind a thread"):
        measure_peak(failing, (0,), synthetic_hosts.two_core_vm())
    dying = program(tmp_path, "kill -ILL $$")
    with pytest.raises(RunFailed, match=r"program was ended by SIGILL \(Illegal instruction\)"):
        measure_peak(dying, (0,), synthetic_hosts.two_core_vm())
