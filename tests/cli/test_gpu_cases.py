"""Every verb on a host with GPUs, driven by the fake engine; nothing of it needs a GPU."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.engines.torch import cuda_build
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.precision import PRECISIONS
from support import fake_cases, synthetic_hosts
from support.command_line import Call

ON_GPUS = [name for name, row in PRECISIONS.items() if row.device == "cuda"]
FAKE = ("--engine", "fake", "--weights", "random", "-q")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    """The host of the fake engine's cases, with two GPUs."""
    host = synthetic_hosts.with_gpus(fake_cases.host(), 2)
    monkeypatch.setattr(topology, "read_host", lambda: host)
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return host


@pytest.fixture
def call(r50bench_here: Call) -> Call:
    return r50bench_here


def test_the_host_line_and_the_list_show_gpus(call: Call, monkeypatch) -> None:
    monkeypatch.setattr(cuda_build, "no_cuda_build", lambda: "")
    listed = call("list")
    assert "· 2 × NVIDIA H100 80GB HBM3" in listed.out.splitlines()[0]
    for name in ON_GPUS:
        assert f"inference_throughput_{name} " in listed.out
        assert f"inference_latency_{name}_gated " in listed.out


@pytest.mark.parametrize("precision", ON_GPUS)
def test_a_case_runs_on_every_gpu_and_its_record_says_which(
    call: Call, machine: Host, precision: str
) -> None:
    done = call("run", f"inference_throughput_{precision}", *FAKE, "--steps", "3", "--json")
    assert done.code == 0, done.err
    (record,) = json.loads(done.out)
    assert record["engine"]["device"] == record["case"]["device"] == "cuda"
    assert record["evidence"]["proved"]
    assert [slot["gpu"] for slot in record["placement"]["slots"]] == [
        "0000:10:00.0",
        "0000:11:00.0",
    ]
    assert [gpu["name"] for gpu in record["host"]["gpus"]] == [gpu.name for gpu in machine.gpus]
    assert not any(gpu.uuid in done.out for gpu in machine.gpus)


def test_a_precision_whose_kernels_did_not_run_is_no_result(call: Call) -> None:
    other = PRECISIONS["cuda_fp32"].kernels.usual
    done = call(
        "run", "inference_latency_cuda_tf32", *FAKE, "--customer-env", f"FAKE_KERNELS={other}"
    )
    assert done.code == 5
    assert "cuda_tf32 is not what ran" in done.err


def test_what_the_default_engine_cannot_use_is_not_listed(call: Call, monkeypatch) -> None:
    monkeypatch.setattr(cuda_build, "no_cuda_build", lambda: "torch x is built without CUDA")
    listed = call("list")
    assert listed.code == 0
    assert "inference_latency_avx_fp32" in listed.out
    assert "cuda_" not in listed.out


def test_numerics_with_device_cuda_mean_a_precision_of_gpus(call: Call, monkeypatch) -> None:
    plan = call("run", "inference_latency_bf16", "--device", "cuda", *FAKE, "-N", "--json")
    assert json.loads(plan.out)[0]["case"]["precision"] == "cuda_bfloat16"
    monkeypatch.setattr(cuda_build, "no_cuda_build", lambda: "")
    globbed = call("run", "inference_latency_*", "--device", "cuda", *FAKE, "-N", "--json")
    assert [case["case"]["precision"] for case in json.loads(globbed.out)] == ON_GPUS


def test_the_main_job_on_gpus_measures_fp32_and_bf16(call: Call) -> None:
    plan = call("run", "--device", "cuda", *FAKE, "-N", "--json")
    assert plan.code == 0, plan.err
    assert "cuda_fp32" in plan.out
    assert "cuda_bfloat16" in plan.out
    assert "avx" not in plan.out


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream"])
def test_loadgen_asks_instances_on_gpus(call: Call, scenario: str) -> None:
    words = ("--scenario", scenario, "--mode", "PerformanceOnly", "--device", "cuda")
    plan = call("mlperf", *words, "--precision", "fp16", *FAKE, "-N", "--json")
    assert plan.code == 0, plan.err
    case = json.loads(plan.out)["case"]
    assert case["precision"] == "cuda_fp16"
    assert case["instances"] == (2 if scenario == "Offline" else 1)


def test_gpu_is_the_workflow_s_word(call: Call) -> None:
    words = "loadgen_output,execution_device=gpu,engine=r50"
    refused = call("byquery", words)
    assert refused.code == 6
    assert "engine r50 is run on CPUs only" in refused.err


def test_a_peer_without_its_cuda_provider_says_what_to_install(call: Call) -> None:
    refused = call("run", "inference_latency_cuda_tf32", "--engine", "onnxruntime", "-q")
    assert refused.code == 6
    assert "pip install onnxruntime-gpu" in refused.err


@pytest.mark.parametrize("verb", [["run", "inference_latency_cuda_fp32"], ["mlperf"]])
def test_without_cuda_in_torch_nothing_is_prepared(
    call: Call, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    monkeypatch.setattr(cuda_build, "no_cuda_build", lambda: "torch 2.13.0+cpu is built without …")
    monkeypatch.setattr(
        "r50bench.assets.weights.resolve_weights", lambda *_, **__: pytest.fail("weights were read")
    )
    refused = call(*verb, "--device", "cuda", "-q")
    assert refused.code == 6
    assert "torch 2.13.0+cpu is built without" in refused.err


@pytest.mark.parametrize(
    "verb", [["run"], ["peers"], ["sweep", "-N"], ["tune", "--mode", "throughput"]], ids=" ".join
)
def test_without_a_gpu_it_says_why(
    call: Call, monkeypatch: pytest.MonkeyPatch, machine: Host, verb: list[str]
) -> None:
    bare = replace(machine, gpus=(), no_gpus="no NVIDIA driver is loaded here")
    monkeypatch.setattr(topology, "read_host", lambda: bare)
    refused = call(*verb, "--device", "cuda")
    assert refused.code == 6
    assert "runs on a GPU, and no NVIDIA driver is loaded here" in refused.err


def test_the_doctor_says_that_the_default_engine_cannot_use_the_gpu(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_build, "no_cuda_build", lambda: "torch x is built without CUDA")
    monkeypatch.setattr("r50bench.host.accelerators.probe_gpus", lambda: ((), "no answer"))
    found = call("doctor", "--json")
    assert found.code == 3
    codes = [one["code"] for one in json.loads(found.out)["findings"]]
    assert "gpu-unused" in codes
