"""The folder of a fleet's run: answers whole or not at all, and the same errands go on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.errors import RunFailed, UsageError
from r50bench.fleet.homecoming import Home, unpack_home
from r50bench.fleet.kept import ANSWER, Answered, KeptFleet, keep, unanswered
from r50bench.fleet.plan import Errand
from support.fleet_records import MOST, parcel_of

INT8, FP32 = Errand("inference int8", ("run", "int8")), Errand("fp32", ("run", "fp32"))


def arrived(target: Path, answered: Answered, *records: str) -> Answered:
    folder = target / ".import-1"
    folder.mkdir()
    home = unpack_home(parcel_of(*records), folder, MOST, None) if records else Home()
    return keep(replace(answered, home=home), folder, target)


def test_an_answer_is_read_as_it_was_kept(tmp_path: Path) -> None:
    with KeptFleet(tmp_path / "out", [INT8, FP32]) as kept:
        assert kept.before == ()
        good = arrived(kept.path, Answered(INT8, "a", 2, status=0, seconds=3.5), "x", "y")
        bad = arrived(kept.path, Answered(FP32, "a", reason="the node died"))
    assert good.home.runs[0].folder == tmp_path / "out" / "0001-a-inference_int8" / "x"
    with KeptFleet(tmp_path / "out", [INT8, FP32]) as kept:
        assert kept.before == (good, bad)
        assert kept.done == {("a", "inference int8")}


def test_what_anyone_answered_is_done_by_all(tmp_path: Path) -> None:
    point = Errand("point", ("run", "x"), anywhere=True)
    with KeptFleet(tmp_path / "out", [point]) as kept:
        arrived(kept.path, Answered(point, "a"), "x")
    with KeptFleet(tmp_path / "out", [point]) as kept:
        assert kept.done == {(None, "point")}


def test_what_a_killed_one_had_begun_is_no_answer_and_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with KeptFleet(tmp_path / "out", [INT8]):
        pass
    left = tmp_path / "out" / ".import-77-abcd"
    left.mkdir()
    (left / ANSWER).write_text("{}")
    with KeptFleet(tmp_path / "out", [INT8]) as kept:
        assert kept.before == ()
    assert not left.exists()


def test_a_folder_that_was_made_for_nothing_is_gone_again(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("new", "there"):
        with KeptFleet(tmp_path / name, [INT8]):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_new_answer_comes_behind_all_others_also_where_some_were_removed(tmp_path: Path) -> None:
    with KeptFleet(tmp_path, [INT8, FP32]) as kept:
        first = arrived(kept.path, Answered(INT8, "a"), "x")
        arrived(kept.path, Answered(FP32, "a", reason="the node died"))
    shutil.rmtree(first.home.runs[0].folder.parent)
    with KeptFleet(tmp_path, [INT8, FP32]) as kept:
        again = arrived(kept.path, Answered(FP32, "a"), "y")
    assert again.home.runs[0].folder.parent.name == "0003-a-fp32"


def test_a_record_that_was_damaged_since_is_asked_again(tmp_path: Path) -> None:
    with KeptFleet(tmp_path / "out", [INT8]) as kept:
        good = arrived(kept.path, Answered(INT8, "a"), "x")
    (good.home.runs[0].folder / "samples.csv").write_text("")
    with KeptFleet(tmp_path / "out", [INT8]) as kept:
        assert "samples" in kept.before[0].reason
        assert kept.done == set()


def test_two_are_not_at_one_folder(tmp_path: Path) -> None:
    with (
        KeptFleet(tmp_path / "out", [INT8]),
        pytest.raises(UsageError, match="another r50bench is at the fleet"),
    ):
        KeptFleet(tmp_path / "out", [INT8])


def test_other_errands_and_folders_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with KeptFleet(tmp_path / "out", [INT8]):
        pass
    with pytest.raises(UsageError, match="has answered to something else"):
        KeptFleet(tmp_path / "out", [FP32])
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("")
    with pytest.raises(UsageError, match="holds something else than a fleet's run"):
        KeptFleet(tmp_path / "home", [INT8])
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="cannot make"):
        KeptFleet(tmp_path / "file" / "out", [INT8])


@pytest.mark.parametrize("name", ["fleet.json", f"0001-a-inference_int8/{ANSWER}"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    with KeptFleet(tmp_path, [INT8]) as kept:
        arrived(kept.path, Answered(INT8, "a"), "x")
    (tmp_path / name).write_text('{"errands": 3}')
    with pytest.raises(UsageError, match="is damaged"):
        KeptFleet(tmp_path, [INT8])
    with pytest.raises(UsageError):  # and is not held any more
        KeptFleet(tmp_path, [INT8])


def test_what_is_unanswered_is_what_never_came_well() -> None:
    answers = [
        Answered(INT8, "a", reason="died"),
        Answered(INT8, "a", 2),
        Answered(FP32, "a"),
        Answered(FP32, "b", reason="first"),
        Answered(FP32, "b", 2, reason="second"),
    ]
    assert unanswered(answers) == [answers[-1]]
    point = Errand("point", (), anywhere=True)
    assert unanswered([Answered(point, "a", reason="died"), Answered(point, "b")]) == []
