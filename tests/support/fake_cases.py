"""Cases of the fake engine, planned for this host as if it had two AVX-512 cores."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from r50bench.assets.store import Store
from r50bench.case import CaseName
from r50bench.host.topology import Core, Host, read_host
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.notices import Progress, Silent
from r50bench.parameters import collect
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case

CPU = min(os.sched_getaffinity(0))


def host() -> Host:
    """This host as if it had two AVX-512 cores, both the same CPU, which virtual time allows."""
    cores = (Core((CPU,), 0, 0), Core((CPU,), 0, 0))
    flags = frozenset({"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"})
    flags |= {"avx512bw", "avx512vl", "avx512dq"}
    return replace(
        read_host(), arch="x86_64", isa=flags, sockets=1, cores=cores, cpu_quota=None, l3_bytes=1
    )


def bench(folder: Path, progress: Progress | None = None) -> Bench:
    """A bench on that host, with cache and records in ``folder``."""
    assets = AssetResolver(Store(folder / "cache"), Silent())
    return Bench(host(), assets, folder / "runs", progress or Silent())


def planned(name, **settings) -> Planned:
    """The case ``name``; FAKE_* settings are the fake engine's script."""
    fake = " ".join(
        f"{key}={settings.pop(key)}" for key in list(settings) if key.startswith("FAKE_")
    )
    chosen = {"ENGINE": "fake", "WEIGHTS": "random", "CUSTOMER_ENV": fake}
    chosen |= {"CORES_PER_INSTANCE": 1, **settings}
    sets = [f"{key}={value}" for key, value in chosen.items()]
    effective = effective_case(CaseName.parse(name), collect({}, sets, {}), host())
    return plan_case(effective, host())
