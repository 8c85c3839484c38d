"""The kernels of r50bench against torch, on this CPU; skipped where it has no AVX-512."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from r50bench.assets.preprocess import dummy_pictures, normalise
from r50bench.assets.store import Store
from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.judge import count_kernels, judge
from r50bench.engines.evidence.kernel_log import parse_kernel_log
from r50bench.engines.evidence.layer_match import executed_layers
from r50bench.engines.r50.kernel_sets import lacking
from r50bench.engines.torch.recipes import build_module
from r50bench.host.topology import read_host
from r50bench.models.resnet50 import build_model
from r50bench.precision import numerics_of
from support.engine_probe import run_program
from support.prepared_engines import prepared_for_latency

pytestmark = pytest.mark.real_engine

SEED = 7
PICTURES = 9
TILES = ("amx_bfloat16", "amx_bfloat32", "amx_int8")
PRECISIONS = ("avx_fp32", "avx_bfloat16", "avx_int8", *TILES)
# Of the largest logit. float32: another order of sums; bfloat16: 8 bits of mantissa, 54 times;
# int8: a sum that lies between two quanta may go either way, and layers after it follow.
# The int8 kernels for AMX round in 16 bits, and a sum lies between two quanta more often.
TOLERANCE = {
    "avx_fp32": 1e-5,
    "avx_bfloat16": 2e-2,
    "avx_int8": 2e-2,
    "amx_bfloat16": 2e-2,
    "amx_bfloat32": 2e-2,
    "amx_int8": 3e-2,
}

# Runs batches of argv's sizes on argv's threads and prints what came out, as JSON.
PROBE = """
import json, sys
import msgspec, numpy as np
from concurrent.futures import ThreadPoolExecutor
from r50bench.engines.base import EngineSpec
from r50bench.engines.registry import load_engine
from r50bench.errors import R50BenchError

spec = msgspec.json.decode(sys.argv[1], type=EngineSpec)
pictures = np.load(sys.argv[2])

def run(index):
    runner = engine.runner(index)
    size = spec.batch_size
    return [
        runner.logits(runner.infer(runner.prepare(pictures[at : at + size]))).tolist()
        for at in range(0, len(pictures), size)
    ], lambda: runner.infer(runner.prepare(pictures[:size]))

def run_windows():
    runner = engine.runner(0)
    window = runner.windows(pictures, 2)
    return [
        runner.logits(runner.infer(window(first))).tolist() for first in range(len(pictures) - 1)
    ]

try:
    engine = load_engine(spec)
except R50BenchError as error:
    print(json.dumps({"error": type(error).__name__, "message": error.message}))
    sys.exit()
with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
    threads = (first, second)[: spec.runners]
    done = [thread.submit(run, index) for index, thread in enumerate(threads)]
    logits = [sum(one.result()[0], []) for one in done]
    windows = first.submit(run_windows).result()
    log = first.submit(engine.observe, done[0].result()[1]).result()
print(json.dumps({"logits": logits, "windows": windows, "log": log, "version": engine.version}))
"""


@pytest.fixture(scope="module")
def host():
    return read_host()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("native")


@pytest.fixture(scope="module")
def pictures(folder):
    """The path of normalised pictures, and the path of those that int8 is calibrated on."""
    raw = dummy_pictures(PICTURES, 3)
    np.save(folder / "raw.npy", raw)
    np.save(folder / "pictures.npy", normalise(raw, "torchvision"))
    return folder / "pictures.npy", folder / "raw.npy"


@pytest.fixture(scope="module")
def prepared(host, folder, pictures):
    """Gives the spec and the environment of a precision and a graph, its plan made once."""
    store = Store(folder / "store")

    @cache
    def make(precision, graph):
        spec = EngineSpec(
            engine="r50",
            device="cpu",
            precision=precision,
            graph=graph,
            convention="torchvision",
            state_dict=f"random:{SEED}",
            batch_size=1,
            threads=1,
            calibration=str(pictures[1]),
        )
        if lacking(host, precision):
            pytest.skip(f"this CPU has no kernels of ours for {precision}")
        return prepared_for_latency(spec, host, store)

    return make


@pytest.fixture(scope="module")
def reference(pictures):
    """Gives torch's own logits; for int8 those of the graph that PT2E made."""

    @cache
    def compute(spec):
        # float32 for bfloat16 too: what is compared is the error, not torch's share of it.
        int8 = numerics_of(spec.precision) == "int8"
        module = build_module(spec) if int8 else build_model(spec.graph, spec.state_dict)
        with torch.no_grad():
            return module(torch.from_numpy(np.load(pictures[0]))).numpy()

    return compute


