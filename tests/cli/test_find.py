"""``r50bench find``."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.load import LoadgenSettings
from r50bench.mlperf.query.attributes import get
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.report.kpi_formats import format_kpis
from r50bench.report.loadgen import mlperf_text
from r50bench.results.history import History, history_path
from r50bench.results.kpi import kpis
from r50bench.results.record import Accuracy, Record, read_record, write_record
from support import records
from support.command_line import Call
from support.scripted_loadgen import result_of


def keep(folder: Path, record: Record) -> None:
    samples = None
    if record.loadgen is None and record.case.mode != "accuracy":
        samples = records.samples_of_latencies([[10] * 20] * 2)
    (folder / record.id).mkdir(parents=True)
    write_record(record, folder / record.id)
    figures = kpis(record, samples) if record.status == "valid" else ()
    with History(history_path()) as history:
        history.add(record, folder / record.id, figures)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four records: throughput and a failed latency of the main job, two of LoadGen."""
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    accuracy = LoadgenSettings(dataset_size=20)
    offline = LoadgenSettings("Offline", "PerformanceOnly", dataset_size=20)
    made = [
        records.record_of("throughput", id="a"),
        records.record_of("latency", "avx_fp32", id="b", reason="it died"),
        records.record_of(
            id="c",
            case=records.case_of(data_type="real"),
            accuracy=Accuracy(20, 19, 20),
            loadgen=result_of(accuracy),
        ),
        records.record_of(
            id="d", case=records.case_of(data_type="real"), loadgen=result_of(offline)
        ),
    ]
    for day, record in enumerate(made, start=1):
        keep(tmp_path / "runs", replace(record, created=f"2026-01-{day:02}T12:00:00+00:00"))
    return tmp_path / "runs"


def found(call: Call, *words: str) -> list[str]:
    answer = call("find", "--json", *words)
    assert answer.code == 0, answer.err
    return [one["id"] for one in json.loads(answer.out)]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", "dcba"),
        ("loadgen_output", "dc"),
        ("main_job", "ba"),
        ("!main_job,accuracy.", "c"),
        ("classified_imagenet", "dc"),
        ("accuracy>=95", "c"),
        ("performance>1000", "a"),
        ("performance>100,performance<200", "d"),
        ("verdict=valid", "d"),
        ("status=invalid", "b"),
        ("status=invalid,reason=it died", "b"),
        ("precision=int8", "dca"),
        ("precision!=int8", "b"),
        ("mode=latency", "b"),
        ("loadgen_scenario=Offline,loadgen_mode=PerformanceOnly", "d"),
        ("loadgen_dataset_size<=20", "dc"),
        ("created>=2026-01-02,created<2026-01-04", "cb"),
        ("created=2026-01-02", "b"),
        ("created!=2026-01-02", "dca"),
        ("created<=2026-01-02", "ba"),
        ("created>2026-01-02", "dc"),
        ("created<2026-01-02T13:00:00+02:00", "a"),
        ("created<=2026-01-02T14:00+02:00", "ba"),
        ("batch_size=1", "b"),
        ("framework=pytorch,model_name=resnet50", "dcba"),
        ("graph=v1", "dcba"),
        ("compliant?", ""),
    ],
)
@pytest.mark.usefixtures("runs")
def test_the_records_of_which_every_term_holds_come_newest_first(
    r50bench_here: Call, query: str, ids: str
) -> None:
    assert found(r50bench_here, query) == list(ids)


def test_the_table_names_what_ran_what_came_out_and_where_it_lies(
    r50bench_here: Call, runs: Path
) -> None:
    lines = r50bench_here("find").out.splitlines()
    assert lines[0].split("  ")[0] == "created"
    assert "mlperf_Offline_PerformanceOnly_avx_int8" in lines[2]
    assert "171.97 samples/s" in lines[2]
    assert str(runs / "d") in lines[2]
    assert "95.000 %" in lines[3]
    assert "invalid" in lines[4]
    assert "1600 img/s" in lines[5]


