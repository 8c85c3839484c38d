"""Whether the kernels that ran on a GPU are those of its precision, by their names.

cuDNN, cuBLAS and CUTLASS spell the types they multiply in the names of their kernels, and whether
tensor cores do it; C++ templates carry theirs as parameters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from r50bench.engines.evidence.judge import CONVOLUTIONS, CUDA_PREFIX
from r50bench.precision import PRECISIONS, CudaKernels
from r50bench.results.record import Evidence

__all__ = ["judge_cuda", "names_a_kernel", "transforms"]

_PREFIX = "cuda "
_FLOAT32 = "cuda_fp32"
_MULTIPLIES = re.compile(r"conv|fprop|gemm|gemv|xmma|cutlass|nvjet|triton_tem|triton_mm", re.I)
# They have such words in their names, and only move, convert, sum up or make ready.
_MULTIPLIES_NOT = re.compile(
    r"^triton_(?!tem|mm)|workspace|nchw2nhwc|nhwc2nchw|nchwtonhwc|nhwctonchw|converttensor"
    r"|precompute_indices|splitk_?reduce|reduce_kernel|elementwise|memset|memcpy",
    re.I,
)
_TENSOR_CORES = re.compile(
    r"tensorop|warpgroup|nvjet|hmma|wgmma|s16816|s1688|s884|h16816|h1688|h884|tf32f32|bf16bf16"
    r"|f16f16",
    re.I,
)
_TRANSFORMS = re.compile(r"fft|winograd|_cf32", re.I)
_LIBRARIES = (
    (re.compile(r"triton_", re.I), "Triton"),
    (re.compile(r"cudnn|conv|fprop", re.I), "cuDNN"),
    (re.compile(r"nvjet|cublas|gemm|gemv", re.I), "cuBLAS"),
    (re.compile(r"cutlass", re.I), "CUTLASS"),
)


def transforms(kernels: Mapping[str, int]) -> bool:
    """Says whether some convolution went by FFT or Winograd, which take fewer multiplications."""
    return any(_TRANSFORMS.search(name) for name in kernels)


def judge_cuda(kernels: Mapping[str, int], precision: str) -> Evidence:
    """Says whether the multiplying kernels are those of a precision of GPUs.

    There must be one for each of the 53 convolutions at least (a convolution may take several), and
    the names of all must fit the precision's row, which may let a few be of float32. A name that
    tells no type proves nothing and counts as one that does not fit.
    """
    row = _row(precision)
    fitting = _compiled(row)
    in_float32 = _compiled(_row(_FLOAT32))
    good: Counter[str] = Counter()
    finer: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for kernel, count in kernels.items():
        name = kernel.removeprefix(_PREFIX)
        if not kernel.startswith(_PREFIX) or not _multiplies(name):
            continue
        if fitting.search(name):
            good[name] += count
        elif row.finer and in_float32.search(name):
            finer[name] += count
        else:
            bad[name] += count
    seen = good.total() + finer.total()
    proved = seen >= CONVOLUTIONS and finer.total() <= row.finer and not bad
    summary = _summary(good, finer) if proved else _what_else(good, finer + bad)
    return Evidence(proved, summary, _expected(precision, row), dict(kernels))


def _row(precision: str) -> CudaKernels:
    row = PRECISIONS[precision].kernels
    assert isinstance(row, CudaKernels), f"{precision} is for CPUs"
    return row


def _compiled(row: CudaKernels) -> re.Pattern[str]:
    return re.compile(row.names, re.IGNORECASE)


def names_a_kernel(log: str) -> bool:
    """Says whether a kernel log has one that multiplies."""
    return any(_multiplies(line.removeprefix(CUDA_PREFIX)) for line in log.splitlines())


def _multiplies(name: str) -> bool:
    return bool(_MULTIPLIES.search(name)) and not _MULTIPLIES_NOT.search(name)


def _expected(precision: str, row: CudaKernels) -> str:
    numerics = PRECISIONS[precision].numerics.name
    beside = f", of which {row.finer} at most are of float32" if row.finer else ""
    return f"{CONVOLUTIONS} or more multiplying CUDA kernels, all of {numerics} by name{beside}"


def _summary(good: Mapping[str, int], finer: Mapping[str, int]) -> str:
    """Names the libraries, and says how many kernels use tensor cores."""
    libraries = sorted({_library(name) for name in good})
    on_tensor_cores = sum(count for name, count in good.items() if _TENSOR_CORES.search(name))
    total = sum(good.values())
    if on_tensor_cores == total:
        cores = "tensor cores"
    elif on_tensor_cores:
        cores = f"tensor cores ({on_tensor_cores} of {total})"
    else:
        cores = "no tensor cores"
    beside = f", {sum(finer.values())} kernels in float32" if finer else ""
    return f"{'/'.join(libraries)} {cores}{beside}"


def _library(name: str) -> str:
    return next((library for pattern, library in _LIBRARIES if pattern.search(name)), "CUDA")


def _what_else(good: Mapping[str, int], bad: Mapping[str, int]) -> str:
    found = [f"{count} × {_shortened(name)}" for name, count in Counter(bad).most_common(4)]
    if len(bad) > len(found):
        found.append(f"{len(bad) - len(found)} more names")
    found.append(f"{sum(good.values())} multiplying kernels as they should be")
    return ", ".join(found)


def _shortened(name: str, most: int = 90) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