@pytest.fixture(scope="module")
def probe(pictures):
    """Gives what a process says that runs all pictures by a spec; one process per spec."""
    said = {}

    def run(spec, environment):
        if spec not in said:
            threads = {"OMP_NUM_THREADS": str(spec.threads)}
            said[spec] = run_program(PROBE, spec, environment | threads, str(pictures[0]))
        return said[spec]

    return run


@pytest.mark.parametrize("graph", ["v1", "v1.5"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_logits_are_those_of_torch(precision, graph, prepared, reference, probe):
    spec, environment = prepared(precision, graph)
    expected = reference(spec)
    said = probe(replace(spec, batch_size=PICTURES), environment)
    error = np.abs(np.array(said["logits"][0]) - expected).max() / np.abs(expected).max()
    assert error < TOLERANCE[precision]


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (1, 2), (2, 3), (3, 2), (9, 4)])
def test_batch_size_and_threads_change_no_bit(batch_size, threads, prepared, probe):
    spec, environment = prepared("avx_fp32", "v1.5")
    whole = probe(replace(spec, batch_size=PICTURES), environment)
    asked = replace(spec, batch_size=batch_size, threads=threads)
    assert probe(asked, environment)["logits"] == whole["logits"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_pictures_are_read_as_they_lie(precision, prepared, probe):
    spec, environment = prepared(precision, "v1.5")
    said = probe(replace(spec, batch_size=PICTURES), environment)
    whole = said["logits"][0]
    assert said["windows"] == [list(pair) for pair in itertools.pairwise(whole)]


def test_runners_that_share_weights_answer_alike(prepared, probe):
    spec, environment = prepared("avx_int8", "v1.5")
    first, second = probe(replace(spec, batch_size=3, runners=2), environment)["logits"]
    assert first == second


@pytest.mark.parametrize("graph", ["v1", "v1.5"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_log_proves_the_kernels_and_shows_every_layer(precision, graph, prepared, probe):
    spec, environment = prepared(precision, graph)
    asked = replace(spec, batch_size=PICTURES)
    said = probe(asked, environment)
    evidence = judge(count_kernels(said["log"]), asked)
    assert evidence.proved, evidence.summary
    assert said["version"].startswith("r50bench ")
    assert executed_layers(parse_kernel_log(said["log"]), graph, PICTURES) is not None


def test_a_damaged_plan_is_refused(prepared, probe, tmp_path):
    spec, environment = prepared("avx_fp32", "v1.5")
    (tmp_path / "plan.npz").write_bytes(Path(spec.artifact, "plan.npz").read_bytes()[:1000])
    said = probe(replace(spec, artifact=str(tmp_path)), environment)
    assert said["error"] == "EngineError"
    assert os.fspath(tmp_path) in said["message"]


def test_a_plan_that_no_kernel_fits_is_refused(prepared, probe, tmp_path):
    spec, environment = prepared("avx_fp32", "v1.5")
    with np.load(Path(spec.artifact, "plan.npz")) as arrays:
        plan = dict(arrays)
    plan["steps"][5, 8] += 16  # a pixel of another width
    np.savez(tmp_path / "plan.npz", **plan)
    said = probe(replace(spec, artifact=str(tmp_path)), environment)
    assert said["error"] == "EngineError"
    assert "no kernel fits step 5" in said["message"]


@pytest.mark.parametrize(
    ("precision", "does", "least", "never"),
    [
        # 28 times in each loop over 14 pixels.
        ("avx_fp32", "vfmadd", 28 * 15, ("vdpbf16ps", "vpdpbusd")),
        ("avx_bfloat16", "vdpbf16ps", 28 * 15, ("vpdpbusd",)),
        ("avx_int8", "vpdpbusd", 28 * 15, ("vdpbf16ps",)),
        # Four times a step, twice a kernel at least.
        ("amx_bfloat16", "tdpbf16ps", 8 * 4, ("tdpbusd", "vdpbf16ps", "vpdpbusd")),
        ("amx_bfloat32", "tdpbf16ps", 8 * 4, ("tdpbusd", "vdpbf16ps", "vpdpbusd")),
        ("amx_int8", "tdpbusd", 8 * 4, ("tdpbf16ps", "vdpbf16ps", "vpdpbusd")),
    ],
)
def test_a_library_multiplies_by_the_instruction_of_its_precision(
    precision, does, least, never, prepared
):
    if shutil.which("objdump") is None:
        pytest.skip("objdump is not installed")
    spec, _ = prepared(precision, "v1.5")
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", spec.kernels],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert listing.count(does) >= least
    assert not any(instruction in listing for instruction in never)
