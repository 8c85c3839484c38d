from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from r50bench.errors import UsageError
from r50bench.report.overview import OverviewRow, overview_rows, overview_text
from r50bench.report.table import Missing
from r50bench.results.kpi import Kpi
from r50bench.results.record import Evidence, Limit, Record
from r50bench.results.samples import Samples
from support.records import case_of, figured, looked_at, record_of, samples_of_latencies

Run = tuple[Record, Samples | None]

LATENCIES = ([10, 11, 10, 12, 10, 11, 10, 10, 13, 10]) * 10


def main_job(*precisions: str, steps: int = 100) -> list[Run]:
    runs: list[Run] = []
    for precision in precisions:
        row = LATENCIES[:steps]
        runs.append((record_of("throughput", precision), samples_of_latencies([row, row])))
        runs.append((record_of("latency", precision), samples_of_latencies([row], images=1)))
        runs.append((record_of("accuracy", precision), None))
    return runs


def on_engine(engine: str, runs: Sequence[Run]) -> list[Run]:
    return [
        (replace(record, case=replace(record.case, engine=engine)), samples)
        for record, samples in runs
    ]


def table_of(rows: Sequence[OverviewRow], width: int = 100) -> str:
    return overview_text(rows, width)


def line_of(text: str, precision: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(precision + " "))
    return re.split(r"\s{2,}", line.strip())


def test_a_row_holds_throughput_latency_accuracy_and_kernels() -> None:
    text = table_of(overview_rows(figured(main_job("avx_int8"))))
    precision, throughput, *rest = line_of(text, "avx_int8")
    assert precision == "avx_int8"
    assert re.fullmatch(r"149\d\.\d ± \d\.\d", throughput)
    assert rest == ["10.00", "12.00", "13.00", "19/20", "20/20", "brgconv avx512_core_vnni"]
    assert "batch size: throughput 8; latency 1" in text


def test_precisions_come_in_the_vocabulary_s_order() -> None:
    rows = overview_rows(figured(main_job("avx_int8", "avx_fp32", "avx_bfloat16")))
    assert [row.precision for row in rows] == ["avx_fp32", "avx_bfloat16", "avx_int8"]


@pytest.mark.parametrize("width", [80, 90, 100, 140])
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int) -> None:
    rows = overview_rows(figured(main_job("avx_fp32", "avx_bfloat16", "amx_bfloat32", "avx_int8")))
    lines = table_of(rows, width).splitlines()
    assert max(map(len, lines)) <= width
    for precision in ("avx_fp32", "avx_bfloat16", "amx_bfloat32", "avx_int8"):
        assert "19/20" in line_of("\n".join(lines), precision)


def test_rows_of_one_precision_are_told_by_what_differs_between_them() -> None:
    base = main_job("avx_int8")[:1]
    (record, samples) = base[0]
    larger = replace(record, case=replace(record.case, batch_size=16, instances=1))
    fewer = replace(record, case=replace(record.case, instances=1))
    rows = overview_rows(figured([(record, samples), (larger, samples), (fewer, samples)]))
    assert [row.told_by for row in rows] == [
        "batch 8 · 2 × 1", "batch 16 · 1 × 1", "batch 8 · 1 × 1",
    ]  # fmt: skip
    assert line_of(table_of(rows[1:2], 140), "avx_int8")[1] == "batch 16 · 1 × 1"
    assert not any(row.told_by for row in overview_rows(figured([*base, *base])))
    beside = main_job("avx_int8")[1]  # the one for latency, of another batch size
    rows = overview_rows(figured([(record, samples), beside, (larger, samples)]))
    assert [row.told_by for row in rows] == ["batch 8 · 2 × 1", "batch 16 · 1 × 1"]


@pytest.mark.parametrize("width", [1, 20, 40, 60])
def test_no_figure_is_cut_however_narrow_the_terminal(width: int) -> None:
    rows = overview_rows(figured(main_job("avx_fp32", "avx_bfloat16", "amx_bfloat32", "avx_int8")))
    wide, narrow = table_of(rows, 99), table_of(rows, width)
    for precision in ("avx_fp32", "avx_bfloat16", "amx_bfloat32", "avx_int8"):
        figures = [
            next(line for line in text.splitlines() if line.startswith(f"{precision} ")).split()[:8]
            for text in (narrow, wide)
        ]
        assert figures[0] == figures[1]
        assert figures[0][2] == "±"
    for word in ("brgconv", "avx512_core_vnni"):
        assert narrow.count(word) == 4


