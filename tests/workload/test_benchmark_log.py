"""The log is read by the rules of the original workloads' kpi.sh, written down here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.report.kpi_block import kpi_block
from r50bench.results.kpi import LATENCY, THROUGHPUT, figures_by_name
from r50bench.results.record import Accuracy, Record
from r50bench.results.samples import Samples
from r50bench.workload.benchmark_log import benchmark_log, instance_logs, log_name
from support.records import record_of, samples_of_latencies

SAMPLES = samples_of_latencies([[10.0] * 50, [20.0] * 25])  # 800 and 400 pictures a second


def log_of(record: Record, samples: Samples | None = SAMPLES) -> str:
    return benchmark_log(kpi_block(record, samples), instance_logs(record, samples))


def as_on_xeon(log: str) -> dict[str, float | str]:
    """Reads as the Xeon workload's script does: fields between ': ', patterns anywhere."""
    said: dict[str, float | str] = {"throughput": 0.0, "instances": 0}
    for line in log.splitlines():
        key, _, value = line.partition(": ")
        if "MODE" in line:
            said["MODE"] = value
        if key in ("PRECISION", "BATCH_SIZE", "STEPS", "CORES_PER_INSTANCE", "DATA_TYPE"):
            said[key] = value
        if "Throughput" in line:
            said["throughput"] += float(value.split()[0])
            said["instances"] += 1
        if "Accuracy" in line:
            said["accuracy"] = float(value)
    return said


def test_the_xeon_workload_s_script_finds_parameters_and_the_sum_of_the_instances() -> None:
    record = record_of("throughput")
    said = as_on_xeon(log_of(record))
    figure = figures_by_name(record, SAMPLES)[THROUGHPUT].value
    assert said["throughput"] == pytest.approx(figure, rel=1e-6)
    assert said["instances"] == 2
    assert said["MODE"] == "throughput"
    assert (said["PRECISION"], said["BATCH_SIZE"]) == ("avx_int8", "8")
    assert (said["STEPS"], said["CORES_PER_INSTANCE"], said["DATA_TYPE"]) == ("100", "1", "dummy")


def test_its_latency_is_that_of_a_picture_as_the_original_instances_said_it() -> None:
    log = log_of(record_of("throughput"))
    told = [line for line in log.splitlines() if line.startswith("inference latency")]
    assert told == ["inference latency 1.250 ms", "inference latency 2.500 ms"]


def test_what_the_script_calls_latency_is_the_record_s_at_batch_1() -> None:
    samples = samples_of_latencies([[10.0] * 50, [10.0] * 50], images=1)
    record = record_of("latency")
    said = as_on_xeon(log_of(record, samples))
    script = 1000 * float(said["instances"]) / float(said["throughput"])
    assert script == pytest.approx(figures_by_name(record, samples)[LATENCY].value, rel=1e-6)


def test_accuracy_is_said_in_per_cent_as_the_script_labels_it() -> None:
    record = replace(record_of("accuracy"), accuracy=Accuracy(20, 19, 20))
    said = as_on_xeon(log_of(record, None))
    assert said["accuracy"] == 95.0
    assert said["instances"] == 0


def test_the_log_is_named_as_the_framework_names_it() -> None:
    assert (
        log_name(record_of("throughput"))
        == "benchmark_throughput_resnet50_avx_int8_inference_dummy_01-31-26-12-00-00.log"
    )


def test_instances_that_never_ran_together_leave_no_line_of_throughput() -> None:
    apart = samples_of_latencies([[10.0] * 5, [10.0] * 5])
    later = replace(
        apart,
        start_ns=apart.start_ns + apart.instance * 10**9,
        end_ns=apart.end_ns + apart.instance * 10**9,
    )
    assert "Throughput" not in log_of(record_of("latency"), later)