def test_performance_is_loadgens_result_wherever_it_is_shown(
    r50bench_here: Call, tmp_path: Path, runs: Path
) -> None:
    stream = LoadgenSettings("SingleStream", "PerformanceOnly", dataset_size=20)
    result = result_of(stream, raw_throughput=170.0, raw_latency_ns=6_000_000)
    record = records.record_of(id="e", case=records.case_of(data_type="real"), loadgen=result)
    keep(runs, record)
    (facts,) = json.loads(r50bench_here("find", "loadgen_scenario=SingleStream", "--json").out)
    assert (facts["performance"], facts["performance_unit"]) == (6_200_000, "ns")
    assert facts["latency_p90"] == 6_123_339  # as it was measured, under its own name
    assert "6.2 ms" in r50bench_here("find", "performance>6100000").out
    assert get("performance", record, runs / "e") == "6200000"
    block = kpi_block(record, None)
    assert "*SingleStream Latency Estimate (ms): 6.2" in block_text(block)
    assert "\nP90 Latency (ms): 6.1233" in block_text(block)
    (shown,) = json.loads(format_kpis([block], "json"))
    assert shown["kpis"][0]["value"] == pytest.approx(6.2)
    assert "performance  6.2 ms" in mlperf_text(record)
    assert found(r50bench_here, "latency_p90<6150000") == ["e"]


@pytest.mark.usefixtures("runs")
def test_only_what_was_timed_has_a_performance_and_a_unit(r50bench_here: Call) -> None:
    (facts,) = json.loads(r50bench_here("find", "loadgen_mode=AccuracyOnly", "--json").out)
    assert (facts["performance"], facts["performance_unit"]) == (None, None)


@pytest.mark.usefixtures("runs")
def test_at_most_so_many_are_shown(r50bench_here: Call) -> None:
    assert found(r50bench_here, "-n", "2") == ["d", "c"]
    assert found(r50bench_here, "-n", "1", "main_job") == ["b"]
    assert r50bench_here("find", "-n", "0").code == 2


def test_records_that_are_gone_are_counted_and_left_out(r50bench_here: Call, runs: Path) -> None:
    shutil.rmtree(runs / "d")
    answer = r50bench_here("find", "loadgen_output")
    assert answer.code == 0
    assert len(answer.out.splitlines()) == 3
    assert "gone or damaged records of the history: " in answer.err


def test_only_what_is_shown_is_read(
    r50bench_here: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    for number in range(60):
        precision = "avx_fp32" if number % 2 else "avx_int8"
        made = replace(
            records.record_of(precision=precision, id=f"{number:02}"),
            created=f"2026-01-01T12:00:{number:02}+00:00",
        )
        keep(tmp_path / "runs", made)
    read = []

    def counted(folder: Path) -> Record:
        read.append(folder.name)
        return read_record(folder)

    monkeypatch.setattr("r50bench.mlperf.query.search.read_record", counted)
    shutil.rmtree(tmp_path / "runs" / "58")
    (tmp_path / "runs" / "56" / "record.json").write_text("{}")
    assert found(r50bench_here, "-n", "3", "precision=int8,performance>100") == [
        "54",
        "52",
        "50",
    ]
    assert read == ["58", "56", "54", "52", "50"]


@pytest.mark.usefixtures("runs")
def test_what_is_not_found_is_said(r50bench_here: Call) -> None:
    assert r50bench_here("find", "performance>1e9").code == 2
    assert r50bench_here("find", "performance>1000000").out == "no such record\n"
    answer = r50bench_here("find", "lodgen_output")
    assert (answer.code, answer.out) == (2, "")
    assert "did you mean loadgen_output" in answer.err
    assert r50bench_here("find", "loadgen_output , get accuracy").code == 2


def test_a_former_name_of_an_engine_finds_what_it_is_called_now(
    runs: None, r50bench_here: Call
) -> None:
    answer = r50bench_here("find", "engine=torch-aot")
    assert answer.out == r50bench_here("find", "engine=torch").out
    assert "engine torch-aot is called torch now" in answer.err


def test_a_limit_beyond_all_bounds_is_wrong_usage(r50bench_here: Call) -> None:
    answer = r50bench_here("find", "-n", str(2**63))
    assert answer.code == 2
    assert "Traceback" not in answer.err


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("verb", [("find",), ("history",), ("report",)])
def test_what_is_no_time_is_refused_with_a_time_as_a_hint(
    r50bench_here: Call, verb: tuple[str, ...]
) -> None:
    answer = r50bench_here(*verb, "created>yesterday")
    assert answer.code == 2
    assert "'yesterday' is no time in ISO 8601" in answer.err
    assert "such as 2026-11-28" in answer.err
