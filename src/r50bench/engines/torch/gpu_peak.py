"""What GPUs compute and move at most, as PyTorch's own operators reach it; run as a child.

``python -m r50bench.engines.torch.gpu_peak OUT`` measures all GPUs that the process sees, at once,
and writes to OUT a JSON object: by test a list of rounds, each with one rate per GPU. Products of
square matrices bound the precisions, in operations per second, two to a multiply-accumulate; a sum
(``read``) and STREAM's ``triad`` the memory, in bytes per second.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from r50bench.engines.torch.cuda import set_fp32_precision
from r50bench.host.peak import READ, TRIAD

__all__ = ["measure_gpus"]

_ROUNDS, _WARM_UP = 8, 3
# Large enough for every multiprocessor to have several tiles, and for a round to take 1 ms.
_SIZE = 8192
_FLOATS = 1 << 28  # 1 GiB each of three arrays: a multiple of every cache
_PRODUCTS = {
    "product_fp32": (torch.float32, "fp32"),
    "product_tf32": (torch.float32, "tf32"),
    "product_bf16": (torch.bfloat16, "bf16"),
    "product_fp16": (torch.float16, "fp16"),
}

Work = Callable[[], object]


def measure_gpus() -> dict[str, list[list[float]]]:
    """Returns rates by test: rounds, and in each one per GPU."""
    devices = [torch.device("cuda", at) for at in range(torch.cuda.device_count())]
    found = {}
    for name, (dtype, numerics) in _PRODUCTS.items():
        set_fp32_precision(numerics)
        works = [_product(device, dtype) for device in devices]
        found[name] = _rates(works, devices, 2 * _SIZE**3)
        torch.cuda.empty_cache()
    memory = [_memory(device) for device in devices]
    found[READ] = _rates([read for read, _ in memory], devices, 4 * _FLOATS)
    found[TRIAD] = _rates([triad for _, triad in memory], devices, 3 * 4 * _FLOATS)
    return found


def _product(device: torch.device, dtype: torch.dtype) -> Work:
    # Random numbers: with zeros the power stays low and the clocks higher than they ever are.
    left = torch.randn(_SIZE, _SIZE, device=device).to(dtype)
    right = torch.randn(_SIZE, _SIZE, device=device).to(dtype)
    out = torch.empty(_SIZE, _SIZE, device=device, dtype=dtype)
    return lambda: torch.mm(left, right, out=out)


def _memory(device: torch.device) -> tuple[Work, Work]:
    first = torch.rand(_FLOATS, device=device)
    second, third = torch.rand_like(first), torch.empty_like(first)
    return first.sum, (lambda: torch.add(first, second, alpha=3.0, out=third))


def _rates(works: list[Work], devices: list[torch.device], amount: int) -> list[list[float]]:
    return [
        [amount / seconds for seconds in round_]
        for round_ in [_seconds(works, devices) for _ in range(_WARM_UP + _ROUNDS)][_WARM_UP:]
    ]


def _seconds(works: list[Work], devices: list[torch.device]) -> list[float]:
    """Returns how long each device took when all began together, by their own clocks."""
    events = []
    for work, device in zip(works, devices, strict=True):
        with torch.cuda.device(device):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            work()
            end.record()
            events.append((begin, end))
    for _, end in events:
        end.synchronize()
    return [begin.elapsed_time(end) / 1e3 for begin, end in events]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure_gpus()))
