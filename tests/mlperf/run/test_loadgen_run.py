"""LoadGen sessions in real workers with the fake engine: verdicts, scores, faults, records."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from r50bench.assets.store import Store
from r50bench.errors import RunFailed, UsageError, WorkerFailed
from r50bench.results.record import Accuracy, read_record

SHORT = {"mode": "PerformanceOnly", "duration_s": 1.0}
QUICK_ENGINE = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": 1_000_000}


def top1(folder: Path) -> list[int]:
    with (folder / "predictions.csv").open() as file:
        return [int(row["top1"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "MultiStream", "Server"])
def test_every_scenario_gives_a_valid_record_with_loadgens_score(loadgen_run, scenario):
    outcome = loadgen_run(scenario=scenario, **SHORT, **QUICK_ENGINE, FAKE_ANSWERS=1)
    record = read_record(outcome.folder)
    assert (record.status, record.reason) == ("valid", None)
    result = record.loadgen
    assert result.verdict == "VALID"
    assert result.errors == ()
    summary = (outcome.folder / "loadgen" / "mlperf_log_summary.txt").read_text()
    assert f"Scenario : {scenario}" in summary
    assert "Result is : VALID" in summary
    assert (outcome.folder / "loadgen" / "user.conf").exists()
    assert not (outcome.folder / "loadgen" / "mlperf_log_trace.json").read_text().strip("[]\n")
    assert record.evidence.proved
    assert record.samples_sha256


def test_two_instances_share_offline_and_are_bound(loadgen_run):
    slow = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": 20_000_000}
    outcome = loadgen_run(scenario="Offline", **SHORT, **slow, INSTANCES=2, BATCH_SIZE=2)
    result = read_record(outcome.folder).loadgen
    # Two instances of 2 samples per 20 ms: one alone could answer 100 samples/s.
    assert 130 < result.score <= 202
    assert result.raw_throughput == pytest.approx(200, rel=0.1)
    assert len(outcome.record.workers) == 1
    assert len(outcome.record.workers[0].cpus) == 2


def test_a_target_that_is_not_given_is_measured_and_said_to_be(loadgen_run):
    given = loadgen_run(scenario="Server", target_qps=300.0, **SHORT, **QUICK_ENGINE)
    measured = loadgen_run(scenario="SingleStream", **SHORT, **QUICK_ENGINE)
    assert not given.record.loadgen.target_measured
    assert given.record.loadgen.settings.target_qps == 300
    assert measured.record.loadgen.target_measured
    assert 0.5 < measured.record.loadgen.settings.target_latency_ms < 1.2
    bound = loadgen_run(scenario="Server", target_latency_ms=50.0, **SHORT, **QUICK_ENGINE)
    assert bound.record.loadgen.target_measured


def test_the_raw_figures_come_from_before_and_after_loadgen(loadgen_run):
    outcome = loadgen_run(scenario="SingleStream", **SHORT, **QUICK_ENGINE)
    samples = outcome.samples
    before, after = (samples.start_ns[samples.round == number] for number in (0, 1))
    assert after.min() - before.max() > 1e9
    latency = samples.latency_ns
    each = [np.percentile(latency[samples.round == number], 90) for number in (0, 1)]
    assert outcome.record.loadgen.raw_latency_ns == round(float(np.mean(each)))
    assert 0 <= outcome.record.lost_cpu_share <= 1


def test_a_target_too_low_to_last_is_raised_and_the_user_is_told(loadgen_run):
    outcome = loadgen_run(scenario="Offline", target_qps=1.0, **SHORT, **QUICK_ENGINE)
    assert outcome.record.loadgen.verdict == "VALID"
    assert any("would run out of samples" in text for text in map(str, outcome.record.notices))
    assert outcome.record.loadgen.target_measured


def test_a_rate_beyond_what_the_bound_allows_is_invalid_and_exits_with_5(loadgen_run):
    slow = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": 8_000_000}
    outcome = loadgen_run(scenario="Server", target_qps=400.0, query_count=200, **SHORT, **slow)
    record = read_record(outcome.folder)
    assert record.status == "invalid"
    assert record.loadgen.verdict == "INVALID"
    assert "latency constraint not met" in record.reason
    assert outcome.error.exit_code == 5
    assert "leave --target-qps 400 out: the target is measured then" in outcome.error.hint
    assert any("can only grow" in text for text in map(str, record.notices))


def test_a_batch_that_takes_longer_than_the_bound_is_refused(loadgen_run):
    slow = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": 20_000_000}
    outcome = loadgen_run(scenario="Server", **SHORT, **slow)
    assert isinstance(outcome.error, RunFailed)
    assert "Server's bound is 15 ms" in read_record(outcome.folder).reason


def test_a_given_rate_is_run_also_where_every_query_is_late(loadgen_run):
    slow = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": 20_000_000}
    outcome = loadgen_run(scenario="Server", target_qps=40.0, query_count=10, **SHORT, **slow)
    record = read_record(outcome.folder)
    assert (record.status, record.loadgen.verdict) == ("invalid", "INVALID")
    assert "latency constraint not met" in record.reason
    assert record.loadgen.score > 0
    assert any("100.0 % of them over 15 ms" in text for text in map(str, record.notices))


def test_server_is_not_sent_a_picture_a_second_where_nothing_is_timed(loadgen_run):
    outcome = loadgen_run(scenario="Server")
    assert outcome.record.accuracy.total == 24
    conf = (outcome.folder / "loadgen" / "user.conf").read_text()
    assert "target_qps = 10000" in conf


@pytest.mark.parametrize(
    "absurd",
    [
        {"scenario": "Offline", "target_qps": 1e11},
        {"scenario": "SingleStream", "target_latency_ms": 1e-7},
    ],
    ids=lambda one: one["scenario"],
)
def test_an_absurd_target_is_refused_before_the_memory_is_full(loadgen_run, absurd):
    outcome = loadgen_run(mode="PerformanceOnly", **absurd)
    assert isinstance(outcome.error, RunFailed)
    assert "queries" in read_record(outcome.folder).reason


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "Server"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise@700", "RuntimeError"),
        ("kill@700", "SIGKILL"),
        ("exit@700", "exited with status 3"),
    ],
)
def test_a_fault_in_the_middle_of_loadgen_ends_the_run(loadgen_run, scenario, fault, said):
    # The closed loop of 0.5 s runs 500 inferences at most; LoadGen comes to the 700th.
    outcome = loadgen_run(
        scenario=scenario,
        target_qps=700.0 if scenario == "Server" else None,
        INSTANCES=1,
        BATCH_SIZE=1,
        **SHORT,
        FAKE_FAULT=fault,
        **QUICK_ENGINE,
    )
    assert isinstance(outcome.error, WorkerFailed)
    record = read_record(outcome.folder)
    assert record.status == "invalid"
    assert said in record.reason
    assert record.loadgen is None


@pytest.mark.parametrize("scenario", ["Offline", "SingleStream", "MultiStream", "Server"])
def test_an_engine_that_answers_short_ends_the_run(loadgen_run, scenario):
    outcome = loadgen_run(scenario=scenario, FAKE_FAULT="short", BATCH_SIZE=1)
    assert "answered logits of shape (0, 1000) where (1, 1000) were due" in outcome.record.reason
    assert outcome.error.exit_code == 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("short@700", "answered logits of shape (0, 1000)"),
        ("nan@700", "not finite"),
        ("other@700", "to the same picture before"),
    ],
)
def test_an_answer_that_goes_wrong_under_loadgen_ends_the_run(loadgen_run, fault, said):
    # The closed loop of 0.5 s runs 500 inferences at most; LoadGen comes to the 700th.
    outcome = loadgen_run(
        scenario="SingleStream",
        INSTANCES=1,
        BATCH_SIZE=1,
        query_count=800,  # however slow the machine is
        **SHORT,
        FAKE_FAULT=fault,
        **QUICK_ENGINE,
    )
    assert said in outcome.record.reason
    assert outcome.error.exit_code == 5


@pytest.mark.parametrize("batch", [1, 5])
def test_logits_that_are_no_numbers_end_the_run(loadgen_run, batch):
    outcome = loadgen_run(scenario="Offline", FAKE_FAULT="nan", BATCH_SIZE=batch)
    assert "logits that are not finite" in outcome.record.reason
    assert outcome.error.exit_code == 5


def test_an_instance_that_hangs_is_given_up(loadgen_run):
    outcome = loadgen_run(scenario="Offline", FAKE_FAULT="hang@3", TIMEOUT=2, BATCH_SIZE=4)
    assert "hangs: no batch and no answer for 2 s" in outcome.record.reason


@pytest.mark.parametrize("instances", [1, 2])
@pytest.mark.parametrize("batch", [1, 5, 16])
def test_accuracy_is_that_of_the_pictures_whatever_the_batches(
    loadgen_run, plain_pictures, instances, batch
):
    outcome = loadgen_run(scenario="Offline", INSTANCES=instances, BATCH_SIZE=batch)
    record = read_record(outcome.folder)
    assert record.loadgen.verdict == ""
    assert record.accuracy == Accuracy(total=24, good=12, good5=None)
    alone = loadgen_run(scenario="SingleStream")
    assert top1(outcome.folder) == top1(alone.folder)
    assert len(set(top1(outcome.folder))) > 10
    answers = json.loads((outcome.folder / "loadgen" / "mlperf_log_accuracy.json").read_text())
    assert len(answers) == 24
    assert {len(answer["data"]) for answer in answers} == {8}


@pytest.mark.parametrize("size", [1, 20])
def test_multistream_counts_a_picture_once_that_fills_its_last_query_up(loadgen_run, size):
    record = loadgen_run(scenario="MultiStream", dataset_size=size).record
    assert record.reason is None
    assert record.accuracy.total == size


def test_pictures_that_do_not_fit_the_buffer_come_one_part_after_the_other(loadgen_run):
    whole = loadgen_run(scenario="Offline")
    parts = loadgen_run(scenario="Offline", buffer_size=7)
    assert top1(whole.folder) == top1(parts.folder)


def test_a_subset_is_the_beginning_of_the_data_set(loadgen_run):
    outcome = loadgen_run(scenario="Offline", dataset_size=10)
    assert outcome.record.accuracy.total == 10
    assert top1(outcome.folder) == top1(loadgen_run(scenario="Offline").folder)[:10]


def test_more_pictures_than_there_are_is_an_error_that_says_what_would_serve(loadgen_run, tmp_path):
    with pytest.raises(UsageError, match="holds 24 pictures") as caught:
        loadgen_run(dataset_size=500)
    assert "R50BENCH_DATASET" in caught.value.hint
    assert not (tmp_path / "runs").exists()


def test_accuracy_of_random_weights_is_refused(loadgen_run):
    with pytest.raises(UsageError, match="random"):
        loadgen_run(mode="SubmissionRun", WEIGHTS="random")


def test_a_submission_run_judges_accuracy_and_performance(loadgen_run):
    outcome = loadgen_run(scenario="Offline", mode="SubmissionRun", duration_s=1.0, **QUICK_ENGINE)
    assert outcome.record.accuracy.total == 24
    assert outcome.record.loadgen.verdict == "VALID"


def test_find_peak_ends_with_a_valid_rate_and_its_log(loadgen_run):
    engine = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": 300_000}
    outcome = loadgen_run(
        scenario="Server",
        mode="FindPeakPerformance",
        duration_s=0.5,
        query_count=800,
        target_latency_ms=100.0,
        **engine,
    )
    record = read_record(outcome.folder)
    assert record.reason is None
    valid = [target for target, verdict, _ in record.loadgen.peak_search if verdict == "VALID"]
    assert record.loadgen.settings.target_qps == max(valid)
    # Within 0.5 s, the last 0.1 s of queries may be answered after the schedule has ended.
    assert record.loadgen.score == pytest.approx(max(valid), rel=0.3)
    summary = (outcome.folder / "loadgen" / "mlperf_log_summary.txt").read_text()
    assert "Mode     : PerformanceOnly" in summary
    assert "Result is : VALID" in summary
    assert f"target_qps : {max(valid):.6g}" in summary
    assert list((outcome.folder / "search").iterdir())


def test_a_compliance_run_follows_mlperfs_audit_settings(loadgen_run):
    outcome = loadgen_run(scenario="Offline", compliance_test="TEST01", **SHORT, **QUICK_ENGINE)
    detail = (outcome.folder / "loadgen" / "mlperf_log_detail.txt").read_text()
    assert '"effective_accuracy_log_rng_seed", "value": 720381539243781796' in detail
    assert json.loads((outcome.folder / "loadgen" / "mlperf_log_accuracy.json").read_text())
    assert outcome.record.accuracy is None


def test_a_stray_audit_config_is_not_applied(loadgen_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.config").write_text("*.*.performance_issue_same = 1\n")
    outcome = loadgen_run(scenario="SingleStream", **SHORT, **QUICK_ENGINE)
    detail = (outcome.folder / "loadgen" / "mlperf_log_detail.txt").read_text()
    assert '"effective_performance_issue_same", "value": false' in detail


def test_official_seeds_are_those_of_the_round(loadgen_run):
    for seeds, first in (("v5.1", 1780908523862526354), ("v6.1", 2085463073848966840)):
        outcome = loadgen_run(scenario="Offline", seeds=seeds)
        detail = (outcome.folder / "loadgen" / "mlperf_log_detail.txt").read_text()
        assert f'"effective_qsl_rng_seed", "value": {first}' in detail


def test_nothing_is_written_to_the_store_by_a_run_alone(loadgen_run, tmp_path):
    loadgen_run()
    kinds = {entry.kind for entry in Store(tmp_path / "cache").entries()}
    assert kinds == {"preprocessed"}
