"""Baselines: kept, replaced, read and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.comparison.baseline import Baselines
from r50bench.errors import RunFailed, UsageError
from support.measured_runs import run_of


def test_a_baseline_is_read_as_it_was_saved_and_gone_when_removed(tmp_path: Path) -> None:
    kept, runs = Baselines(tmp_path / "baselines"), [run_of(10), run_of(11)]
    path = kept.save("main-2026.11", runs)
    assert list(kept.read("main-2026.11").runs) == runs
    assert (kept.names(), "main-2026.11" in kept) == (["main-2026.11"], True)
    assert kept.remove("main-2026.11") == path
    assert kept.names() == []


def test_a_name_that_is_taken_is_replaced_only_on_request(tmp_path: Path) -> None:
    kept, better = Baselines(tmp_path), run_of(11)
    kept.save("main", [run_of(10)])
    with pytest.raises(UsageError, match="there is a baseline main already"):
        kept.save("main", [better])
    kept.save("main", [better], replace=True)
    assert kept.read("main").runs == (better,)


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a b", "x" * 101])
def test_names_that_could_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a baseline's name"):
        Baselines(tmp_path).save(name, [run_of(10)])
    assert name not in Baselines(tmp_path)


def test_a_baseline_that_is_gone_is_said_with_the_one_that_was_meant(tmp_path: Path) -> None:
    kept = Baselines(tmp_path)
    with pytest.raises(UsageError, match="there is no baseline release") as raised:
        kept.read("release")
    assert "baseline save" in str(raised.value.hint)
    kept.save("release-1", [run_of(10)])
    with pytest.raises(UsageError) as raised:
        kept.remove("release")
    assert raised.value.hint == "did you mean release-1?"


def test_a_damaged_baseline_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "main.json").write_text("[{]")
    with pytest.raises(UsageError, match=r"main\.json is no JSON"):
        Baselines(tmp_path).read("main")


def test_a_folder_that_cannot_be_made_fails_the_saving(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="cannot make"):
        Baselines(tmp_path / "file" / "baselines").save("main", [run_of(10)])
