"""Sessions with the fake engine, one at a time and several in turns: each ends in a record of its
own, which says what ran, or why it is invalid.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from r50bench.assets.store import Store
from r50bench.errors import EngineError, RunFailed, UsageError, WorkerFailed
from r50bench.measure import bench as the_bench
from r50bench.measure import session
from r50bench.measure.bench import AssetResolver
from r50bench.measure.session import Outcome, open_session, run_cases, run_session
from r50bench.notices import Silent, disturbance, unsteady_peak
from r50bench.planning.planned import Planned
from r50bench.results.kpi import kpis
from r50bench.results.record import Canary, Limit, read_record
from r50bench.results.samples import read_samples
from r50bench.results.timeline import throughput, windows
from support.checkpoints import flat_npz
from support.fake_cases import CPU, bench, planned
from support.hogs import hog


@pytest.fixture
def run(tmp_path):
    """Runs a case below tmp_path and returns its outcome."""

    def run(case: Planned) -> Outcome:
        return run_session(case, bench(tmp_path))

    return run


def figures(outcome: Outcome) -> dict[str, float]:
    record = read_record(outcome.folder)
    samples = read_samples(outcome.folder / "samples.csv", record.samples_sha256)
    return {kpi.name: kpi.value for kpi in kpis(record, samples)}


# Instance 0 takes 1 ms for a batch, instance 1 takes 2.
TWO_PACES = {
    "INSTANCES": 2,
    "BATCH_SIZE": 2,
    "STEPS": 4,
    "WARMUP_STEPS": 1,
    "FAKE_LATENCIES_NS": "1000000;2000000",
}


def test_throughput_is_summed_over_instances_to_the_exact_digit(run):
    case = planned("inference_throughput_fp32", **TWO_PACES)
    found = figures(run(case))
    # Instance 0 ends its 4 batches at 4 ms, when instance 1 has ended 2: 12 images in 4 ms.
    assert found["Average Throughput"] == pytest.approx(3000, rel=1e-12)
    assert found["Min Latency"] == 1
    assert found["Max Latency"] == 2
    assert found["Average Latency"] == pytest.approx(1.5)
    assert found["Samples"] == 8


def test_throughput_carries_its_share_of_the_peak_to_the_exact_digit(run):
    case = planned("inference_throughput_fp32", **TWO_PACES, FAKE_PEAK="40000,23")
    outcome = run(case)
    found = figures(outcome)
    # v1.5 does 7,896,503,808 operations a picture without those on the padding.
    assert found["Executed per Image"] == 7.896503808
    assert found["Efficiency"] == pytest.approx(100 * 3000 * 7.896503808 / 40_000, rel=1e-12)
    assert found["FLOPs"] == pytest.approx(3000 * 8.178368512, rel=1e-12)
    limit = read_record(outcome.folder).limit
    assert (limit.gop_per_s, limit.read_gb_per_s, limit.cpus) == (40_000, 23, (CPU, CPU))


def test_that_the_peak_may_be_too_low_stands_in_the_record_and_in_the_block(run, monkeypatch):
    unsteady = Limit("fake", 40_000, 23, 23, (CPU,), "", steady=False)
    monkeypatch.setattr(the_bench, "scripted_limit", lambda case, cpus: unsteady)
    outcome = run(planned("inference_throughput_fp32", **TWO_PACES))
    record = read_record(outcome.folder)
    assert record.limit == unsteady
    assert unsteady_peak() in record.notices
    assert f"# ! {unsteady_peak()}\n" in (outcome.folder / "kpi.txt").read_text()


# Every other batch is slow: so are the looks after it and, being the next one's first, before that.
TWO_STATES = {
    "INSTANCES": 1,
    "BATCH_SIZE": 8,
    "STEPS": 40,
    "WARMUP_STEPS": 1,
    # First batch and warm-up, then the round: 20 batches at full speed, 20 on a shared core.
    "FAKE_LATENCIES_NS": ",".join(["10000000"] * 22 + ["25000000"] * 20),
    "FAKE_CANARY_NS": ",".join(["1700"] * 21 + ["3000"] * 20),
}


def test_undisturbed_batches_give_a_figure_of_their_own_to_the_exact_digit(run):
    outcome = run(planned("inference_throughput_fp32", **TWO_STATES))
    found = figures(outcome)
    assert found["Average Throughput"] == pytest.approx(320 / 0.7, rel=1e-12)
    assert found["Undisturbed Throughput"] == pytest.approx(800, rel=1e-12)
    assert found["Undisturbed Latency"] == 10
    assert found["Full Speed"] == 50
    assert found["Undisturbed Batches"] == 20
    assert found["Batches that Waited"] == 0
    assert outcome.samples.canary_ns.tolist() == [1700] * 20 + [3000] * 20
    record = read_record(outcome.folder)
    assert record.canary == Canary(((CPU,),), ())
    assert [
        notice.code for notice in record.notices if notice.code in ("slow-cores", "uneven")
    ] == ["slow-cores"]
    said = (outcome.folder / "kpi.txt").read_text()
    assert (
        "# the cores were at full speed in 50 % of the batches; 20 of 40 passed undisturbed from"
        " end to end: undisturbed 800.0 ± 0, as experienced "
    ) in said


def test_batches_that_waited_for_a_cpu_are_not_undisturbed(run):
    waited = ",".join(["0"] * 31 + ["5000000"] * 10)
    outcome = run(
        planned(
            "inference_latency_fp32",
            **TWO_STATES
            | {"FAKE_LATENCIES_NS": "10000000", "FAKE_CANARY_NS": "1700", "FAKE_WAITED_NS": waited},
        )
    )
    found = figures(outcome)
    assert (found["Full Speed"], found["Undisturbed Batches"]) == (100, 30)
    assert found["Batches that Waited"] == 10
    said = (outcome.folder / "kpi.txt").read_text()
    assert "100 % of the batches, a thread waited for its CPU in 10; 30 of 40 passed" in said


def test_instances_have_looks_of_their_own(run):
    case = planned("inference_throughput_fp32", **TWO_PACES, FAKE_CANARY_NS="1700;1800,2900")
    samples = run(case).samples
    assert samples.canary_ns.tolist() == [1700] * 4 + [2900] * 4


def test_without_a_canary_the_record_says_nothing_of_it(run):
    outcome = run(planned("inference_throughput_fp32", **TWO_PACES))
    assert read_record(outcome.folder).canary is None
    assert "Undisturbed Batches" not in figures(outcome)
    assert "full speed" not in (outcome.folder / "kpi.txt").read_text()
    assert "canary" not in (outcome.folder / "samples.csv").read_text()


def test_other_work_on_the_cpus_while_they_are_measured_is_recorded_and_said(run):
    with hog(CPU):
        outcome = run(planned("inference_latency_int8", STEPS=200_000, INSTANCES=1))
    record = read_record(outcome.folder)
    assert record.lost_cpu_share > 0.1
    notice = disturbance(record.lost_cpu_share)
    assert f"{100 * record.lost_cpu_share:.1f} % of the measured time" in notice.text
    assert notice in record.notices


def test_a_record_says_what_ran_and_where(run):
    case = planned("inference_latency_int8", STEPS=3, INSTANCES=2)
    record = read_record(run(case).folder)
    assert record.status == "valid"
    assert record.case == case.case
    assert record.placement == case.placement
    assert record.evidence.proved
    assert record.model.weights == "random"
    assert [worker.cpus for worker in record.workers] == [((CPU,),)] * 2
    assert all(worker.pss_bytes > 0 for worker in record.workers)
    assert record.workers[0].environment["OMP_NUM_THREADS"] == "1"
    assert (run(case).folder / record.workers[0].log).exists()


def test_every_round_is_in_the_samples(run):
    outcome = run(planned("inference_latency_fp32", STEPS=3, REPEAT=2, INSTANCES=1))
    assert outcome.samples.rounds.tolist() == [0, 1]
    assert len(outcome.samples) == 6


def test_instances_that_never_ran_together_make_the_record_invalid(run):
    outcome = run(planned("inference_throughput_fp32", STEPS=2, FAKE_START_NS="0,900000000000"))
    assert isinstance(outcome.error, WorkerFailed)
    assert "at the same time" in read_record(outcome.folder).reason


def test_kernels_of_another_precision_make_the_record_invalid(run):
    outcome = run(planned("inference_throughput_bf16", FAKE_KERNELS="'jit_bf16:avx512_core bf16'"))
    assert isinstance(outcome.error, EngineError)
    record = read_record(outcome.folder)
    assert record.status == "invalid"
    assert "avx_bfloat16 is not what ran" in record.reason
    assert not record.evidence.proved
    assert record.samples_sha256 is None


def test_a_killed_worker_makes_the_record_invalid_and_keeps_the_logs(run):
    outcome = run(planned("inference_throughput_fp32", INSTANCES=2, FAKE_FAULT="kill@30#1"))
    assert isinstance(outcome.error, WorkerFailed)
    record = read_record(outcome.folder)
    assert record.status == "invalid"
    assert "was killed by SIGKILL" in record.reason
    assert {"worker-0.log", "worker-1.log"} <= {path.name for path in outcome.folder.iterdir()}


def test_an_instance_that_was_slow_at_its_first_batch_may_be_as_slow_at_the_others(run):
    slow = {"FAKE_REALTIME": 1, "FAKE_LATENCIES_NS": "700000000,1800000000,1800000000"}
    case = planned("inference_latency_fp32", TIMEOUT=1, STEPS=1, WARMUP_STEPS=1, **slow)
    assert run(case).error is None


def test_nothing_is_left_of_a_run_that_was_interrupted(tmp_path):
    class Interrupting(Silent):
        def phase(self, title, total=None):
            if "measuring" in title:
                raise KeyboardInterrupt

    case = planned("inference_throughput_fp32")
    with pytest.raises(KeyboardInterrupt):
        run_session(case, bench(tmp_path, Interrupting()))
    assert not (tmp_path / "runs").exists()


def test_verbose_keeps_the_kernel_log_beside_the_record(run):
    outcome = run(planned("inference_latency_fp32", STEPS=2, VERBOSE=1))
    assert "onednn_verbose" in (outcome.folder / "onednn-verbose-0.log").read_text()


@pytest.fixture
def three_pictures(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 255, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.JPEG")
    (folder / "val_map.txt").write_text("0.JPEG 7\n1.JPEG 5\n2.JPEG 900\n")
    return folder


@pytest.mark.parametrize("instances", [1, 2])
def test_accuracy_scores_every_picture_once_whatever_the_instances(
    run, three_pictures, tmp_path, instances
):
    weights = tmp_path / "weights.npz"
    flat_npz(weights)
    outcome = run(
        planned(
            "inference_accuracy_fp32",
            DATASET=three_pictures,
            WEIGHTS=weights,
            BATCH_SIZE=2,
            INSTANCES=instances,
            FAKE_ANSWERS="7" if instances == 1 else "7,4",
        )
    )
    counts = read_record(outcome.folder).accuracy
    assert counts.total == 3
    assert counts.good == 1
    lines = (outcome.folder / "predictions.csv").read_text().splitlines()
    assert len(lines) == 4


def test_accuracy_of_random_weights_is_refused_before_anything_runs(run, tmp_path):
    with pytest.raises(UsageError, match="random"):
        run(planned("inference_accuracy_fp32"))
    assert not (tmp_path / "runs").exists()


def test_accuracy_of_random_weights_is_refused_whatever_ran_before(tmp_path):
    assets = AssetResolver(Store(tmp_path / "cache"), Silent())
    assets.weights(planned("inference_latency_fp32").case)
    with pytest.raises(UsageError, match="random"):
        assets.weights(planned("inference_accuracy_fp32").case)


@pytest.fixture
def opened(tmp_path):
    """Opens a case below tmp_path."""
    shared = bench(tmp_path)

    def opened(case):
        return open_session(case, shared)

    return opened


def case_of(latency_ns: int, **settings):
    settings = {"INSTANCES": 2, "STEPS": 2, "WARMUP_STEPS": 1, "BATCH_SIZE": 1, **settings}
    return planned("inference_throughput_fp32", FAKE_LATENCIES_NS=latency_ns, **settings)


def test_sessions_take_turns_and_each_leaves_its_own_record(opened):
    with contextlib.ExitStack() as stack:
        fast, slow = (stack.enter_context(opened(case_of(ns))) for ns in (1_000_000, 4_000_000))
        rounds = [[one.measure_round() for one in (fast, slow)] for _ in range(3)]
    for samples in zip(*rounds, strict=True):
        assert {sample.rounds.tolist() == [0] for sample in samples} == {True}
    assert throughput(rounds[0][0], windows(rounds[0][0])).value == pytest.approx(2000)
    values = [kpis(one.outcome.record, one.outcome.samples)[0].value for one in (fast, slow)]
    assert values == pytest.approx([2000, 500])


def test_the_record_counts_the_rounds_that_were_measured(opened):
    with opened(case_of(1_000_000, REPEAT=5)) as session:
        for _ in range(3):
            session.measure_round()
    record = read_record(session.outcome.folder)
    assert record.case.repeat == 3
    assert record.request["repeat"].value == 3
    assert session.outcome.samples.rounds.tolist() == [0, 1, 2]


def test_open_sessions_of_one_process_do_not_take_each_other_for_another_run(opened):
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(opened(case_of(1_000_000))) for _ in range(2)]
        for one in sessions:
            one.measure_round()
    for one in sessions:
        assert not any(one.code == "shared-cores" for one in one.outcome.record.notices)


def test_one_session_that_fails_leaves_the_others_alone(opened):
    with contextlib.ExitStack() as stack:
        dying = stack.enter_context(opened(case_of(1_000_000, FAKE_FAULT="kill@5#1")))
        living = stack.enter_context(opened(case_of(1_000_000)))
        measured = [(dying.measure_round(), living.measure_round()) for _ in range(3)]
    assert [samples is not None for samples, _ in measured] == [True, False, False]
    assert all(samples is not None for _, samples in measured)
    assert isinstance(dying.outcome.error, WorkerFailed)
    assert read_record(dying.outcome.folder).status == "invalid"
    assert read_record(living.outcome.folder).status == "valid"


def test_a_session_that_never_became_warm_measures_nothing_and_says_why(opened):
    with opened(case_of(1_000_000, FAKE_KERNELS="'ref:any f32'")) as session:
        assert isinstance(session.error, EngineError)
        assert session.measure_round() is None
    assert "is not what ran" in read_record(session.outcome.folder).reason


def test_a_session_without_a_round_has_no_valid_record(opened):
    with opened(case_of(1_000_000)) as session:
        pass
    assert isinstance(session.outcome.error, RunFailed)


def interrupt_two(opened):
    with opened(case_of(1_000_000)) as one, opened(case_of(1_000_000)):
        one.measure_round()
        raise KeyboardInterrupt


def test_leaving_by_an_interrupt_leaves_no_record_of_any(opened, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupt_two(opened)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("short", "answered logits of shape (3, 1000) where (4, 1000) were due"),
        ("nan", "answered 1 of 4 pictures with logits that are not finite"),
        ("short@9#1", "instance 1 answered logits of shape (3, 1000)"),
        ("nan@9", "answered 1 of 4 pictures with logits that are not finite"),
        ("other@9", "to the same picture before (1 of 4 pictures)"),
    ],
)
@pytest.mark.parametrize("mode", ["throughput", "latency"])
def test_answers_that_are_wrong_at_first_or_become_so_leave_no_figure(run, mode, fault, said):
    # The first batch, 2 of warm-up and rounds of 4: the 9th inference is in the second round.
    outcome = run(
        planned(
            f"inference_{mode}_fp32",
            INSTANCES=2,
            BATCH_SIZE=4,
            STEPS=4,
            REPEAT=2,
            WARMUP_STEPS=2,
            FAKE_FAULT=fault,
        )
    )
    record = read_record(outcome.folder)
    assert record.status == "invalid"
    assert said in record.reason
    assert outcome.error.exit_code == 5


def test_looking_at_the_answers_runs_nothing_that_the_figures_would_show(run):
    # Every inference of the fake engine takes a latency of its script: the first batch 1 ms, the
    # warm-up 2 and 3, and so the rounds the ones from 4 to 9 ms, whatever is looked at.
    script = ",".join(str(1_000_000 * step) for step in range(1, 10))
    case = planned(
        "inference_latency_fp32",
        INSTANCES=1,
        STEPS=3,
        REPEAT=2,
        WARMUP_STEPS=2,
        FAKE_LATENCIES_NS=script,
    )
    outcome = run(case)
    assert outcome.samples is not None
    assert outcome.samples.latency_ns.tolist() == [1_000_000 * step for step in range(4, 10)]
    assert outcome.error is None


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EDQUOT, errno.EROFS])
def test_a_refusal_of_the_system_ends_its_case_and_leaves_the_others(tmp_path, monkeypatch, number):
    refused = planned("inference_latency_fp32", STEPS=2, INSTANCES=1)
    good = planned("inference_throughput_fp32", STEPS=2, INSTANCES=1)
    asked = session.gather

    def gather(case, *others):
        if case == refused.case:
            raise OSError(number, os.strerror(number), "/cache/file")
        return asked(case, *others)

    monkeypatch.setattr(session, "gather", gather)
    first, second = run_cases([refused, good], bench(tmp_path))
    assert first.error.exit_code == 5
    assert second.error is None
