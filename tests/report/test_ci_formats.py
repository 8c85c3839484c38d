"""KPIs for CI systems and monitors, read back by the parsers of those."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_of
from prometheus_client.parser import text_string_to_metric_families as prometheus_of

from r50bench.report.kpi_block import KpiBlock
from r50bench.report.kpi_formats import format_kpis
from support.junit_rules import check_junit_rules


def test_junit_has_a_test_a_run_and_an_error_for_an_invalid_one(
    throughput_block: KpiBlock, accuracy_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    text = format_kpis([throughput_block, accuracy_block, invalid_block], "junit")
    check_junit_rules(text)
    (suite,) = ElementTree.fromstring(text)
    assert (suite.get("tests"), suite.get("errors")) == ("3", "1")
    assert suite[0].get("name") == "inference_throughput_avx_int8 torch BS 8 ×2"
    assert "*Average Throughput (img/s): 1454.5" in str(suite[0][0].text)
    assert suite[2][0].get("message") == "worker 1 was killed by SIGKILL | it said"


def test_openmetrics_are_gauges_in_base_units_with_the_case_as_labels(
    throughput_block: KpiBlock, accuracy_block: KpiBlock
) -> None:
    text = format_kpis([throughput_block, accuracy_block], "openmetrics")
    families = {family.name: family for family in openmetrics_of(text)}
    throughput = families["r50bench_average_throughput_images_per_second"]
    assert (throughput.type, throughput.unit) == ("gauge", "images_per_second")
    (sample,) = throughput.samples
    assert sample.value == throughput_block.kpis[0].value
    assert sample.labels == {
        "case": "inference_throughput_avx_int8",
        "engine": "torch",
        "precision": "avx_int8",
        "batch_size": "8",
        "instances": "2",
        "cores_per_instance": "1",
        "device": "cpu",
    }
    (latency,) = families["r50bench_average_latency_seconds"].samples
    assert latency.value == 0.011
    (accuracy,) = families["r50bench_accuracy_ratio"].samples
    assert accuracy.value == pytest.approx(0.95)
    low, high = (
        families[f"r50bench_average_throughput_{end}_images_per_second"].samples[0].value
        for end in ("low", "high")
    )
    assert low < sample.value < high


def test_node_exporters_older_format_reads_the_same(throughput_block: KpiBlock) -> None:
    text = format_kpis([throughput_block], "openmetrics")
    new, old = (
        {sample.name: sample.value for family in parse(text) for sample in family.samples}
        for parse in (openmetrics_of, prometheus_of)
    )
    assert new == old


def test_the_newest_run_is_given_whatever_the_order_of_their_folders(
    throughput_block: KpiBlock,
) -> None:
    def made(created: str, value: float) -> KpiBlock:
        settings = dict(throughput_block.settings) | {"CREATED": created}
        kpis = (replace(throughput_block.kpis[0], value=value),)
        return replace(throughput_block, settings=tuple(settings.items()), kpis=kpis)

    later, earlier = made("2026-01-02T00:00:00+00:00", 2.0), made("2026-01-01T00:00:00+00:00", 1.0)
    for blocks in ([later, earlier], [earlier, later]):
        families = {one.name: one for one in openmetrics_of(format_kpis(blocks, "openmetrics"))}
        name = "r50bench_average_throughput_images_per_second"
        assert [sample.value for sample in families[name].samples] == [2.0]


def test_every_series_is_given_once_and_by_the_newest_run(
    throughput_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    same = replace(invalid_block, settings=throughput_block.settings)
    families = list(openmetrics_of(format_kpis([throughput_block, same], "openmetrics")))
    assert [(family.name, family.samples[0].value) for family in families] == [
        ("r50bench_valid", 0.0)
    ]


def test_labels_may_hold_anything(throughput_block: KpiBlock) -> None:
    nasty = 'a "b" \\ c\nd'
    text = format_kpis([replace(throughput_block, case_name=nasty)], "openmetrics")
    first = next(iter(openmetrics_of(text)))
    assert first.samples[0].labels["case"] == nasty


def test_githubs_benchmark_action_gets_figures_of_one_direction_a_file(
    throughput_block: KpiBlock, invalid_block: KpiBlock
) -> None:
    blocks = [throughput_block, invalid_block]
    bigger = json.loads(format_kpis(blocks, "github-bigger-is-better"))
    smaller = json.loads(format_kpis(blocks, "github-smaller-is-better"))
    first = bigger[0]
    assert first["name"] == "inference_throughput_avx_int8 torch BS 8 ×2: Average Throughput"
    assert (first["unit"], first["value"]) == ("img/s", throughput_block.kpis[0].value)
    assert first["range"].startswith("± ")
    assert first["extra"] == "record fast"
    names = [{entry["name"].rpartition(": ")[2] for entry in file} for file in (bigger, smaller)]
    assert "Average Latency" in names[1]
    assert "Samples" not in names[0] | names[1]
    assert not names[0] & names[1]
