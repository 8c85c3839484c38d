"""torch hands the folder of its libraries to the linker unquoted: blanks are kept from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.engines.torch.link_path import link_from

cpp_extension = pytest.importorskip("torch.utils.cpp_extension")


def test_a_link_stands_in_for_a_folder_below_blanks(tmp_path, monkeypatch):
    libraries = tmp_path / "my env" / "lib"
    libraries.mkdir(parents=True)
    monkeypatch.setattr(cpp_extension, "TORCH_LIB_PATH", str(libraries))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    link_from(scratch)
    link = Path(cpp_extension.TORCH_LIB_PATH)
    assert link.parent == scratch
    assert link.resolve() == libraries


def test_a_folder_without_blanks_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(cpp_extension, "TORCH_LIB_PATH", str(tmp_path))
    link_from(tmp_path)
    assert str(tmp_path) == cpp_extension.TORCH_LIB_PATH
    assert not list(tmp_path.iterdir())
