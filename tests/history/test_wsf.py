"""Logs of the Workload Services Framework, of its form; all values are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.history.wsf import read_kpi_output, read_wsf_logs
from r50bench.results.foreign import ForeignFigure

CASE = "resnet50_pytorch_xeon_public_inference_throughput_amx_int8"
CONFIG = """\
name: ResNet50-PyTorch-Xeon-Public
platform: SPR
backend: docker
tunables:
  BATCH_SIZE: "64"
  CORES_PER_INSTANCE: 14
  CASE_TYPE:
testcase: {case}
"""


def write_logs(
    folder: Path,
    *,
    instances: tuple[str, ...] = (),
    log: str = "started\n",
    status: str | None = "0",
    mode: str = "throughput",
    time: str = "05-01-24-10-20-30",
    prefix: str = "0501-102000-",
) -> Path:
    """Writes what one iteration leaves below ``folder``, and returns its worker's folder."""
    top = folder / f"{prefix}logs-{CASE}"
    worker = top / "itr-1" / "worker-0-c1"
    (worker / "output").mkdir(parents=True)
    (top / "workload-config.yaml").write_text(CONFIG.format(case=CASE))
    name = f"benchmark_{mode}_resnet50_amx_int8_inference_dummy_{time}.log"
    (worker / name).write_text(log)
    for number, text in enumerate(instances):
        (worker / "output" / f"instance-{number}.log").write_text(text)
    if status is not None:
        (worker / "status").write_text(status + "\n")
    return worker


INSTANCES = (
    "inference latency 4.000 ms\nThroughput: 250.000 fps\n",
    "Throughput: 1.000 fps\ninference latency 5.000 ms\nThroughput: 200.500 fps\n",
)


def test_throughput_is_the_sum_of_the_instances_and_latency_their_mean(tmp_path: Path) -> None:
    worker = write_logs(tmp_path, instances=INSTANCES)
    (run,), refused = read_wsf_logs(tmp_path)
    assert refused == []
    assert run.figures == (
        ForeignFigure("Throughput", "fps", 450.5),
        ForeignFigure("Latency", "ms/image", 4.5),
    )
    assert (run.workload, run.name, run.mode, run.passed) == ("wsf", CASE, "throughput", True)
    assert run.created == "2024-05-01T10:20:30"
    assert run.settings["BATCH_SIZE"] == "64"
    assert run.settings["CORES_PER_INSTANCE"] == "14"
    assert run.settings["PRECISION"] == "amx_int8"
    assert "CASE_TYPE" not in run.settings
    assert run.source == str(worker)


def test_the_figure_of_the_mode_comes_first(tmp_path: Path) -> None:
    write_logs(tmp_path, instances=INSTANCES, mode="latency")
    ((run,), _) = read_wsf_logs(tmp_path)
    assert run.figures[0].name == "Latency"


def test_accuracy_is_read_in_both_forms(tmp_path: Path) -> None:
    texts = ("Accuracy: 0.760\n", " * Acc@1 0.762 Acc@5 0.930\n")
    write_logs(tmp_path, instances=texts, mode="accuracy")
    ((run,), _) = read_wsf_logs(tmp_path)
    assert run.figures == (ForeignFigure("Accuracy", "", 0.761),)


def test_weight_sharing_s_lines_are_read(tmp_path: Path) -> None:
    shared = "Instance num: 4 Avg Time/Iteration: 3.2 msec Throughput: 1234.5 fps\n"
    write_logs(tmp_path, instances=(shared,))
    ((run,), _) = read_wsf_logs(tmp_path)
    assert run.figures == (ForeignFigure("Throughput", "fps", 1234.5),)


def test_kpi_lines_in_the_log_count_before_the_instances(tmp_path: Path) -> None:
    log = "##BATCH_SIZE: 32\n*Throughput (samples/s): 13460\n"
    write_logs(tmp_path, instances=INSTANCES, log=log)
    ((run,), _) = read_wsf_logs(tmp_path)
    assert run.figures == (ForeignFigure("Throughput", "samples/s", 13460.0),)
    assert run.settings["BATCH_SIZE"] == "32"


