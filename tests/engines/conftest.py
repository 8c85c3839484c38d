"""Specs, cases and one compiled model for the tests of the engines."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from r50bench.assets.store import Store
from r50bench.case import Case
from r50bench.engines.base import EngineSpec
from r50bench.engines.environment import worker_environment
from r50bench.engines.preparation import Preparation, prepare_engine
from r50bench.host.isa import native_precisions
from r50bench.host.topology import read_host
from r50bench.notices import Silent
from support import synthetic_hosts

SEED = 7


@pytest.fixture
def case():
    return Case(
        mode="throughput",
        engine="torch",
        precision="avx_int8",
        batch_size=8,
        cores_per_instance=2,
        instances=1,
        steps=10,
        warmup_steps=2,
        allocator="system",
    )


@pytest.fixture
def turin():
    return synthetic_hosts.host_of([[2]], model="turin")


@pytest.fixture(scope="session")
def spec():
    return EngineSpec(
        engine="torch",
        device="cpu",
        precision="avx_fp32",
        graph="v1.5",
        convention="torchvision",
        state_dict=f"random:{SEED}",
        batch_size=1,
        threads=1,
    )


@pytest.fixture(scope="session")
def this_host():
    return read_host()


@pytest.fixture(scope="session")
def fp32(spec, this_host, tmp_path_factory):
    """The spec of a compiled fp32 model for two runners, and the environment it runs in."""
    (precision,) = (name for name in native_precisions(this_host) if name.endswith("fp32"))
    case = Case(
        mode="latency",
        precision=precision,
        batch_size=1,
        cores_per_instance=1,
        instances=2,
        steps=10,
        warmup_steps=2,
        allocator="system",
        weight_sharing=True,
    )
    environment = worker_environment(case, this_host, os.environ)
    store = Store(tmp_path_factory.mktemp("store"))
    wanted = replace(spec, precision=precision, runners=2)
    preparation = Preparation(f"seed-{SEED}", this_host, store, Silent(), environment)
    compiled, now = prepare_engine(wanted, preparation)
    assert now
    return compiled, environment
