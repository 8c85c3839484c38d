"""What comes home, and what of it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.errors import RunFailed
from r50bench.fleet.homecoming import read_home, remember_runs, unpack_home
from r50bench.notices import Silent
from r50bench.results.history import History, history_path
from support.fleet_records import MOST, parcel_of


def test_records_that_can_be_right_come_home_with_their_figures(tmp_path: Path) -> None:
    home = unpack_home(parcel_of("a", "b", fingerprint="f" * 16), tmp_path, MOST, "f" * 16)
    assert [run.record.id for run in home.runs] == ["a", "b"]
    assert [run.figures[0].value for run in home.runs] == [1600.0, 1600.0]
    assert home.refused == ()
    assert read_home(tmp_path) == home


def test_an_invalid_record_comes_home_and_says_why(tmp_path: Path) -> None:
    home = unpack_home(parcel_of("a", reason="a worker died"), tmp_path, MOST, None)
    assert home.runs[0].record.reason == "a worker died"
    assert home.runs[0].figures == ()


@pytest.mark.parametrize(
    ("parcel", "why"),
    [
        (parcel_of("a", fingerprint="e" * 16), "a: it was measured on host e"),
        (parcel_of("a", schema_version=99), "a: .*it follows schema 99"),
        (parcel_of("known"), "known: a record with this id is there already"),
    ],
)
def test_a_record_that_the_node_cannot_have_made_is_refused_and_removed(
    tmp_path: Path, parcel: bytes, why: str
) -> None:
    home = unpack_home(parcel, tmp_path, MOST, None, {"known"})
    assert home.runs == ()
    (said,) = home.refused
    assert __import__("re").search(why, said)
    assert not list(tmp_path.rglob("record.json"))


def test_a_record_with_other_samples_than_its_own_is_refused(tmp_path: Path) -> None:
    import io
    import zipfile

    data = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(parcel_of("a"))) as before,
        zipfile.ZipFile(data, "w") as after,
    ):
        for name in before.namelist():
            text = before.read(name)
            faster = name.endswith("samples.csv")
            after.writestr(name, text.replace(b"10000000", b"9000000") if faster else text)
    home = unpack_home(data.getvalue(), tmp_path, MOST, None)
    assert home.runs == ()
    assert "its sha256 is not the one in the record" in home.refused[0]


def test_a_record_under_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    unpack_home(parcel_of("a"), tmp_path / "there", MOST, None)
    (tmp_path / "there" / "a").rename(tmp_path / "there" / "b")
    from r50bench.fleet.parcel import packed

    (tmp_path / "here").mkdir()
    home = unpack_home(packed(tmp_path / "there", MOST), tmp_path / "here", MOST, None)
    assert home.refused == ("b: its record calls itself 'a'",)


def test_a_parcel_without_records_is_a_home_without_runs(tmp_path: Path) -> None:
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("output.txt", "nothing")
    assert unpack_home(data.getvalue(), tmp_path, MOST, None).runs == ()
    with pytest.raises(RunFailed, match="cannot be unpacked"):
        unpack_home(b"no ZIP", tmp_path, MOST, None)


def test_what_came_home_is_in_the_history_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    home = unpack_home(parcel_of("a"), tmp_path / "here", MOST, None)
    remember_runs(home.runs, Silent())
    remember_runs(home.runs, Silent())
    with History(history_path()) as history:
        (entry,) = history.entries()
    assert (entry.id, entry.primary, entry.imported) == ("a", ("img/s", 1600.0), True)


def test_a_history_that_cannot_be_written_costs_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("no folder")
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    home = unpack_home(parcel_of("a"), tmp_path / "here", MOST, None)
    said: list[object] = []

    class Told(Silent):
        def warn(self, notice: object) -> None:
            said.append(notice)

    remember_runs(home.runs, Told())
    assert "not in the history" in str(said[0])
