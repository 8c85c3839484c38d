"""Tests mirror the tree: ``a/b/c.py`` is tested by ``tests/a/b/test_c.py``, or it says why not.

Who changes a module finds its tests by its name; who finds no such file finds here where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import r50bench

SOURCES = Path(r50bench.__file__).parent
TESTS = Path(__file__).parent

PROFILED = "profile/test_run.py: what it shows is a profile, which that file takes"
REAL_R50 = "engines/r50/test_engine.py: real kernels, one compilation for all their tests"
EMULATED = "engines/r50/test_amx_kernels.py: plans are right if kernels compute the right bits"
REAL_TORCH = "engines/torch/test_engines.py: real engines, one compilation for all their tests"
REAL_PEERS = "engines/test_peer_engines.py: needs the real package, all peers pass the same tests"
ON_A_GPU = "system/gpu.py: runs on a GPU alone, which few have and CI has not"
LOADGEN = "mlperf/run/test_loadgen_run.py: works only under LoadGen, which that file starts"
SUBMITTED = "mlperf/submission/test_submission.py: seen in the tree or the refusal it leads to"

RECORDS_PAGE = "report/records_page/test_page.py: it is a section of the page, and seen on it"

TESTED_ELSEWHERE = {
    "assets/decode.py": "assets/test_preprocess.py: the child of preprocessing, tested through it",
    "cli/comparing.py": "cli/test_compare.py, cli/test_replay.py: what these verbs share",
    "cli/dry_run.py": "cli/test_run.py: it is the text of run --dry-run",
    "cli/options.py": "cli/test_run.py, parameters/test_table.py: options show in verbs alone",
    "cli/plan_text.py": "cli/test_run.py, cli/test_mlperf.py: it is what --dry-run of both prints",
    "cli/fleet_carry_out.py": "cli/test_fleet_run.py: what sends anything, whichever verb it is",
    "cli/fleet_errands.py": "cli/test_fleet_run.py: errands by what the nodes are sent",
    "cli/fleet_options.py": "cli/test_fleet_list.py: what its verbs share",
    "cli/history_query.py": "cli/test_report.py, cli/test_sides.py: queries where folders stand",
    "cli/pages.py": "cli/test_report.py, cli/test_run.py: it writes what those verbs leave",
    "comparison/ratio_plot.py": "comparison/test_page.py: it is the picture of that page",
    "comparison/questions.py": "comparison/test_compare.py: what a comparison judges",
    "comparison/naming.py": "cli/test_sides.py: beside queries, which the command line adds",
    "engines/base.py": "engines/test_registry.py, engines/test_new_engine.py: types and protocols",
    "engines/maker.py": "engines/test_preparation.py, engines/onnx/test_models.py: runs the makers",
    "engines/onnx/calibration.py": REAL_PEERS,
    "engines/onnx/export.py": REAL_PEERS + "; engines/onnx/test_models.py: that it is done once",
    "engines/onnxruntime/cuda.py": "cli/test_gpu_cases.py: its refusal; to run it takes a GPU",
    "engines/onnxruntime/engine.py": REAL_PEERS,
    "engines/onnxruntime/evidence.py": REAL_PEERS,
    "engines/onnxruntime/load.py": REAL_PEERS,
    "engines/onnxruntime/prepare.py": "engines/onnx/test_models.py: all peers prepare alike",
    "engines/onnxruntime/quantise.py": REAL_PEERS,
    "engines/openvino/convert.py": REAL_PEERS,
    "engines/openvino/engine.py": REAL_PEERS,
    "engines/openvino/evidence.py": REAL_PEERS,
    "engines/openvino/prepare.py": "engines/onnx/test_models.py: all peers prepare alike",
    "engines/r50/amx_engine.py": EMULATED,
    "engines/r50/amx_packing.py": EMULATED,
    "engines/r50/amx_plan.py": EMULATED,
    "engines/r50/build.py": REAL_R50,
    "engines/r50/evidence.py": REAL_R50,
    "engines/r50/layers.py": "engines/r50/test_amx_weights.py; " + REAL_R50,
    "engines/r50/load.py": REAL_R50,
    "engines/r50/make_plan.py": REAL_R50,
    "engines/r50/plan.py": REAL_R50,
    "engines/r50/prepare.py": "engines/test_preparation.py: beside the other engines' keys",
    "engines/torch/aot.py": REAL_TORCH,
    "engines/torch/base.py": REAL_TORCH,
    "engines/torch/compile_model.py": REAL_TORCH,
    "engines/torch/cuda.py": ON_A_GPU + "; engines/torch/test_fused.py: its switches",
    "engines/torch/evidence.py": REAL_TORCH,
    "engines/torch/gpu_peak.py": ON_A_GPU + "; measure/test_gpu_peak.py: what it tells is read",
    "engines/torch/load.py": REAL_TORCH + "; " + ON_A_GPU,
    "engines/torch/modules.py": REAL_TORCH,
    "engines/torch/prepare.py": "engines/test_preparation.py: beside the other engines' keys",
    "engines/torch/quantise_model.py": "engines/torch/test_int8.py: what it writes and is read",
    "engines/torch/quantised.py": "engines/test_preparation.py: beside what is made from it",
    "engines/torch/shared_loader.py": REAL_TORCH,
    "cli/sent_around.py": "cli/test_fleet_run.py: other verbs, sent whole",
    "fleet/plan.py": "fleet/test_schedule.py, fleet/test_run.py: plain values",
    "fleet/transport.py": "fleet/test_ray_transport.py, fleet/test_roll_call.py: what both carry",
    "history/old_files.py": "history/test_old_workloads.py: how files are read and known again",
    "history/text.py": "cli/test_history.py: it is the verb's text",
    "measure/answers.py": "measure/test_session.py: what is done about them shows in a record",
    "measure/inputs.py": "measure/test_feed.py: the ring; measure/test_session.py: all else",
    "measure/instance.py": "measure/test_session.py: runs in a worker alone",
    "measure/loads/loadgen/qsl.py": "measure/loads/loadgen/test_batching.py: what batches are of",
    "measure/loads/loadgen/responder.py": LOADGEN,
    "measure/loads/loadgen/start.py": LOADGEN,
    "measure/loads/loadgen/system_under_test.py": LOADGEN,
    "measure/remembering.py": "cli/test_run.py: what a run leaves in the history, or why not",
    "measure/worker.py": "measure/test_pool.py: a program that pools start and talk to",
    "mlperf/plan.py": "cli/test_mlperf.py, cli/test_replay_plan.py: a verb's and a replay's plan",
    "mlperf/query/attributes.py": "cli/test_byquery.py: it is get KEY without its verb",
    "mlperf/query/facts.py": "mlperf/query/test_conditions.py: what conditions look at",
    "mlperf/query/identity.py": "mlperf/query/test_answers.py: the key by which answers are found",
    "mlperf/query/search.py": "cli/test_find.py: it is the verb find without its output",
    "mlperf/query/vocabulary.py": (
        "mlperf/query/test_terms.py, mlperf/query/test_conditions.py: tables, by what they admit"
    ),
    "mlperf/run/peak_search.py": LOADGEN,
    "mlperf/run/result.py": LOADGEN,
    "mlperf/submission/eligibility.py": SUBMITTED,
    "mlperf/submission/implementation.py": SUBMITTED + "; test_precision.py: of a new precision",
    "mlperf/submission/readmes.py": SUBMITTED + "; cli/test_submit.py: its commands are understood",
    "mlperf/submission/tree.py": SUBMITTED,
    "models/checkpoint_names.py": "models/test_checkpoint.py: names by what is read under them",
    "models/tensor_file.py": "models/test_checkpoint.py: headers by what is read, or refused",
    "models/torch_file.py": "models/test_checkpoint.py: one of the kinds of files that are read",
    "numerics.py": "test_precision.py: rows of one table, beside those of the other",
    "parameters/parameter.py": (
        "test_parameters.py, parameters/test_table.py: a row, tested by reading with it"
    ),
    "peers/text.py": "peers/test_run.py: standings are made there, text included",
    "profile/kinds.py": "profile/test_run.py: its colours are in the pictures of a profile",
    "profile/layer_bars.py": PROFILED,
    "profile/page.py": PROFILED,
    "profile/roofline_plot.py": PROFILED,
    "profile/text.py": PROFILED,
    "report/records_page/core_speeds.py": RECORDS_PAGE,
    "report/records_page/throughput_bars.py": RECORDS_PAGE,
    "results/plausible.py": "results/test_record.py: what is refused shows on reading",
    "sweep/plan.py": "cli/test_sweep.py: the points show in the verb's plan",
    "sweep/results.py": "sweep/test_text.py, cli/test_sweep.py: results by how they are shown",
    "sweep/run.py": "cli/test_sweep.py: takes processes that can be killed and resumed",
    "tune/field.py": "tune/test_search.py: the rounds that a search takes are the field's",
    "tune/run.py": "cli/test_tune.py: takes sessions, a budget and later runs that use it",
    "tune/text.py": "cli/test_tune.py: it is the verb's text",
    "tune/trials.py": "cli/test_tune.py: takes sessions; test_precision.py: expectations",
}
"""Modules without a test of their name: the test files that test them, and why there."""

WITHOUT_A_MODULE = {
    "assets/test_kept_weights.py": "assets/weights.py: what the store alone knows of a choice",
    "assets/test_store_remove.py": "assets/store.py: removing, beside test_store.py, which keeps",
    "cli/test_ci_document.py": "docs/ci.md: its YAML, and its commands as they stand there",
    "cli/test_data_as_it_is.py": "the verb run on data sets as people have them, in processes",
    "benchmarks/test_r50_against_former.py": "the arithmetic of a script in benchmarks/",
    "cli/test_former_records.py": "every verb that reads records, on those of a former version",
    "benchmarks/test_amx.py": "the arithmetic of benchmarks/amx.py, which no package holds",
    "benchmarks/test_canary.py": "the arithmetic of benchmarks/canary.py",
    "benchmarks/test_simulated_runs.py": "benchmarks/simulated_runs.py, and what uses it",
    "cli/test_gpu_cases.py": "every verb that plans or runs, on a host with GPUs",
    "cli/test_several_cases.py": "cli/run.py, where it is given more than one case",
    "engines/r50/test_amx_kernels.py": "the C++ of engines/r50/kernels/amx, on emulated tiles",
    "engines/test_new_engine.py": "that a new engine is a folder and a row, over all wings",
    "engines/test_peer_engines.py": "onnxruntime and openvino, which pass the same tests",
    "engines/torch/test_engines.py": "all engines of the folder engines/torch, compared",
    "cli/test_refusals.py": "every verb under what sandboxes and containers refuse",
    "host/test_folders.py": "host/surroundings.py: the user's folders, beside test_surroundings.py",
    "system/test_fuzz.py": "a slice of fuzz.py, which feeds what is read all over the house",
    "test_container_files.py": "containers/: that its files agree; system/images.py builds them",
    "test_mirror.py": "this file",
}
"""Test files that mirror nothing: what they test instead."""


def modules() -> Iterator[str]:
    for path in SOURCES.rglob("*.py"):
        if path.stem not in ("__init__", "__main__"):
            yield path.relative_to(SOURCES).as_posix()


def name_of_test(module: str) -> str:
    path = Path(module)
    return path.with_name(f"test_{path.stem}.py").as_posix()


def files_of_tests() -> Iterator[str]:
    return (path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


def mirrors_something(test: str) -> bool:
    """Whether a module, a package or a source of C++ has the name."""
    path = SOURCES / test
    name = path.stem.removeprefix("test_")
    return path.with_name(name).is_dir() or any(path.parent.glob(f"{name}.*"))


def listed(names: Iterable[str]) -> str:
    return "\n  ".join(sorted(names))


def test_every_module_has_a_test_of_its_name_or_a_reason() -> None:
    without = [one for one in modules() if not (TESTS / name_of_test(one)).is_file()]
    unsaid = set(without) - set(TESTED_ELSEWHERE)
    assert not unsaid, f"write a test, or say where it is tested and why:\n  {listed(unsaid)}"


def test_every_test_file_mirrors_something_or_has_a_reason() -> None:
    unsaid = {one for one in files_of_tests() if not mirrors_something(one)} - set(WITHOUT_A_MODULE)
    assert not unsaid, f"name it after what it tests, or say what that is:\n  {listed(unsaid)}"


def test_no_exception_outlives_its_cause() -> None:
    there = set(modules())
    gone = {module for module in TESTED_ELSEWHERE if module not in there}
    assert not gone, f"these modules are gone:\n  {listed(gone)}"
    mirrored = {module for module in TESTED_ELSEWHERE if (TESTS / name_of_test(module)).is_file()}
    assert not mirrored, f"these have a test of their name by now:\n  {listed(mirrored)}"
    needless = {
        test for test in WITHOUT_A_MODULE if mirrors_something(test) or not (TESTS / test).is_file()
    }
    assert not needless, f"these test files are gone, or mirror something:\n  {listed(needless)}"


def test_reasons_name_test_files_that_are_there() -> None:
    for module, reason in TESTED_ELSEWHERE.items():
        named = re.findall(r"[\w/]*\btest_\w+\.py", reason)
        assert named, f"the reason of {module} names no test file"
        absent = [test for test in named if not (TESTS / test).is_file()]
        assert not absent, f"the reason of {module} names {', '.join(absent)}: not there"
