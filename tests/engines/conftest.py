"""Specs, cases and one compiled model for the tests of the engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.assets.store import Store
from r50bench.case import Case
from r50bench.engines.base import EngineSpec
from r50bench.host.isa import native_precisions
from r50bench.host.topology import read_host
from support import synthetic_hosts
from support.prepared_engines import prepared_for_latency

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
    store = Store(tmp_path_factory.mktemp("store"))
    return prepared_for_latency(replace(spec, precision=precision, runners=2), this_host, store)
