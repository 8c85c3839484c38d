from __future__ import annotations

import csv
import io
import json

import pytest

from r50bench.errors import UsageError
from r50bench.report.kpi_block import KpiBlock
from r50bench.report.kpi_formats import KPI_FORMATS, format_kpis


def test_json_holds_every_digit_of_every_record(
    throughput_block: KpiBlock, accuracy_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    fast, right, dead = json.loads(
        format_kpis([throughput_block, accuracy_block, invalid_block], "json")
    )
    assert fast["record"] == "fast"
    assert fast["kpis"][0]["name"] == "Average Throughput"
    assert fast["kpis"][0]["value"] == throughput_block.kpis[0].value
    assert fast["kpis"][0]["primary"] is True
    assert fast["kpis"][0]["low"] < fast["kpis"][0]["value"] < fast["kpis"][0]["high"]
    assert fast["settings"]["BATCH_SIZE"] == "8"
    assert right["notes"][0] == "accuracy=95.000%, good=19, total=20"
    assert (dead["valid"], dead["kpis"]) == (False, [])
    assert dead["reason"].startswith("worker 1 was killed")


def test_csv_has_a_row_per_record_and_all_their_columns(
    throughput_block: KpiBlock, accuracy_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    text = format_kpis([throughput_block, accuracy_block, invalid_block], "csv")
    fast, right, dead = csv.DictReader(io.StringIO(text))
    assert fast["RECORD"] == "fast"
    assert float(fast["Average Throughput (img/s)"]) == throughput_block.kpis[0].value
    assert float(fast["Average Throughput (img/s) 95% low"]) == throughput_block.kpis[0].low
    assert fast["Accuracy (%)"] == ""
    assert right["Accuracy (%)"] == "95.0"
    assert right["STEPS"] == ""
    assert dead["valid"] == "False"
    assert dead["reason"] == "worker 1 was killed by SIGKILL | it said"
    assert dead["Average Throughput (img/s)"] == ""


def test_markdown_tables_are_whole_and_mark_the_primary(
    throughput_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    text = format_kpis([throughput_block, invalid_block], "markdown")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {4}
    assert any(row.startswith("| **Average Throughput (img/s)** | **1454.5** |") for row in rows)
    assert "Invalid: worker 1 was killed by SIGKILL \\| it said" in text


@pytest.mark.parametrize("format", KPI_FORMATS[:4])
def test_the_primary_alone_leaves_the_other_figures_out(
    format: str, throughput_block: KpiBlock, accuracy_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    blocks = [throughput_block, accuracy_block, invalid_block]
    text = format_kpis(blocks, format, primary_only=True)
    assert "Average Throughput" in text
    assert "Accuracy" in text
    assert "killed by SIGKILL" in text
    assert "Latency" not in text


def test_the_primary_as_text_is_one_line_a_record(
    throughput_block: KpiBlock, accuracy_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    blocks = [throughput_block, accuracy_block, invalid_block]
    assert format_kpis(blocks, primary_only=True).splitlines() == [
        "# fast",
        "*Average Throughput (img/s): 1454.5",
        "# right",
        "*Accuracy (%): 95",
        "# dead",
        "# invalid: worker 1 was killed by SIGKILL | it said",
    ]


def test_blocks_of_several_records_follow_one_another(
    throughput_block: KpiBlock, accuracy_block: KpiBlock
) -> None:
    text = format_kpis([throughput_block, accuracy_block])
    assert text.count("# Workload Configuration") == 2
    assert text.index("## RECORD: fast") < text.index("## RECORD: right")
    assert text.endswith("\n")


def test_an_unknown_format_is_refused_with_a_suggestion(throughput_block: KpiBlock) -> None:
    with pytest.raises(UsageError, match="unknown format 'jsn'") as caught:
        format_kpis([throughput_block], "jsn")
    assert caught.value.hint == "did you mean json?"
