"""What a real engine needs before it is loaded, made as a session makes it."""

from __future__ import annotations

import os

from r50bench.assets.store import Store
from r50bench.case import Case
from r50bench.engines.base import EngineSpec
from r50bench.engines.environment import worker_environment
from r50bench.engines.preparation import Preparation, prepare_engine
from r50bench.host.topology import Host
from r50bench.notices import Silent

__all__ = ["prepared_for_latency"]


def prepared_for_latency(
    spec: EngineSpec, host: Host, store: Store
) -> tuple[EngineSpec, dict[str, str]]:
    """Prepares ``spec``, which ``store`` does not hold yet, for batches of one on single cores.

    Returns the spec that can be loaded, and the environment of a worker for it.
    """
    case = Case(
        mode="latency",
        precision=spec.precision,
        batch_size=1,
        cores_per_instance=1,
        instances=spec.runners,
        steps=10,
        warmup_steps=2,
        allocator="system",
        weight_sharing=spec.runners > 1,
    )
    environment = worker_environment(case, host, os.environ)
    preparation = Preparation(spec.state_dict, host, store, Silent(), environment)
    prepared, now = prepare_engine(spec, preparation)
    assert now
    return prepared, environment
