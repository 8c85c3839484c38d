"""The workflow's words for a LoadGen run."""

from __future__ import annotations

import pytest

from r50bench.errors import UsageError
from r50bench.load import LoadgenSettings
from r50bench.parameters.workflow import WORKFLOW, collect_workflow, without_effect


def parse_loadgen(texts: dict[str, str]) -> LoadgenSettings:
    return collect_workflow({}, [f"{key}={text}" for key, text in texts.items()], {})[0]


def test_the_workflows_words_are_read():
    settings = parse_loadgen(
        {
            "loadgen_scenario": "singlestream",
            "loadgen_mode": "PerformanceOnly",
            "loadgen_dataset_size": "500",
            "loadgen_buffer_size": "1024",
            "loadgen_target_latency": "6",
            "loadgen_duration_s": "",
        }
    )
    assert settings == LoadgenSettings(
        scenario="SingleStream", mode="PerformanceOnly", dataset_size=500, target_latency_ms=6.0
    )
    assert settings.name == "mlperf_SingleStream_PerformanceOnly"


def test_every_key_is_a_field():
    fields = LoadgenSettings.__dataclass_fields__
    assert {row.field for row in WORKFLOW if row.sets == "loadgen"} == set(fields)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"loadgen_scenari": "Offline"}, "unknown parameter"),
        ({"loadgen_scenario": "Offlin"}, "did you mean offline"),
        ({"loadgen_mode": "Fast"}, "must be AccuracyOnly or PerformanceOnly"),
        ({"loadgen_dataset_size": "0"}, "whole number"),
        ({"loadgen_dataset_size": "2.5"}, "whole number"),
        ({"loadgen_target_qps": "-1"}, "greater than 0"),
        ({"loadgen_target_qps": "inf"}, "greater than 0"),
        ({"loadgen_target_qps": "1e3"}, "less than 1e+12, written without an exponent"),
        ({"loadgen_target_qps": "nan"}, "greater than 0"),
        ({"loadgen_server_coalesce_queries": "maybe"}, "True or False"),
        ({"loadgen_scenario": "SingleStream", "loadgen_target_qps": "1"}, "no meaning"),
        ({"loadgen_scenario": "Offline", "loadgen_target_latency": "1"}, "no meaning"),
        (
            {"loadgen_compliance_test": "TEST01", "loadgen_mode": "AccuracyOnly"},
            "PerformanceOnly run, not AccuracyOnly",
        ),
        ({"sut_name": "a\nb"}, "printable"),
        (
            {"loadgen_multistreamness": "4", "loadgen_samples_per_query": "8"},
            "contradicts another name",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(values, said):
    with pytest.raises(UsageError) as caught:
        parse_loadgen(values)
    assert said in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"loadgen_duration_s": "3"}, [("loadgen_duration_s=3", "AccuracyOnly times nothing")]),
        ({"loadgen_target_qps": "5"}, [("loadgen_target_qps=5", "AccuracyOnly times nothing")]),
        (
            {"loadgen_mode": "PerformanceOnly", "loadgen_multistreamness": "4"},
            [("loadgen_samples_per_query=4", "only MultiStream has it")],
        ),
        (
            {"loadgen_server_coalesce_queries": "1"},
            [("loadgen_server_coalesce_queries=True", "only Server has it")],
        ),
        ({"loadgen_scenario": "Server", "loadgen_target_qps": "5"}, []),
        ({"loadgen_mode": "PerformanceOnly", "loadgen_duration_s": "3"}, []),
        ({"loadgen_quick": "1"}, []),
    ],
)
def test_what_mode_and_scenario_do_not_heed_is_named(values, said):
    assert list(without_effect(parse_loadgen(values))) == said


def test_a_compliance_test_measures_performance_unless_told_otherwise():
    assert parse_loadgen({"loadgen_compliance_test": "TEST04"}).mode == "PerformanceOnly"
