"""Quantises one model, in a process of its own.

Run as ``python -m r50bench.engines.torch.quantise_model SPEC OUT``; see :mod:`.maker`.
"""

from __future__ import annotations

from pathlib import Path

from r50bench.engines.base import EngineSpec
from r50bench.engines.maker import serve

__all__ = ["quantise_model"]


def quantise_model(spec: EngineSpec, folder: Path) -> None:
    """Writes the quantised model of ``spec`` into ``folder``, which must not exist.

    Raises:
        EngineError: the spec names no pictures to calibrate on.
    """
    from r50bench.engines.torch.int8 import write_quantised
    from r50bench.engines.torch.recipes import build_module

    module = build_module(spec)
    folder.mkdir()
    write_quantised(module, folder)


if __name__ == "__main__":
    serve(quantise_model)
