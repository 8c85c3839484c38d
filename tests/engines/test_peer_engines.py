"""The real peers on this CPU, where they are installed: they answer as torch does, and prove it."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from r50bench.assets.preprocess import dummy_pictures
from r50bench.assets.store import Store
from r50bench.case import Case
from r50bench.engines.environment import worker_environment
from r50bench.engines.evidence.judge import count_kernels, judge
from r50bench.engines.preparation import Preparation, prepare_engine
from r50bench.engines.registry import ENGINES
from r50bench.host.isa import native_precisions
from r50bench.notices import Silent
from r50bench.precision import numerics_of
from support.engine_probe import probe

pytestmark = pytest.mark.real_engine

# zentorch compiles for 20 s each time; its kernels are torch's own and tested as such.
CAN_RUN = [
    (engine, numerics)
    for engine in ("onnxruntime", "openvino")
    for numerics in ("fp32", "bf16", "int8")
    if numerics in ENGINES[engine].numerics["cpu"]
]
CLOSE = {"fp32": 1e-3, "bf16": 0.1, "int8": 0.3}
"""How far logits may lie from torch's float32 ones, as a share of the largest of these."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("peers"))


@pytest.fixture(scope="module")
def reference(spec, this_host):
    environment = environment_of(spec, this_host)
    return probe(replace(spec, engine="torch-eager", batch_size=2), environment)["logits"][0]


def environment_of(spec, host):
    case = Case(
        mode="latency",
        precision=spec.precision,
        batch_size=2,
        cores_per_instance=1,
        instances=1,
        steps=1,
        warmup_steps=0,
        engine=spec.engine,
    )
    return worker_environment(case, host, os.environ)


@pytest.mark.parametrize(("engine", "numerics"), CAN_RUN)
def test_a_peer_answers_as_torch_does_and_proves_its_kernels(
    spec, this_host, store, reference, tmp_path, engine, numerics
):
    if find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed: pip install 'r50bench[peers]'")
    native = [name for name in native_precisions(this_host) if numerics_of(name) == numerics]
    if not native:
        pytest.skip(f"this CPU has no {numerics}")
    pictures = tmp_path / "pictures.npy"
    np.save(pictures, dummy_pictures(4, 1))
    wanted = replace(
        spec, engine=engine, precision=native[0], batch_size=2, calibration=str(pictures)
    )
    environment = environment_of(wanted, this_host)
    preparation = Preparation("seed-7", this_host, store, Silent(), environment)
    found, _ = prepare_engine(wanted, preparation)
    said = probe(found, environment)
    (logits,) = said["logits"]
    assert said["dtype"] == "float32"
    assert np.shape(logits) == (2, 1000)
    error = np.abs(np.subtract(logits, reference)).max() / np.abs(reference).max()
    assert error < CLOSE[numerics]
    evidence = judge(count_kernels(said["log"]), found)
    assert evidence.proved, evidence.summary
    assert said["version"].startswith(engine)
