"""Which CPUs our own kernels are for, and what their library is built from."""

from __future__ import annotations

import pytest

from r50bench.engines.r50.kernel_sets import KERNEL_SETS, lacking
from r50bench.precision import PRECISIONS
from support import synthetic_hosts


@pytest.mark.parametrize(
    ("model", "precision", "missing"),
    [
        ("turin", "avx_int8", ""),
        ("spr", "avx_bfloat16", ""),
        ("spr", "amx_int8", ""),
        ("spr", "amx_bfloat32", ""),
        ("turin", "amx_int8", "lacks amx_tile and amx_int8"),
        ("icx", "avx_int8", ""),
        ("icx", "avx_bfloat16", "lacks avx512_bf16"),
        ("haswell", "avx_fp32", "the CPU has no AVX-512"),
        ("graviton3", "arm_fp32", "has kernels of its own for"),
    ],
)
def test_what_our_own_kernels_lack_is_named(model, precision, missing):
    said = lacking(synthetic_hosts.host_of([[2]], model=model), precision)
    assert missing in said
    assert bool(missing) == bool(said)


@pytest.mark.parametrize("precision", KERNEL_SETS)
def test_a_row_names_a_precision_and_sources_that_are_there(precision):
    kernels = KERNEL_SETS[precision]
    assert precision in PRECISIONS
    assert kernels.sources[0] == kernels.source
    assert all(file.is_file() for file in kernels.sources)


def test_no_two_precisions_share_what_their_library_is_told():
    told = [(row.source, row.compiler_options) for row in KERNEL_SETS.values()]
    assert len(set(told)) == len(told)
