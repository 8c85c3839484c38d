"""``r50bench report``, and the pages that other verbs leave."""

from __future__ import annotations

import fcntl
import html
import os
import re
import shlex
from pathlib import Path

import pytest

from r50bench.errors import RunFailed
from r50bench.host.topology import Host
from r50bench.results.history import History, history_path
from r50bench.results.kpi import kpis
from r50bench.results.record import Record, read_record
from r50bench.results.samples import samples_of
from support.command_line import Call
from support.records import keep_run

RUN = ("run", "inference_throughput_avx_int8", "--engine", "fake", "--steps", "20", "-q")


def remember(folder: Path) -> None:
    record = read_record(folder)
    with History(history_path()) as history:
        history.add(record, folder, kpis(record, samples_of(record, folder)))


def test_a_folder_of_runs_becomes_one_page(r50bench_here: Call, tmp_path: Path) -> None:
    keep_run(tmp_path / "runs" / "a", id="20260101-000000_a")
    keep_run(tmp_path / "runs" / "b", id="20260102-000000_b")
    page = tmp_path / "out" / "page.html"
    answer = r50bench_here("report", str(tmp_path / "runs"), "-o", str(page))
    assert (answer.code, answer.out) == (0, f"# page: {page}\n")
    text = page.read_text()
    assert "<title>r50bench report: runs</title>" in text
    assert "20260101-000000_a" in text
    assert "20260102-000000_b" in text


def test_a_query_takes_records_from_the_history(r50bench_here: Call, tmp_path: Path) -> None:
    remember(keep_run(tmp_path / "a", id="20260101-000000_a"))
    page = tmp_path / "page.html"
    answer = r50bench_here("report", "precision=avx_int8,batch_size=8", "-o", str(page))
    assert answer.code == 0
    assert "20260101-000000_a" in page.read_text()