def test_a_batch_size_that_differs_is_named_with_its_precision() -> None:
    rows = overview_rows(figured(main_job("avx_fp32", "avx_bfloat16", "avx_int8")))
    rows[2] = replace(rows[2], throughput_batch=16)
    assert "batch size: throughput 8 (avx_int8: 16); latency 1\n" in table_of(rows)


def test_the_interval_of_a_throughput_is_not_narrowed_by_its_cut_at_zero() -> None:
    rows = overview_rows(figured(main_job("avx_int8")))
    cut = Kpi("Average Throughput", "img/s", 10.0, 0.0, 40.0, True)
    assert line_of(table_of([replace(rows[0], throughput=cut)]), "avx_int8")[1] == "10 ± 30"


def test_a_narrow_terminal_loses_only_the_top_5() -> None:
    rows = overview_rows(figured(main_job("avx_int8")))
    assert "top-5" in table_of(rows, 100)
    narrow = table_of(rows, 80)
    assert "top-5" not in narrow
    for word in ("throughput", "p50", "p90", "p99", "top-1", "kernels"):
        assert word in narrow


def test_an_invalid_run_is_shown_as_failed_with_its_reason_below() -> None:
    runs = main_job("avx_fp32", "avx_int8")
    runs[1] = (record_of("latency", "avx_fp32", reason="worker 1 was killed by SIGKILL"), None)
    text = table_of(overview_rows(figured(runs)))
    assert line_of(text, "avx_fp32")[2:5] == ["failed"] * 3
    assert "! inference_latency_avx_fp32 on torch failed: worker 1 was killed by SIGKILL" in text
    assert "failed" not in line_of(text, "avx_int8")


def test_a_case_that_left_no_record_is_shown_too() -> None:
    case = case_of("accuracy", "avx_int8")
    rows = overview_rows(figured(main_job("avx_int8")[:2]), [(case, "the data set is empty")])
    text = table_of(rows)
    assert line_of(text, "avx_int8")[5:7] == ["failed", "failed"]
    assert "! inference_accuracy_avx_int8 on torch failed: the data set is empty" in text


def test_a_disturbed_figure_is_said_to_be_one() -> None:
    runs = main_job("avx_int8", "avx_fp32")
    runs[1] = (replace(runs[1][0], lost_cpu_share=0.25), runs[1][1])
    text = table_of(overview_rows(figured(runs)))
    (note,) = (line for line in text.splitlines() if line.startswith("! "))
    assert note.startswith("! at worst, an instance waited for its CPU in 25.0 % of the measured")
    assert note.endswith("; disturbed: avx_int8 (latency)")


def test_a_job_that_was_disturbed_throughout_has_one_line_about_it() -> None:
    runs = [
        (replace(record, lost_cpu_share=0.1), samples)
        for record, samples in main_job("avx_fp32", "avx_int8")
    ]
    notes = [
        line
        for line in table_of(overview_rows(figured(runs))).splitlines()
        if line.startswith("! ")
    ]
    assert len(notes) == 1
    assert notes[0].endswith("; disturbed: all rows")


def test_where_hardly_a_batch_was_undisturbed_one_line_names_all_rows() -> None:
    few = looked_at(samples_of_latencies([[10.0] * 8]), canary_ns=[1_700] * 5 + [3_000] * 3)
    runs = [
        (record, None if samples is None else few)
        for record, samples in main_job("avx_fp32", "avx_int8")
    ]
    text = table_of(overview_rows(figured(runs)))
    (note,) = (line for line in text.splitlines() if line.startswith("! "))
    assert note.startswith("! too few batches passed undisturbed from end to end, or too mixed")
    assert ": all rows; 'r50bench kpi' says how fast the cores were" in note


def test_a_row_with_one_figure_of_too_few_undisturbed_batches_is_not_all_rows() -> None:
    few = looked_at(samples_of_latencies([[10.0] * 8]), canary_ns=[1_700] * 5 + [3_000] * 3)
    runs = [
        (record, few if record.case.mode == "throughput" else samples)
        for record, samples in main_job("avx_fp32")
    ]
    text = table_of(overview_rows(figured(runs)))
    (note,) = (line for line in text.splitlines() if line.startswith("! "))
    assert ": avx_fp32 (throughput); 'r50bench kpi' says" in note