def test_parameters_and_lscpu_in_the_log_are_no_figures(tmp_path: Path) -> None:
    log = "BATCH_SIZE: 32\nSTEPS: 100\nCASE_TYPE: \nCPU(s):       224\nNUMA node(s): 2\n"
    write_logs(tmp_path, instances=INSTANCES, log=log)
    ((run,), _) = read_wsf_logs(tmp_path)
    assert [figure.name for figure in run.figures] == ["Throughput", "Latency"]
    assert run.settings["STEPS"] == "100"
    assert run.settings["BATCH_SIZE"] == "64", "what the framework was told is the parameter"
    assert "CASE_TYPE" not in run.settings


@pytest.mark.parametrize("status", ["1", None, ""])
def test_a_run_that_did_not_pass_has_no_figures(tmp_path: Path, status: str | None) -> None:
    write_logs(tmp_path, instances=INSTANCES, status=status)
    ((run,), _) = read_wsf_logs(tmp_path)
    assert (run.passed, run.figures) == (False, ())


def test_one_worker_that_failed_fails_the_iteration(tmp_path: Path) -> None:
    worker = write_logs(tmp_path, instances=INSTANCES)
    (worker.parent / "worker-1-c1").mkdir()
    (worker.parent / "worker-1-c1" / "status").write_text("3\n")
    ((run,), _) = read_wsf_logs(tmp_path)
    assert not run.passed


def test_an_instance_without_a_line_leaves_the_figure_out(tmp_path: Path) -> None:
    write_logs(tmp_path, instances=(INSTANCES[0], "Throughput: 10.0 fps\n"))
    ((run,), _) = read_wsf_logs(tmp_path)
    assert [figure.name for figure in run.figures] == ["Throughput"]


def test_the_same_logs_elsewhere_are_the_same_run(tmp_path: Path) -> None:
    write_logs(tmp_path / "a", instances=INSTANCES)
    write_logs(tmp_path / "b", instances=INSTANCES, prefix="")
    write_logs(tmp_path / "c", instances=INSTANCES[:1])
    (a, b, c), _ = read_wsf_logs(tmp_path)
    assert a.id == b.id
    assert a.id != c.id


def test_a_log_that_cannot_be_read_is_named_and_stops_no_other(tmp_path: Path) -> None:
    write_logs(tmp_path / "a", instances=INSTANCES)
    worker = write_logs(tmp_path / "b", instances=INSTANCES)
    (worker / "output" / "folder.log").mkdir()
    runs, refused = read_wsf_logs(tmp_path)
    assert len(runs) == 1
    assert "folder.log is no regular file" in refused[0][1]


@pytest.mark.parametrize("time", ["99-99-24-10-20-30"])
def test_a_time_that_is_none_is_left_out(tmp_path: Path, time: str) -> None:
    write_logs(tmp_path, instances=INSTANCES, time=time)
    ((run,), _) = read_wsf_logs(tmp_path)
    assert run.created == ""


def test_a_file_of_kpi_output_is_a_run(tmp_path: Path) -> None:
    path = tmp_path / "kpi.txt"
    path.write_text(
        "## FUNCTION: inference\n## MODE: throughput\n## PRECISION: avx_fp32\n"
        "*Throughput (samples/s): 1451\nLatency (ms): -1\n"
    )
    run = read_kpi_output(path)
    assert run is not None
    assert (run.name, run.mode) == ("inference_throughput_avx_fp32", "throughput")
    assert run.figures == (ForeignFigure("Throughput", "samples/s", 1451.0),)
    path.write_text("nothing\n")
    assert read_kpi_output(path) is None


def test_a_number_that_no_float_holds_is_no_figure(tmp_path: Path) -> None:
    digits = "9" * 400
    text = f"Throughput: {digits} fps\ninference latency {digits} ms\nAccuracy: {digits}\n"
    write_logs(tmp_path, instances=(text,))
    ((run,), _) = read_wsf_logs(tmp_path)
    assert run.figures == ()
