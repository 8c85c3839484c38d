"""From a query to what is run: defaults, the environment, contradictions, conditions."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from r50bench.case import Case
from r50bench.errors import CheckFailed, UsageError
from r50bench.load import LoadgenSettings
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.query.completion import (
    CompletedQuery,
    check_record,
    check_request,
    complete,
)
from r50bench.mlperf.query.terms import parse_terms
from r50bench.results.record import Accuracy
from support import records, synthetic_hosts
from support.scripted_loadgen import result_of


def completed(query: str, environ: Mapping[str, str] = {}) -> CompletedQuery:
    return complete(parse_terms(query.split(",")), environ)


def case_of(query: CompletedQuery) -> Case:
    return plan_mlperf(query.loadgen, query.settings, synthetic_hosts.two_core_vm()).case


def test_the_defaults_are_those_of_the_workflow() -> None:
    query = completed("loadgen_output")
    assert query.loadgen == LoadgenSettings("Offline", "AccuracyOnly", dataset_size=20)
    case = case_of(query)
    assert (case.precision, case.device, case.dataset) == ("avx_fp32", "cpu", "sample")


@pytest.mark.parametrize(
    "query",
    [
        "classified_imagenet,loadgen_output",
        "loadgen_output,loadgen_dataset_size=20",
        "loadgen_output,framework=pytorch,model_name=resnet50,task=image_classification",
        "loadgen_output,execution_device=cpu",
        "loadgen_output,loadgen_mode=AccuracyOnly,loadgen_scenario=Offline,precision=fp32",
        "loadgen_output,loadgen_dataset_size>=20,!main_job,loadgen_target_qps-",
    ],
)
def test_queries_that_say_the_defaults_ask_for_the_same_run(query: str) -> None:
    plain, wordy = completed("loadgen_output"), completed(query)
    assert wordy.loadgen == plain.loadgen
    assert case_of(wordy) == case_of(plain)
    check_request(wordy, case_of(wordy))


def test_what_the_query_says_is_stronger_than_the_environment() -> None:
    environ = {"R50BENCH_BATCH_SIZE": "4", "R50BENCH_DATASET": "/pictures"}
    case = case_of(completed("loadgen_output,batch_size=2", environ))
    assert (case.batch_size, case.dataset) == (2, "/pictures")


def test_parameters_that_loadgen_decides_on_are_not_taken_from_the_environment() -> None:
    query = completed("loadgen_output", {"STEPS": "7", "MODE": "latency", "PLATFORM": "SPR"})
    assert query.settings == {}


def test_gpu_is_the_workflow_s_word_for_cuda() -> None:
    assert completed("loadgen_output,execution_device=gpu").settings["device"].value == "cuda"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("framework=pytorch", "lacks the tag loadgen_output"),
        ("loadgen_output,classified_imagenet-", "does not meet !classified_imagenet"),
        ("loadgen_output,main_job", "does not meet main_job"),
        ("loadgen_output,batch_size=2,batch_size=4", "batch_size=4 contradicts batch_size=2"),
        ("loadgen_output,framework=pytorch,framework=openvino", "contradicts"),
        ("loadgen_output,loadgen_multistreamness=2,loadgen_samples_per_query=4", "contradicts"),
        ("loadgen_output,loadgen_scenario=SingleStream,loadgen_target_qps=5", "no meaning"),
    ],
)
def test_contradictions_are_refused(query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        completed(query)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("loadgen_dataset_size>20", "loadgen_dataset_size is 20 in this query"),
        ("loadgen_target_qps.", "loadgen_target_qps has no value in this query"),
        ("precision!=fp32", "precision is avx_fp32 in this query"),
    ],
)
def test_a_condition_that_the_completed_query_does_not_meet_is_refused(
    condition: str, message: str
) -> None:
    query = completed(f"loadgen_output,{condition}")
    with pytest.raises(UsageError, match=message) as caught:
        check_request(query, case_of(query))
    assert "=VALUE" in (caught.value.hint or "")


def test_a_condition_on_what_comes_out_is_a_check_of_the_record() -> None:
    settings = LoadgenSettings(dataset_size=20)
    record = records.record_of(accuracy=Accuracy(20, 19, 20), loadgen=result_of(settings))
    check_record(completed("loadgen_output,accuracy>=95"), record)
    query = completed("loadgen_output,accuracy>95")
    check_request(query, case_of(query))
    with pytest.raises(CheckFailed, match=r"accuracy>95\.0 does not hold of .*: it is 95\.0"):
        check_record(query, record)
    with pytest.raises(CheckFailed, match="it has none"):
        check_record(completed("loadgen_output,performance>1"), record)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("performance>1", "Offline in mode AccuracyOnly gives no performance"),
        ("loadgen_mode=PerformanceOnly,accuracy.", "in mode PerformanceOnly gives no accuracy"),
        ("loadgen_mode=PerformanceOnly,latency_p99<9", "Offline in mode .* gives no latency_p99"),
        ("steps=20", "LoadGen decides, and a run of it has no steps"),
        ("mode=latency", "has no mode"),
        ("case_type=gated", "has no case_type"),
    ],
)
def test_a_condition_that_no_run_of_the_query_can_meet_is_refused_before_it(
    condition: str, message: str
) -> None:
    query = completed(f"loadgen_output,{condition}")
    with pytest.raises(UsageError, match=message):
        check_request(query, case_of(query))


def test_what_need_not_come_out_is_no_reason_to_refuse_a_query() -> None:
    query = completed("loadgen_output,performance!=1,steps-")
    check_request(query, case_of(query))


@pytest.mark.parametrize(
    ("query", "engine"),
    [
        ("framework=pytorch", "torch"),
        ("framework=pytorch,engine=torch-eager", "torch-eager"),
        ("framework=pytorch,engine=torch-aot", "torch"),
        ("framework=r50bench", "r50"),
        ("framework=onnxruntime,precision=fp32", "onnxruntime"),
        ("framework!=pytorch,engine=r50", "r50"),
    ],
)
def test_a_framework_is_answered_by_its_own_engines_only(query: str, engine: str) -> None:
    found = completed(f"loadgen_output,{query}")
    case = case_of(found)
    assert case.engine == engine
    check_request(found, case)


@pytest.mark.parametrize(
    "query",
    ["framework=pytorch,engine=r50", "framework=r50bench,engine=torch", "framework!=pytorch"],
)
def test_an_engine_of_another_framework_contradicts_the_query(query: str) -> None:
    found = completed(f"loadgen_output,{query}")
    with pytest.raises(UsageError, match="does not hold: framework is") as caught:
        check_request(found, case_of(found))
    hint = caught.value.hint or ""
    assert ("or the engine, from which it follows" in hint) is ("engine=" in query)
    assert ("framework=VALUE" in hint) is ("engine=" not in query)


def test_a_framework_goes_before_the_engine_of_the_environment() -> None:
    environ = {"R50BENCH_ENGINE": "r50"}
    terms = parse_terms(["loadgen_output", "framework=pytorch"])
    assert case_of(complete(terms, environ)).engine == "torch"
    terms = parse_terms(["loadgen_output"])
    assert case_of(complete(terms, environ)).engine == "r50"
