"""The limit of GPUs: what the child tells is read, kept for the boot, and refused if it is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from r50bench.assets.store import Store
from r50bench.engines.child import ChildLog
from r50bench.errors import RunFailed
from r50bench.measure import gpu_peak
from r50bench.measure.gpu_peak import gpu_limit, parse_rates
from r50bench.notices import Silent
from r50bench.precision import PRECISIONS
from support import synthetic_hosts as hosts
from support.machine_tree import MachineTree

HOST = hosts.with_gpus(hosts.host_of([[4]]), 2)
GPUS = HOST.gpus
RATES = {
    **{
        row.peak_instructions[0]: [[1e12, 2e12], [3e12, 1e12]]
        for row in PRECISIONS.values()
        if row.device == "cuda"
    },
    "read": [[4e12, 4e12]] * 2,
    "triad": [[3e12, 3e12]] * 2,
}


def text_of(rates: object) -> str:
    return json.dumps({"rates": rates, "measured": "2026-01-31T00:00:00+00:00"})


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Has the child tell :data:`RATES`; gives the environments in which it was run."""
    runs: list[dict[str, str]] = []

    def run(words, environment, timeout_s) -> ChildLog:
        runs.append(dict(environment))
        Path(words[1]).write_text(json.dumps(RATES))
        return ChildLog(None, "")

    monkeypatch.setattr(gpu_peak, "run_child", run)
    return runs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = MachineTree(tmp_path / "root")
    tree.write("/proc/sys/kernel/random/boot_id", "one\n")
    return tree.root


def test_the_best_round_of_each_gpu_counts_and_all_are_added_up(child, root, tmp_path) -> None:
    store = Store(tmp_path / "store")
    limit = gpu_limit(GPUS, "cuda_bfloat16", {"A": "1"}, store, HOST, Silent(), root)
    assert (limit.instruction, limit.gop_per_s) == ("product_bf16", 5000)
    assert (limit.read_gb_per_s, limit.triad_gb_per_s, limit.cpus) == (8000, 6000, ())
    assert child[0]["CUDA_VISIBLE_DEVICES"] == ",".join(gpu.uuid for gpu in GPUS)
    assert child[0]["A"] == "1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rates": {}}', "[" * 100_000, "\xff"])
def test_a_kept_limit_that_is_damaged_is_measured_again(child, root, tmp_path, text) -> None:
    store = Store(tmp_path / "store")
    first = gpu_limit(GPUS, "cuda_fp16", {}, store, HOST, Silent(), root)
    (file,) = (tmp_path / "store").glob("gpu-peaks/*/value.json")
    file.write_bytes(text.encode("latin-1").ljust(file.stat().st_size))
    again = gpu_limit(GPUS, "cuda_fp16", {}, store, HOST, Silent(), root)
    assert again.gop_per_s == first.gop_per_s
    assert len(child) == 2
    gpu_limit(GPUS, "cuda_fp16", {}, store, HOST, Silent(), root)
    assert len(child) == 2


def test_it_is_measured_once_a_boot_for_the_same_gpus(child, root, tmp_path) -> None:
    store = Store(tmp_path / "store")
    first = gpu_limit(GPUS, "cuda_fp16", {}, store, HOST, Silent(), root)
    assert gpu_limit(GPUS, "cuda_fp16", {}, store, HOST, Silent(), root) == first
    assert len(child) == 1
    gpu_limit(GPUS, "cuda_fp32", {}, store, HOST, Silent(), root)
    assert len(child) == 1
    (root / "proc/sys/kernel/random/boot_id").write_text("two\n")
    gpu_limit(GPUS, "cuda_fp16", {}, store, HOST, Silent(), root)
    gpu_limit(GPUS[:1] * 2, "cuda_fp16", {}, store, HOST, Silent(), root)
    assert len(child) == 3


def test_a_machine_that_does_not_tell_when_it_booted_keeps_nothing(child, tmp_path) -> None:
    for _ in range(2):
        gpu_limit(GPUS, "cuda_fp16", {}, Store(tmp_path / "store"), HOST, Silent(), tmp_path)
    assert len(child) == 2


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", text_of({}), text_of({"read": [[1]]}), text_of({**RATES, "read": [[0, 1]]})],
)
def test_anything_else_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(RunFailed, match="the peak of the GPU"):
        parse_rates(text, 2)


def test_a_child_that_fails_is_quoted(monkeypatch, root, tmp_path) -> None:
    log = ChildLog("ended with status 1", "Traceback\nRuntimeError: CUDA error: out of memory")
    monkeypatch.setattr(gpu_peak, "run_child", lambda *_: log)
    with pytest.raises(RunFailed, match="ended with status 1: RuntimeError: CUDA error: out of"):
        gpu_limit(GPUS, "cuda_fp16", {}, Store(tmp_path / "store"), HOST, Silent(), root)
