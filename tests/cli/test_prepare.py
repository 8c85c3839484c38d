"""``r50bench run --prepare-only``: what the runs to come find, and no run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from r50bench.host.topology import read_host
from support.command_line import Call

DUMMY = ("--engine", "fake", "--data-type", "dummy")
CASE = "inference_throughput_avx_fp32"


def test_nothing_is_measured_and_the_next_run_finds_all(
    r50bench_fake: Call, cache: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "set" / "n01440764"
    pictures.mkdir(parents=True)
    Image.new("RGB", (260, 260), (1, 2, 3)).save(pictures / "0.JPEG")
    settings = ("--engine", "fake", "--weights", "random", "--steps", "3")
    settings += ("--data-type", "real", "--dataset", str(pictures.parent))
    prepared = r50bench_fake("run", CASE, *settings, "--prepare-only")
    assert prepared.code == 0
    assert prepared.out == f"# ready: 1 case, in {cache}   look: r50bench cache list\n"
    assert not (tmp_path / "r50bench-runs").exists()
    assert not (tmp_path / "data" / "history.sqlite").exists()
    kept = sorted(cache.glob("[!.]*/*"))
    assert kept, "the pictures are not kept"
    run = r50bench_fake("run", CASE, *settings)
    assert run.code == 0
    assert sorted(cache.glob("[!.]*/*")) == kept


@pytest.mark.skipif(
    "avx512f" not in read_host().isa, reason="engine r50 has no kernels for this CPU"
)
def test_the_models_of_named_cases_are_compiled_ahead(
    r50bench_fake: Call, cache: Path, tmp_path: Path
) -> None:
    """With a compiler that says what it was asked for and makes nothing."""
    (tmp_path / "bin").mkdir()
    compiler = tmp_path / "bin" / "g++"
    compiler.write_text("#!/bin/sh\necho no such target >&2; exit 1\n")
    compiler.chmod(0o755)
    answer = r50bench_fake(
        *("run", CASE, "inference_latency_avx_fp32", "--weights", "random", "--prepare-only"),
        *("--engine", "r50", "--cores-per-instance", "1"),
        CXX=str(compiler),
    )
    assert answer.code in (5, 6)
    assert "2 of 2 cannot run: inference_throughput_avx_fp32: " in answer.err
    assert "# ready: 0 cases" in answer.out


def test_what_is_contradicted_is_refused(r50bench_fake: Call) -> None:
    answer = r50bench_fake("run", CASE, "--prepare-only", "--dry-run")
    assert (answer.code, answer.out) == (2, "")
    assert "--dry-run" in answer.err
    answer = r50bench_fake("run", CASE, "--prepare-only", "--json")
    assert (answer.code, answer.out) == (2, "")
    assert "leave --json out" in answer.err


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_the_main_job_s_models_are_meant_where_no_case_is_named(
    r50bench_fake: Call, cache: Path
) -> None:
    answer = r50bench_fake("run", "--weights", "random", "--prepare-only", *DUMMY)
    assert answer.code == 0
    assert "# ready: " in answer.out