def test_without_a_name_the_newest_run_here_is_taken(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keep_run(tmp_path / "r50bench-runs" / "20260101-000000_a", id="20260101-000000_a")
    keep_run(tmp_path / "r50bench-runs" / "20260102-000000_b", id="20260102-000000_b")
    assert r50bench_here("report").code == 0
    page = (tmp_path / "report.html").read_text()
    assert "20260102-000000_b" in page
    assert "20260101-000000_a" not in page


def test_a_damaged_record_is_named_and_hides_no_other(r50bench_here: Call, tmp_path: Path) -> None:
    keep_run(tmp_path / "runs" / "a")
    keep_run(tmp_path / "runs" / "b", id="b")
    (tmp_path / "runs" / "b" / "record.json").write_text("{")
    page = tmp_path / "page.html"
    answer = r50bench_here("report", str(tmp_path / "runs"), "-o", str(page))
    assert answer.code == 0
    assert "not a record" in answer.err
    assert "not a record" in page.read_text()
    assert "20260101-000000_a" in page.read_text()


def test_records_against_others_lead_with_the_verdict(r50bench_here: Call, tmp_path: Path) -> None:
    for side in ("before", "after"):
        for number in (1, 2):
            keep_run(tmp_path / side / f"{number}", id=f"2026010{number}-000000_{side}")
    page = tmp_path / "both.html"
    sides = str(tmp_path / "after"), "--against", str(tmp_path / "before")
    answer = r50bench_here("report", *sides, "-o", str(page))
    assert (answer.code, answer.out) == (0, f"# page: {page}\n")
    assert "inference_throughput_avx_int8: same within ±2 %" in page.read_text()
    assert r50bench_here("report", str(tmp_path / "after"), "--against", "gone").code == 2
    answer = r50bench_here("report", *sides, "-o", str(page), "--undisturbed")
    assert answer.code == 0
    assert "0 of 2 processes had enough undisturbed batches" in page.read_text()


@pytest.mark.parametrize("option", [("--undisturbed",), ("--threshold", "3%")])
def test_how_to_compare_is_refused_where_there_is_nothing_to_compare_with(
    r50bench_here: Call, tmp_path: Path, option: tuple[str, ...]
) -> None:
    keep_run(tmp_path / "a")
    answer = r50bench_here("report", str(tmp_path / "a"), *option)
    assert answer.code == 2
    assert "add --against BASE" in answer.err


def test_pages_among_the_folders_are_no_records(r50bench_here: Call, tmp_path: Path) -> None:
    keep_run(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "a.html").write_text("<!doctype html>")
    words = [str(path) for path in sorted((tmp_path / "runs").iterdir())]
    page = tmp_path / "page.html"
    assert r50bench_here("report", *words, "-o", str(page)).code == 0
    assert "<title>r50bench report: a</title>" in page.read_text()
    assert r50bench_here("report", *words, "--against", words[0], "-o", str(page)).code == 0
    assert r50bench_here("report", words[1], "-o", str(page)).code == 2


def test_a_profile_that_is_damaged_is_named_and_hides_no_record(
    r50bench_here: Call, tmp_path: Path
) -> None:
    keep_run(tmp_path / "a")
    (tmp_path / "a" / "profile.json").write_text("{")
    page = tmp_path / "page.html"
    answer = r50bench_here("report", str(tmp_path / "a"), "-o", str(page))
    assert (answer.code, "profile.json is no profile" in answer.err) == (0, True)
    assert "20260101-000000_a" in page.read_text()


@pytest.mark.parametrize("word", ["nowhere", "precision=avx_fp32"])
def test_what_means_no_record_is_refused(r50bench_here: Call, tmp_path: Path, word: str) -> None:
    page = tmp_path / "page.html"
    assert r50bench_here("report", word, "-o", str(page)).code == 2
    assert not page.exists()


def test_a_page_that_cannot_be_written_says_where(r50bench_here: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "page.html"
    answer = r50bench_here("report", str(keep_run(tmp_path / "a")), "-o", str(target))
    assert answer.code == 5
    assert str(target) in answer.err


def test_a_dash_prints_the_page_and_nothing_else(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keep_run(tmp_path / "runs" / "a")
    keep_run(tmp_path / "runs" / "b", id="b")
    (tmp_path / "runs" / "b" / "record.json").write_text("{")
    assert r50bench_here("report", "runs", "-o", "page.html").code == 0
    printed = r50bench_here("report", "runs", "-o", "-")
    assert (printed.code, "not a record" in printed.err) == (0, True)
    assert printed.out == (tmp_path / "page.html").read_text()
    both = r50bench_here("report", "runs/a", "--against", "runs/a", "-o", "-")
    assert (both.code, both.out[:15], both.out[-8:]) == (0, "<!doctype html>", "</html>\n")
    assert not (tmp_path / "-").exists()


def test_a_page_is_written_into_a_fifo_and_through_a_link(
    r50bench_here: Call, tmp_path: Path
) -> None:
    run = str(keep_run(tmp_path / "a"))
    target, link, fifo = tmp_path / "target.html", tmp_path / "link.html", tmp_path / "fifo"
    link.symlink_to(target)
    assert r50bench_here("report", run, "-o", str(link)).code == 0
    assert link.is_symlink()
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1 << 20)  # the page has room while nobody reads
        answer = r50bench_here("report", run, "-o", str(fifo))
        assert (answer.code, answer.out) == (0, f"# page: {fifo}\n")
        assert fifo.is_fifo()
        assert os.read(reader, 1 << 20) == target.read_bytes()
    finally:
        os.close(reader)


def test_one_run_leaves_its_page_in_its_folder(
    host: Host, r50bench_here: Call, tmp_path: Path
) -> None:
    answer = r50bench_here(*RUN, "--out", str(tmp_path / "runs"))
    assert answer.code == 0
    (page,) = (tmp_path / "runs").glob("*/report.html")
    assert f"# page: {page}\n" in answer.out
    assert "avx_int8 on fake ran: " in page.read_text()


def lines_to_repeat(page: Path) -> list[list[str]]:
    """Returns the commands of a page that run its cases by themselves, without r50bench's name."""
    command = re.compile(r"(?:^|>)(r50bench (?:run|profile) .*)$", re.MULTILINE)
    lines = command.findall(page.read_text())
    texts = [html.unescape(re.sub("<[^>]*>", "", line)) for line in lines]
    return [shlex.split(text)[1:] for text in texts]


def records_below(folder: Path) -> list[Record]:
    return [read_record(path.parent) for path in folder.glob("*/record.json")]


@pytest.mark.parametrize(
    "asked",
    [
        ("inference_throughput_avx_int8", "--steps", "10", "--warmup-steps", "3", "--seed", "7"),
        ("inference_latency_avx_fp32_gated", "--repeat", "2", "--data-type", "real"),
        ("inference_throughput_avx_bfloat16", "--allocator", "system", "--timeout", "90"),
        ("inference_throughput_fp32", "--cores-per-instance", "1", "--weight-sharing",
         "--force-weight-sharing", "--customer-env", "FAKE_LATENCIES_NS=3000000 A='1 2'"),
    ],
)  # fmt: skip
def test_what_a_page_says_repeats_a_run_runs_the_very_same_case(
    host: Host, r50bench_here: Call, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    fake = ("--engine", "fake", "--weights", "random", "-q")
    answer = r50bench_here("run", *asked, *fake, "--out", str(first))
    assert answer.code == 0, answer.err
    (page,) = first.glob("*/report.html")
    (line,) = lines_to_repeat(page)
    answer = r50bench_here(*line, "-q", "--out", str(second))
    assert answer.code == 0, answer.err
    (was,), (repeated,) = records_below(first), records_below(second)
    assert repeated.case == was.case
    assert repeated.model == was.model
    assert repeated.data == was.data


def test_what_a_page_says_repeats_several_processes_runs_as_many(
    host: Host, r50bench_here: Call, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    answer = r50bench_here(*RUN, "--weights", "random", "--processes", "2", "--out", str(first))
    assert answer.code == 0, answer.err
    (page,) = first.rglob("*.html")
    (line,) = lines_to_repeat(page)
    assert r50bench_here(*line, "-q", "--out", str(second)).code == 0
    assert [one.case for one in records_below(second)] == [one.case for one in records_below(first)]


def test_several_runs_leave_one_page_beside_their_folders(
    host: Host, r50bench_here: Call, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    more = RUN[2:]
    names = ("inference_throughput_avx_int8", "inference_throughput_avx_fp32")
    assert r50bench_here("run", *names, *more, "--out", str(runs)).code == 0
    (page,) = runs.glob("*.html")
    assert "avx_int8 on fake is the fastest: " in page.read_text()


def test_a_page_that_cannot_be_kept_costs_no_result(
    host: Host, r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r50bench.cli.pages.write_text_atomically", _full_disk)
    answer = r50bench_here(*RUN[:-1], "--out", str(tmp_path / "runs"))
    assert answer.code == 0
    assert "*Average Throughput" in answer.out
    assert "# page:" not in answer.out
    assert "the disk is full" in answer.err


def _full_disk(path: Path, text: str) -> None:
    raise RunFailed(f"the disk is full: {path} was not written", hint="free some space")
