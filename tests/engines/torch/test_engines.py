"""The real engines on this CPU, at batch 1; each in a process with its own environment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import msgspec
import pytest

from r50bench.engines.evidence.judge import count_kernels, judge
from support.engine_probe import probe

pytestmark = pytest.mark.real_engine


@pytest.fixture(scope="module")
def shared(fp32):
    return probe(*fp32)


@pytest.fixture(scope="module")
def eager(fp32):
    spec, environment = fp32
    return probe(replace(spec, engine="torch-eager", runners=1), environment)


def test_runners_that_share_weights_answer_alike(shared):
    first, second = shared["logits"]
    assert first == second


def test_one_runner_answers_as_several_do(fp32, shared):
    spec, environment = fp32
    alone = probe(replace(spec, runners=1, loader=None), environment)
    assert alone["logits"] == shared["logits"][:1]


def test_the_compiled_model_answers_as_the_eager_one(shared, eager):
    assert shared["dtype"] == eager["dtype"] == "float32"
    (compiled,), (reference,) = shared["logits"][0], eager["logits"][0]
    scale = max(abs(logit) for logit in reference)
    assert compiled == pytest.approx(reference, abs=1e-3 * scale)


def test_the_compiled_model_proves_its_kernels(fp32, shared):
    spec, _ = fp32
    evidence = judge(count_kernels(shared["log"]), spec)
    assert evidence.proved, evidence.summary
    assert not any(kernel.startswith("reorder") for kernel in evidence.kernels)


def test_eager_kernels_are_those_of_the_precision(fp32, eager):
    spec, _ = fp32
    evidence = judge(count_kernels(eager["log"]), replace(spec, engine="torch-eager"))
    assert evidence.proved, evidence.summary


def test_the_version_names_torch_and_the_clock_runs(shared):
    assert shared["version"].startswith("torch 2.")
    assert shared["ticks"] > 0


def test_eager_has_no_int8(fp32):
    spec, environment = fp32
    refused = probe(
        replace(spec, engine="torch-eager", precision="avx_int8", runners=1), environment
    )
    assert refused["error"] == "Unsupported"


def test_cuda_without_cuda_is_refused(fp32):
    if "+cpu" not in version("torch"):
        pytest.skip("this torch is not a CPU build")
    spec, environment = fp32
    refused = probe(replace(spec, device="cuda", runners=1), environment)
    assert refused["error"] == "Unsupported"
    assert "cuda" in refused["message"]


def test_loading_leaves_nothing_behind_even_when_the_worker_is_killed(fp32, tmp_path):
    spec, environment = fp32
    loading = (
        "import sys, os, signal, msgspec; from r50bench.engines.base import EngineSpec;"
        "from r50bench.engines.registry import load_engine;"
        "load_engine(msgspec.json.decode(sys.argv[1], type=EngineSpec));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", loading, msgspec.json.encode(spec).decode()],
        env={**environment, "TMPDIR": str(tmp_path)},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_refused(fp32, tmp_path):
    spec, environment = fp32
    damaged = tmp_path / "model"
    shutil.copytree(spec.artifact, damaged)
    (library,) = damaged.rglob("*.so")
    library.write_bytes(b"\x7fELF")
    refused = probe(replace(spec, artifact=str(damaged), runners=1), environment)
    assert refused["error"] == "EngineError"
    assert os.fspath(damaged) in refused["message"]


def test_torch_compile_freezes_the_weights_too(fp32):
    spec, environment = fp32
    said = probe(replace(spec, engine="torch-compile", runners=1), environment)
    evidence = judge(count_kernels(said["log"]), spec)
    assert evidence.proved, evidence.summary
    assert not any(kernel.startswith("reorder") for kernel in evidence.kernels)
