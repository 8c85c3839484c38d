"""LoadGen sessions with the fake engine, on two cores that are really one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from r50bench.assets.preprocess import normalise
from r50bench.assets.store import Store
from r50bench.host.topology import Core, Host, read_host
from r50bench.load import LoadgenSettings
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.session import Outcome
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.run.loadgen_run import run_mlperf
from r50bench.notices import Silent
from r50bench.parameters import collect
from support.checkpoints import flat_npz

CPU = min(os.sched_getaffinity(0))
PICTURES = 24

Session = Callable[..., Outcome]


def _host() -> Host:
    flags = frozenset({"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"})
    flags |= {"avx512bw", "avx512vl", "avx512dq"}
    cores = (Core((CPU,), 0, 0), Core((CPU,), 0, 0))
    return replace(
        read_host(), arch="x86_64", isa=flags, sockets=1, cores=cores, cpu_quota=None, l3_bytes=1
    )


@pytest.fixture(scope="session")
def plain_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 pictures of one colour each, every second of which the fake engine recognises."""
    folder = tmp_path_factory.mktemp("plain")
    lines = []
    for number in range(PICTURES):
        colour = np.full((1, 224, 224, 3), (number % 5 * 60, number // 5 * 60, 0), np.uint8)
        Image.fromarray(colour[0]).save(folder / f"{number:02}.JPEG", quality=100, subsampling=0)
        red, green = np.rint(normalise(colour, "torchvision")[0, :2, 0, 0])
        label = int(16 * red + green) % 1000 if number % 2 == 0 else 500
        lines.append(f"{number:02}.JPEG {label}\n")
    (folder / "val_map.txt").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def some_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict that is whole, which is all that the fake engine asks of it."""
    weights = tmp_path_factory.mktemp("weights") / "weights.npz"
    flat_npz(weights)
    return weights


@pytest.fixture
def loadgen_run(tmp_path: Path, plain_pictures: Path, some_weights: Path) -> Session:
    """Runs LoadGen below tmp_path; keywords in capitals are parameters, the others LoadGen's."""

    def run(**given: object) -> Outcome:
        fake = " ".join(f"{key}={given.pop(key)}" for key in [*given] if key.startswith("FAKE_"))
        chosen = {"ENGINE": "fake", "WEIGHTS": some_weights, "DATASET": plain_pictures}
        chosen |= {"CUSTOMER_ENV": fake, "CORES_PER_INSTANCE": 1}
        chosen |= {key: given.pop(key) for key in [*given] if key.isupper()}
        sets = [f"{key}={value}" for key, value in chosen.items()]
        planned = plan_mlperf(LoadgenSettings(**given), collect({}, sets, {}), _host())
        assets = AssetResolver(Store(tmp_path / "cache"), Silent())
        return run_mlperf(planned, Bench(_host(), assets, tmp_path / "runs", Silent()))

    return run