def test_engines_of_a_precision_stand_below_one_another_in_the_order_given() -> None:
    runs = [
        *on_engine("torch", main_job("avx_int8", "avx_fp32")),
        *on_engine("r50", main_job("avx_int8")),
    ]
    lines = table_of(overview_rows(figured(runs))).splitlines()
    assert [line.split()[:2] for line in lines[3:6]] == [
        ["avx_fp32", "torch"],
        ["avx_int8", "torch"],
        ["r50", lines[5].split()[1]],
    ]
    assert lines[1].split()[:2] == ["precision", "engine"]


def test_a_batch_size_that_differs_by_engine_is_named_with_it() -> None:
    runs = [*on_engine("torch", main_job("avx_int8")), *on_engine("r50", main_job("avx_int8"))]
    rows = overview_rows(figured(runs))
    rows[1] = replace(rows[1], throughput_batch=16)
    assert "batch size: throughput 8 (avx_int8 on r50: 16); latency 1" in table_of(rows)


def test_what_was_not_reached_is_a_row_that_says_so() -> None:
    rows = overview_rows(
        figured(main_job("avx_fp32")), unfinished=[case_of("throughput", "avx_int8")]
    )
    assert line_of(table_of(rows), "avx_int8")[1:6] == ["not run"] * 5


def test_a_throughput_run_that_was_scored_needs_no_run_for_accuracy() -> None:
    (throughput, samples), _, (accuracy, _) = main_job("avx_int8")
    (row,) = overview_rows(figured([(replace(throughput, accuracy=accuracy.accuracy), samples)]))
    assert row.accuracy == accuracy.accuracy


def test_what_was_not_run_or_too_short_says_so() -> None:
    (row,) = overview_rows(figured(main_job("avx_int8", steps=20)[1:2]))
    assert row.throughput == row.accuracy == Missing("not run")
    assert row.p99 == Missing("too few")
    cells = line_of(table_of([row]), "avx_int8")
    assert cells[1] == "not run"
    assert cells[4] == "too few"


def test_kernels_that_were_not_proved_are_never_called_proved() -> None:
    runs = main_job("avx_bfloat16")
    wrong = Evidence(False, "jit_bf16:avx512_core emulates", "avx512_core_bf16")
    runs[0] = (replace(runs[0][0], status="invalid", reason="no", evidence=wrong), None)
    (row,) = overview_rows(figured(runs))
    assert row.kernels == Missing("not proved: jit_bf16:avx512_core emulates")


def test_the_share_of_the_peak_has_a_column_only_where_it_is_known() -> None:
    known, unknown = overview_rows(figured(main_job("avx_fp32", "avx_int8")))
    assert "peak" not in table_of([known, unknown])
    text = table_of([replace(known, share_of_limit=0.876), unknown])
    assert "peak" in text
    assert "88" in line_of(text, "avx_fp32")
    assert "unknown" in line_of(text, "avx_int8")


def test_the_share_of_the_peak_is_the_throughput_s_efficiency() -> None:
    runs = main_job("avx_int8")
    record, samples = runs[0]
    limit = Limit("vpdpbusd_512", 20_000, 40, 44, (0, 1), "2026-01-31T11:00:00+00:00")
    counted = Evidence(True, "brgconv", "int8", {}, gop_per_image=6.67)
    runs[0] = (replace(record, limit=limit, evidence=counted), samples)
    (row,) = overview_rows(figured(runs))
    assert isinstance(row.throughput, Kpi)
    assert row.share_of_limit == pytest.approx(row.throughput.value * 6.67 / 20_000)


def test_a_second_run_of_a_case_has_a_row_of_its_own() -> None:
    runs = main_job("avx_int8")
    rows = overview_rows(figured([*runs, runs[0]]))
    assert [row.precision for row in rows] == ["avx_int8", "avx_int8"]
    assert rows[1].p50 == Missing("not run")


def test_different_models_never_share_a_table() -> None:
    runs = [*main_job("avx_int8"), (record_of("accuracy", "avx_fp32", graph="v1.5"), None)]
    with pytest.raises(UsageError, match=r"different graphs: v1 .* and v1\.5"):
        overview_rows(figured(runs))
