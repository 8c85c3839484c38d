"""``r50bench history``."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from r50bench.results.foreign import ForeignFigure, ForeignRun
from r50bench.results.history import History, history_path
from r50bench.results.record import write_record
from support.command_line import Call
from support.kept_records import keep_record, write_run
from support.records import case_of, record_of
from support.stored_runs import HOST, keep_series

STEP = [100, 101] * 10 + [95, 96] * 5


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of this user's history."""
    return tmp_path / "data"


def keep_records(data: Path, ids: Sequence[str], kernel: str) -> None:
    for identity in ids:
        (data / "runs" / identity).mkdir(parents=True)
        write_record(
            record_of(id=identity, host=HOST | {"kernel": kernel}), data / "runs" / identity
        )


def test_it_shows_a_line_per_run_a_sparkline_per_series_and_what_changed(
    r50bench_here: Call, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    runs = [run.id for run in keep_series(data, STEP)]
    keep_records(data, runs[:20], "6.1")
    keep_records(data, runs[20:], "6.6")
    lines = r50bench_here("history", "-n", "3").out.splitlines()
    assert lines[2].split()[:4] == ["2026-01-30", "12:00", "inference_throughput_avx_int8", "torch"]
    assert "96.00 ± 0.96 img/s" in lines[2]
    assert lines[2].endswith(runs[-1])
    assert lines[5] == "and 27 older runs; -n 30 shows all"
    (trend,) = (line for line in lines if "▁" in line)
    assert "▇█▇█▇█" in trend
    assert "▁▂▁▂" in trend
    at = next(number for number, line in enumerate(lines) if "worse" in line)
    assert lines[at].startswith("   2026-01-21 12:00  −5.0 %")
    assert lines[at].endswith("worse  (20 runs before, 10 since)")
    assert "kernel: 6.1" in lines[at + 1]
    assert "6.6" in lines[at + 1]


@pytest.mark.parametrize("width", [104, 150])
def test_tables_fit_the_terminal_where_they_can(
    r50bench_here: Call, data: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    runs = keep_series(data, STEP)
    monkeypatch.setenv("COLUMNS", str(width))
    text = r50bench_here("history", "--plot").out
    assert (runs[-1].id in text) == (width == 150)
    assert max(map(len, text.splitlines())) <= width


def test_a_chart_is_drawn_where_it_is_asked_for(r50bench_here: Call, data: Path) -> None:
    keep_series(data, STEP)
    plain, plot = r50bench_here("history").out, r50bench_here("history", "--plot").out
    assert "┤" not in plain
    assert "   101 ┤" in plot
    assert "2026-01-01" in plot.splitlines()[-1]


def test_a_query_narrows_runs_and_series(r50bench_here: Call, data: Path) -> None:
    keep_series(data, [100, 101])
    keep_series(data, [3, 4, 5], unit="ms", mode="latency")
    answer = json.loads(r50bench_here("history", "--json", "mode=latency,performance>=4").out)
    assert [run["value"] for run in answer["runs"]] == [5, 4]
    (series,) = answer["series"]
    assert series["runs"] == [answer["runs"][1]["id"], answer["runs"][0]["id"]]
    assert answer["runs"][0]["host"] == HOST["fingerprint"]


def test_a_query_that_the_history_cannot_answer_alone_asks_the_records(
    r50bench_here: Call, data: Path
) -> None:
    with History(history_path()) as history:
        for name, env in (("a", ()), ("b", (("A", "1"),))):
            keep_record(history, data / "runs", name, case=case_of(customer_env=env))
    for query, ids in (("customer_env=A=1", ["b"]), ("performance!=1600", [])):
        answer = r50bench_here("history", "--json", query)
        found = json.loads(answer.out)["runs"] if answer.code == 0 else []
        assert [run["id"] for run in found] == ids, query


def test_json_has_every_change_with_its_suspects(r50bench_here: Call, data: Path) -> None:
    runs = [run.id for run in keep_series(data, STEP)]
    keep_records(data, runs[19:21], "6.1")
    (series,) = json.loads(r50bench_here("history", "show", "--json").out)["series"]
    (change,) = series["changes"]
    assert (change["before"], change["after"]) == (runs[19], runs[20])
    assert change["ratio"]["value"] == pytest.approx(0.95, abs=0.01)
    assert change["suspects"] == []
    assert not change["better"]


def test_invalid_runs_have_a_line_and_no_part_in_a_series(r50bench_here: Call, data: Path) -> None:
    with History(history_path()) as history:
        history.add(record_of(id="died", reason="it died"), data / "runs" / "died")
    lines = r50bench_here("history").out.splitlines()
    assert len(lines) == 3
    assert lines[2].split()[-3:] == ["-", "invalid", "died"]


def test_figures_of_others_stand_apart_and_are_in_no_series(
    r50bench_here: Call, data: Path
) -> None:
    keep_series(data, [100, 101])
    figures = (ForeignFigure("Throughput", "samples/s", 13460.0),)
    settings = {"PRECISION": "amx_int8", "BATCH_SIZE": "64"}
    run = ForeignRun(
        "wsf-1", "2024-05-01T10:00:00", "wsf", "old", "throughput", True, figures, "/logs", settings
    )
    with History(history_path()) as history:
        history.add_foreign([run])
    both = r50bench_here("history").out
    assert "figures of others: no samples, no proof, in no series and no verdict" in both
    assert "13460 samples/s" in both
    asked = json.loads(r50bench_here("history", "--json", "precision=int8,batch_size=64").out)
    assert [one["id"] for one in asked["figures_of_others"]] == ["wsf-1"]
    assert asked["runs"] == []
    other = json.loads(r50bench_here("history", "--json", "batch_size=8").out)
    assert other["figures_of_others"] == []
    assert len(other["series"]) == 1
    assert json.loads(r50bench_here("find", "--json", "performance>1000").out) == []


def test_a_query_that_matches_nothing_is_said(r50bench_here: Call) -> None:
    assert r50bench_here("history").out == "no run yet\n"
    answer = r50bench_here("history", "precision=fp32")
    assert (answer.code, answer.out) == (2, "")
    assert "'precision=fp32' matches no run" in answer.err
    wrong = r50bench_here("history", "precison=fp32")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean precision" in wrong.err


def test_a_misspelt_command_is_not_taken_for_a_query(r50bench_here: Call) -> None:
    answer = r50bench_here("history", "improt", "all.zip")
    assert (answer.code, answer.out) == (2, "")
    assert "did you mean import" in answer.err


def test_help_names_the_commands(r50bench_here: Call) -> None:
    for words in (("history", "--help"), ("history", "-h")):
        answer = r50bench_here(*words)
        assert answer.code == 0
        assert "show" in answer.out


def test_a_history_of_10000_runs_takes_seconds_at_most(r50bench_process: Call, data: Path) -> None:
    keep_series(data, [100] * 20)
    fill(history_path(), 10_000)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = r50bench_process("history")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert answer.code == 0, answer.err
    assert "and 9980 older runs" in answer.out
    # A second and a half of the processor alone, and twice that where others share its core; to
    # read the records themselves would take minutes.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 8


def fill(path: Path, count: int) -> None:
    """Copies the rows of a history, each copy an hour later, until it has ``count``."""
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(records)")]
        rows = connection.execute("SELECT * FROM records ORDER BY created").fetchall()
        start = datetime(2027, 1, 1, tzinfo=timezone.utc)
        copies = []
        for number in range(count - len(rows)):
            copy = dict(zip(columns, rows[number % len(rows)], strict=True))
            when = (start + timedelta(hours=number)).isoformat()
            copy |= {"id": f"copy-{number}", "created": when, "value": 100 + number % 7}
            copies.append(tuple(copy.values()))
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO records VALUES ({marks})", copies)
    connection.close()


def test_a_history_is_exported_and_imported_elsewhere(
    r50bench_here: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        write_run(tmp_path / "runs", name)
    assert r50bench_here("history", "add", str(tmp_path / "runs")).out == (
        "2 records added, 0 runs of others\n"
    )
    archive = str(tmp_path / "all.zip")
    answer = r50bench_here("history", "export", archive, "mode=throughput")
    assert (answer.code, answer.out) == (0, f"{archive}: 2 records, 0 runs of others\n")
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "elsewhere"))
    assert r50bench_here("history", "import", archive).out == "2 records added, 0 runs of others\n"
    again = r50bench_here("history", "import", archive)
    assert again.out == "0 records added, 2 known already, 0 runs of others\n"
    assert (tmp_path / "elsewhere" / "imported" / "a" / "record.json").is_file()
    lines = r50bench_here("history").out.splitlines()
    assert "imported" in lines[2]


def test_pages_among_the_folders_are_not_added(
    r50bench_here: Call, data: Path, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs", "a")
    page = tmp_path / "runs" / "a.html"
    page.write_text("<!doctype html>")
    answer = r50bench_here("history", "add", str(tmp_path / "runs" / "a"), str(page))
    assert (answer.code, answer.out) == (0, "1 record added, 0 runs of others\n")


def test_what_cannot_be_taken_is_named_and_fails_after_all_else(
    r50bench_here: Call, data: Path, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs", "good")
    write_run(tmp_path / "runs", "bad")[1].joinpath("record.json").write_text("{}")
    answer = r50bench_here("history", "add", str(tmp_path / "runs"))
    assert answer.code == 5
    assert answer.out == "1 record added, 0 runs of others\n"
    assert f"! {tmp_path / 'runs' / 'bad'}: " in answer.err
    assert "1 could not be added" in answer.err


@pytest.mark.parametrize("verb", ["add", "import"])
def test_a_wrong_path_of_several_is_named_and_stops_no_other(
    r50bench_here: Call, data: Path, tmp_path: Path, verb: str
) -> None:
    write_run(tmp_path / "runs", "a")
    (tmp_path / "kpi.txt").write_text("*Throughput (samples/s): 1451\n")
    good, said = {
        "add": ("runs", "1 record added, 0 runs of others\n"),
        "import": ("kpi.txt", "0 records added, 1 run of others\n"),
    }[verb]
    answer = r50bench_here("history", verb, "nowhere", str(tmp_path / good))
    assert (answer.code, answer.out) == (5, said)
    assert "! nowhere: there is no " in answer.err
    assert "all others were" in answer.err
    none = r50bench_here("history", verb, "nowhere", "nor here")
    assert none.code == 5
    assert "2 could not be added" in none.err
    assert "nothing else was added" in none.err


def test_an_export_of_which_every_record_is_gone_leaves_no_archive(
    r50bench_here: Call, data: Path, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs", "a")
    r50bench_here("history", "add", str(tmp_path / "runs"))
    shutil.rmtree(tmp_path / "runs")
    for _ in range(2):
        answer = r50bench_here("history", "export", str(tmp_path / "all.zip"))
        assert (answer.code, answer.out) == (5, "")
        assert "nothing else was written" in answer.err
    assert not (tmp_path / "all.zip").exists()


def test_logs_of_other_workloads_become_figures_of_others(
    r50bench_here: Call, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "kpi.txt").write_text("## PRECISION: avx_fp32\n*Throughput (samples/s): 1451\n")
    for new in (1, 0):
        answer = r50bench_here("history", "import", str(tmp_path / "kpi.txt"))
        assert answer.code == 0, answer.err
        assert answer.out == f"0 records added, {new} run{'s' * (new != 1)} of others\n"
    assert "1451 samples/s" in r50bench_here("history").out
    assert r50bench_here("find").out == "no such record\n"


def test_wrong_paths_are_wrong_usage(r50bench_here: Call, data: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("nothing")
    for words in (
        ("add", "none"),
        ("add", str(tmp_path / "text")),
        ("import", "none"),
        ("import", str(tmp_path / "text")),
        ("import", "--most-gib", "0", "none"),
        ("export", str(tmp_path / "all.zip")),
        ("export", str(tmp_path / "text"), "precison=int8"),
    ):
        assert r50bench_here("history", *words).code == 2, words
    assert not (tmp_path / "all.zip").exists()


DAMAGED = (
    "UPDATE records SET value = 'fast' WHERE id LIKE '0001%'",
    "UPDATE records SET facts = '{\"case\": 7}' WHERE id LIKE '0002%'",
    "UPDATE records SET id = x'1b5b324a' WHERE id LIKE '0003%'",
)


def damage(data: Path) -> None:
    connection = sqlite3.connect(data / "history.sqlite")
    with connection:
        for statement in DAMAGED:
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("words", [(), ("mode=throughput",), ("--json",)])
def test_damaged_rows_are_named_and_hide_no_other(
    r50bench_here: Call, data: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    runs = [run.id for run in keep_series(data, [100.0] * 5)]
    damage(data)
    monkeypatch.setenv("COLUMNS", "150")
    answer = r50bench_here("history", *words)
    assert answer.code == 0, answer.err
    assert {run for run in runs if run in answer.out} == {runs[0], runs[4]}
    for run, column in ((runs[1], "value"), (runs[2], "facts")):
        assert (
            f"a row of the history ({run}) is left out: its column {column} is damaged"
            in answer.err
        )
        assert f"r50bench history add {data / 'runs' / run}" in answer.err
    assert "its column id is damaged" in answer.err
    assert "\x1b" not in answer.out + answer.err


def test_adding_a_record_again_mends_its_damaged_row(
    r50bench_here: Call, data: Path, tmp_path: Path
) -> None:
    with History(history_path()) as history:
        for number in range(4):
            keep_record(history, tmp_path / "runs", f"000{number}_a")
    damage(data)
    assert r50bench_here("history").err.count("left out") == 3
    answer = r50bench_here("history", "add", str(tmp_path / "runs"))
    assert answer.out == "3 records added, 1 known already, 0 runs of others\n"
    mended = r50bench_here("history", "--json")
    assert mended.err == ""
    assert all(f"000{number}_a" in mended.out for number in range(4))
