"""Which C++ compiler is taken, what keys know of it, and how blanks are kept from its helpers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from r50bench.errors import EngineError
from r50bench.host.toolchain import compiler_of, find_compiler, plain_folder, unknown_to


def program(path: Path, version: str = "compiler 1.0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{version}"\necho "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("there", "taken"),
    [(["g++", "clang++", "c++"], "g++"), (["clang++", "c++"], "clang++"), (["c++"], "c++")],
)
def test_of_the_usual_names_the_first_that_is_there_is_taken(tmp_path, there, taken):
    for name in there:
        program(tmp_path / name)
    for cxx in ({}, {"CXX": ""}, {"CXX": "  "}):
        assert find_compiler({"PATH": str(tmp_path), **cxx}).words == (taken,)


def test_cxx_goes_before_and_may_have_arguments(tmp_path):
    program(tmp_path / "g++")
    program(tmp_path / "ccache", "ccache 4")
    found = find_compiler({"PATH": str(tmp_path), "CXX": "ccache g++ -m64"})
    assert found.words == ("ccache", "g++", "-m64")
    assert found.version == "ccache 4"


@pytest.mark.parametrize("quote", ["", "'"])
def test_a_program_with_blanks_in_its_path_may_stand_quoted_or_not(tmp_path, quote):
    compiler = program(tmp_path / "a b" / "g++")
    found = find_compiler({"PATH": "", "CXX": f"{quote}{compiler}{quote}"})
    assert found.words == (str(compiler),)


def test_without_one_what_is_missing_and_what_to_do_is_said(tmp_path):
    with pytest.raises(EngineError, match=r"engine x: there is no C\+\+ compiler") as caught:
        compiler_of({"PATH": str(tmp_path)}, "engine x", "engine y needs none")
    assert caught.value.hint.endswith("or name it in CXX; engine y needs none")
    with pytest.raises(EngineError, match="CXX=none-such is no program here"):
        compiler_of({"PATH": str(tmp_path), "CXX": "none-such"}, "engine x")
    with pytest.raises(EngineError, match="No closing quotation"):
        compiler_of({"PATH": str(tmp_path), "CXX": "'g++"}, "engine x")


def test_another_version_or_other_arguments_are_another_compiler_for_keys(tmp_path):
    environ = {"PATH": str(tmp_path)}
    program(tmp_path / "g++")
    digests = {find_compiler(environ).digest, find_compiler({**environ, "CXX": "g++ -m64"}).digest}
    program(tmp_path / "g++", "compiler 2.0")
    digests.add(find_compiler(environ).digest)
    assert len(digests) == 3


def test_tools_that_take_one_word_get_a_script_of_several(tmp_path):
    environ = {"PATH": str(tmp_path)}
    program(tmp_path / "g++")
    assert find_compiler(environ).as_one_word(tmp_path) == "g++"
    compiler = program(tmp_path / "a b" / "any", "clang version 19")
    found = find_compiler({**environ, "CXX": f"'{compiler}' -m64"})
    script = found.as_one_word(tmp_path)
    assert script == str(tmp_path / "clang++")
    said = subprocess.run([script, "x y"], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["clang version 19", "-m64 x y"]


def test_a_folder_without_blanks_is_the_wanted_one_or_a_temporary_one(tmp_path):
    with plain_folder(tmp_path / "plain") as folder:
        assert folder == tmp_path / "plain"
        assert folder.is_dir()
    assert not folder.exists()
    with plain_folder(tmp_path / "a b") as folder:
        assert " " not in str(folder)
        (folder / "something").mkdir()
    assert not folder.exists()
    assert not (tmp_path / "a b").exists()


@pytest.mark.parametrize(
    ("said", "unknown"),
    [
        ("/tmp/ccA.s:9: Error: no such instruction: `tilezero %tmm0'", "tilezero"),
        ("/tmp/ccA.s: Error: no such instruction: `vdpbf16ps (%rax),%zmm0,%zmm1'", "vdpbf16ps"),
        ("/tmp/ccA.s:9: Error: bad register name `%tmm0'", "tmm0"),
        ("tile.h:161:16: error: invalid instruction mnemonic 'tilezero'", "tilezero"),
        ("g++: error: unrecognized command line option '-std=c++20'; did you mean", "-std=c++20"),
        ("g++: error: unrecognized command-line option '-mavx512bf16'", "-mavx512bf16"),
        ("clang: error: unknown argument: '-mavx512bf16'", "-mavx512bf16"),
        ("error: invalid value 'c++20' in '-std=c++20'", "-std=c++20"),
        ("virtual memory exhausted: Cannot allocate memory", None),
        ("network.cpp:3:10: fatal error: omp.h: No such file or directory", None),
        ("", None),
    ],
)
def test_what_is_newer_than_a_compiler_is_read_from_what_it_says(said, unknown):
    assert unknown_to(f"In file included from network.cpp:\n{said}\n") == unknown
