"""Makes every engine of this process idle after each batch, for a share of the batch's time.

Workers that have this folder in PYTHONPATH import it at their start; R50_IDLE_SHARE says the share.
A slowdown whose size is known is what ``benchmarks/compare_ab.py`` has to find.
"""

from __future__ import annotations

import os
import time
from typing import Any

from r50bench.engines import registry

SHARE = float(os.environ["R50_IDLE_SHARE"])


class _Idling:
    """A runner, or an engine, that is another one but for what it does after a batch."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def runner(self, index: int) -> _Idling:
        return _Idling(self._inner.runner(index))

    def infer(self, batch: Any) -> Any:
        began = time.perf_counter_ns()
        output = self._inner.infer(batch)
        until = time.perf_counter_ns()
        until += round((until - began) * SHARE)
        while time.perf_counter_ns() < until:
            pass
        return output


_load = registry.load_engine
registry.load_engine = lambda spec: _Idling(_load(spec))  # type: ignore[assignment]
