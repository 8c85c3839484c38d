"""Whether torch has CUDA, without importing it."""

from __future__ import annotations

import importlib.machinery
from pathlib import Path

import pytest

from r50bench.engines.torch import cuda_build

CPU = "__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CPU, "torch 2.13.0+cpu is built without CUDA"),
        (CPU.replace("cuda: Optional[str] = None", "cuda: Optional[str] = '13.0'"), ""),
        (CPU.replace("cuda: Optional[str] = None", "cuda = None"), "torch 2.13.0+cpu is built"),
        ("debug = False\n", ""),
    ],
)
def test_the_file_of_its_version_says_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "version.py").write_text(text)
    found = importlib.machinery.ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(cuda_build, "find_spec", lambda _: found)
    assert cuda_build.no_cuda_build().startswith(said)
    assert bool(cuda_build.no_cuda_build()) is bool(said)


def test_a_torch_that_is_not_there_is_for_others_to_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_build, "find_spec", lambda _: None)
    assert cuda_build.no_cuda_build() == ""
