"""A torch module has the numerics of its precision, or there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.engines.torch import recipes
from r50bench.errors import EngineError

pytestmark = pytest.mark.real_engine


def test_numerics_without_a_module_are_refused_and_not_computed_in_float32(spec, monkeypatch):
    monkeypatch.setattr(recipes, "numerics_of", lambda precision: "fp8")
    with pytest.raises(EngineError, match="no torch module computes in fp8"):
        recipes.build_module(spec)


def test_int8_without_pictures_is_refused(spec):
    with pytest.raises(EngineError, match="needs pictures to calibrate on"):
        recipes.build_module(replace(spec, precision="avx_int8"))
