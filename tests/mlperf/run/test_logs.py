"""LoadGen's logs: what they say, and logs that are absent, cut off or contradict themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from r50bench.errors import RunFailed
from r50bench.mlperf.run.logs import read_answers, read_detail, read_predictions


def line(key: str, value: object, **metadata: bool) -> str:
    return ":::MLLOG " + json.dumps({"key": key, "value": value, "metadata": metadata}) + "\n"


def detail(folder: Path, *lines: str) -> None:
    (folder / "mlperf_log_detail.txt").write_text("".join(lines))


def answers(folder: Path, *classes: tuple[int, int]) -> None:
    entries = [{"qsl_idx": at, "data": np.int32(label).tobytes().hex()} for at, label in classes]
    (folder / "mlperf_log_accuracy.json").write_text(json.dumps(entries))


def test_the_last_value_of_a_key_counts_and_errors_are_kept_once(tmp_path: Path) -> None:
    detail(
        tmp_path,
        "no line of the log's own\n",
        line("result_validity", "INVALID"),
        line("error", "too slow", is_error=True),
        line("error", "too slow", is_error=True),
        line("warning", "few queries", is_warning=True),
        line("warning", "Logging allocation detected: 3", is_warning=True),
        line("generic_message", "Found peak performance field: 12.5"),
        line("result_validity", "VALID"),
    )
    found = read_detail(tmp_path)
    assert (found.verdict, found.peak) == ("VALID", 12.5)
    assert (found.errors, found.warnings) == (("too slow",), ("few queries",))


def test_an_invalid_run_says_what_was_not_met_and_loadgens_own_reason(tmp_path: Path) -> None:
    detail(
        tmp_path,
        line("result_min_duration_met", False),
        line("result_min_queries_met", True),
        line("early_stopping_met", False),
        line("result_invalid_reason", "Raise the target."),
    )
    assert read_detail(tmp_path).reason == (
        "minimum duration not met, early stopping not satisfied. Raise the target"
    )


def test_a_figure_that_is_absent_or_no_number_is_a_failed_run(tmp_path: Path) -> None:
    detail(tmp_path, line("rate", 12), line("met", True))
    found = read_detail(tmp_path)
    assert found.figure("rate") == 12.0
    for key in ("met", "absent"):
        with pytest.raises(RunFailed, match=f"has no {key}"):
            found.figure(key)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "empty"),
        ([line("rate", 12), ':::MLLOG {"key": "ra'], "txt:2 is cut off"),
        ([':::MLLOG {"key": "rate"}\n'], "txt:1 is cut off or damaged"),
    ],
)
def test_a_log_that_is_cut_off_is_a_failed_run(tmp_path: Path, lines: list[str], said: str) -> None:
    detail(tmp_path, *lines)
    with pytest.raises(RunFailed, match=said):
        read_detail(tmp_path)


def test_logs_that_are_not_there_are_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"left no mlperf_log_detail.txt"):
        read_detail(tmp_path)
    with pytest.raises(RunFailed, match=r"left no mlperf_log_accuracy.json"):
        read_predictions(tmp_path, (), ())


def test_answers_come_in_the_order_of_the_data_set_and_may_be_repeated(tmp_path: Path) -> None:
    answers(tmp_path, (1, 70), (0, 5), (1, 70))
    assert read_predictions(tmp_path, ("a", "b"), (5, 7)).top5 == ((5,), (70,))


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([(0, 5)], "answers 1 pictures, and there are 2"),
        ([(0, 5), (1, 7), (1, 8)], "two answers to the same picture"),
    ],
)
def test_pictures_without_one_answer_are_a_failed_run(
    tmp_path: Path, classes: list[tuple[int, int]], said: str
) -> None:
    answers(tmp_path, *classes)
    with pytest.raises(RunFailed, match=said):
        read_predictions(tmp_path, ("a", "b"), (5, 7))


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}x", '[{"qsl_idx": 1}]', "[1]", '[{"qsl_idx": "a", "data": ""}]', "[" * 100_000],
    ids=lambda text: text[:30],
)
def test_a_damaged_accuracy_log_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.json").write_text(text)
    with pytest.raises(RunFailed, match=r"log\.json is no accuracy log"):
        read_answers(tmp_path / "log.json", 20)


def test_a_log_larger_than_any_is_not_read(tmp_path: Path) -> None:
    for name in ("mlperf_log_accuracy.json", "mlperf_log_detail.txt"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
    with pytest.raises(RunFailed, match=r"mlperf_log_accuracy\.json has 1,099,511,627,776 bytes"):
        read_predictions(tmp_path, (), ())
    with pytest.raises(RunFailed, match=r"mlperf_log_detail\.txt has 1,099,511,627,776 bytes"):
        read_detail(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        {"key": ["rate"], "value": 1, "metadata": {}},
        {"key": "rate", "value": 1, "metadata": 3},
        {"key": None, "value": 1, "metadata": {}},
    ],
)
def test_a_line_of_other_types_is_a_damaged_log(tmp_path: Path, entry: dict[str, object]) -> None:
    detail(tmp_path, line("met", True), ":::MLLOG " + json.dumps(entry) + "\n")
    with pytest.raises(RunFailed, match=r"detail\.txt:2 is cut off or damaged"):
        read_detail(tmp_path)


@pytest.mark.parametrize("value", ["12", [12], None, 10**400, True, {"a": 1}])
def test_a_figure_that_no_measurement_gives_is_refused_by_the_path_of_the_log(
    tmp_path: Path, value: object
) -> None:
    detail(
        tmp_path,
        line("rate", value),
        line("result_99.00_percentile_latency_ns", value),
    )
    found = read_detail(tmp_path)
    for figure in (
        lambda: found.figure("rate"),
        lambda: found.count("rate"),
        lambda: found.percentiles_ns(per_query=False),
    ):
        with pytest.raises(RunFailed, match=r"has no .* that can be: .*detail.txt"):
            figure()
