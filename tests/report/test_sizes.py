"""A line of a run's size stands below the lines of others."""

from __future__ import annotations

from r50bench.parameters import BY_NAME
from r50bench.report.sizes import BATCH_SIZE, CORES, live_size
from support.records import case_of


def test_sizes_of_different_cases_stand_below_one_another() -> None:
    small = live_size(case_of(precision="avx_int8", batch_size=1, cores_per_instance=1))
    large = live_size(case_of(precision="avx_bfloat16", batch_size=1024, cores_per_instance=128))
    assert small.split() == ["avx_int8", "BS", "1", "CPI", "1"]
    assert large.split() == ["avx_bfloat16", "BS", "1024", "CPI", "128"]
    assert len(small) == len(large)
    assert small.index("CPI") == large.index("CPI")


def test_heads_are_those_of_the_parameters_rows() -> None:
    assert (BY_NAME["batch_size"].label, BY_NAME["cores_per_instance"].label) == (BATCH_SIZE, CORES)
