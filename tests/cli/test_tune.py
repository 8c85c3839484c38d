"""``r50bench tune`` with the fake engine, and what later runs make of its result."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Call

# The fake engine takes as long for any batch: the largest on the most instances is best.
FAKE = ("--engine", "fake", "--weights", "random")
CHOICE = ("--set", "BATCH_SIZE=2 4")
CASE = "inference_throughput_fp32"


def plan(r50bench_fake: Call, *args: str) -> dict[str, Any]:
    answer = r50bench_fake("run", "-N", "--json", CASE, *args)
    assert answer.code == 0, answer.err
    (found,) = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def test_what_is_tuned_is_what_later_runs_run_and_they_say_so(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    tuned = r50bench_fake("tune", CASE, *FAKE, *CHOICE, "--set", "CORES_PER_INSTANCE=1", "--json")
    assert tuned.code == 0, tuned.err
    (result,) = json.loads(tuned.out)
    assert result["case"]["batch_size"] == 4
    assert result["confidence"] > 0.95
    assert result["start"]["batch_size"] == 4
    assert result["over_start"][0] == pytest.approx(1.0)
    assert {one["batch_size"] for one in result["tried"]} == {2, 4}
    assert list(Path(tmp_path / result["folder"]).glob("*/record.json"))

    fixed = (*FAKE, "--cores-per-instance", "1")
    later = plan(r50bench_fake, *fixed)
    assert later["case"]["batch_size"] == 4
    source = later["request"]["batch_size"]
    assert source["value"] == 4
    assert source["source"].startswith("tuned 20")
    assert source["source"].endswith(" for throughput")
    assert plan(r50bench_fake, *fixed, "--no-tuned")["case"]["batch_size"] == 8

    run = r50bench_fake("run", CASE, *fixed, "--steps", "20")
    assert run.code == 0, run.err
    assert "BATCH_SIZE=4" in run.err
    assert "--no-tuned takes the defaults" in run.err
    assert "# BATCH_SIZE=4 " in run.out
    assert "(tuned 20" in r50bench_fake("kpi").out


def test_a_profile_is_of_what_was_tuned(r50bench_fake: Call) -> None:
    fixed = (CASE, *FAKE, "--customer-env", "FAKE_PEAK=30000,1000")
    assert r50bench_fake("tune", *fixed, *CHOICE).code == 0
    profile = ("profile", *fixed, "--rounds", "3")
    tuned, plain = r50bench_fake(*profile), r50bench_fake(*profile, "--no-tuned")
    assert (tuned.code, plain.code) == (0, 0), tuned.err + plain.err
    assert "BATCH_SIZE=4" in tuned.err
    assert "batch 4" in tuned.out
    assert "batch 8" in plain.out


def texts(plan: dict[str, Any]) -> list[str]:
    """What a plan is told of what was tuned."""
    assert {notice["code"] for notice in plan["notices"]} <= {"tuned-unused"}
    return [notice["text"] for notice in plan["notices"]]


def test_a_tuned_configuration_is_used_whole_or_not_at_all(r50bench_fake: Call) -> None:
    assert r50bench_fake("tune", CASE, *FAKE, *CHOICE).code == 0
    other = plan(r50bench_fake, *FAKE, "--batch-size", "2")
    assert other["case"]["batch_size"] == 2
    assert other["request"]["cores_per_instance"]["source"] == "default throughput"
    assert texts(other) == ["what was tuned is not used: BATCH_SIZE=2 was asked for, and it has 4"]
    other = plan(r50bench_fake, *FAKE, "--customer-env", "A=1")
    assert texts(other) == [
        "what was tuned is not used: CUSTOMER_ENV=A=1 was asked for, and it has none"
    ]
    same = plan(r50bench_fake, *FAKE, "--batch-size", "4")
    assert same["request"]["batch_size"] == {"value": 4, "source": "option"}
    assert same["request"]["cores_per_instance"]["source"].startswith("tuned ")
    # Another engine's and another case's are none of ours.
    assert texts(plan(r50bench_fake, "--weights", "random")) == []
    latency = r50bench_fake("run", "-N", "inference_latency_fp32", *FAKE)
    assert "tuned" not in latency.out


def test_what_was_tuned_with_other_weights_or_versions_is_not_used(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    assert r50bench_fake("tune", CASE, *FAKE, *CHOICE).code == 0
    seeded = plan(r50bench_fake, *FAKE, "--seed", "7")
    assert texts(seeded) == ["what was tuned is not used: it was found with other weights"]
    (file,) = (tmp_path / "data" / "tuned").glob("*.json")
    kept = json.loads(file.read_text())
    kept["versions"]["r50bench"] = "0.0.1"
    file.write_text(json.dumps(kept))
    (note,) = texts(plan(r50bench_fake, *FAKE))
    assert "with r50bench 0.0.1" in note
    assert "tune again" in note
    kept["host"]["fingerprint"] = "elsewhere"
    file.write_text(json.dumps(kept))
    assert texts(plan(r50bench_fake, *FAKE)) == []
    file.write_text("{")
    (note,) = texts(plan(r50bench_fake, *FAKE))
    assert f"{file} is damaged" in note


def test_the_report_names_the_winner_how_sure_it_is_and_the_run_that_uses_it(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    answer = r50bench_fake("tune", CASE, *FAKE, *CHOICE, "--budget", "1m")
    assert answer.code == 0, answer.err
    first = answer.out.splitlines()[0]
    assert first.startswith("inference_throughput_")
    assert "best throughput: batch 4" in first
    assert "within 2 % of the best of" in answer.out
    assert "% sure" in answer.out
    assert "winner" in answer.out
    assert "of 60 s" in answer.out
    last = answer.out.splitlines()[-1]
    assert last.endswith(" --set ENGINE=fake")
    (page,) = tmp_path.glob("r50bench-tunes/*/report.html")
    trials = [trial.parent.name for trial in page.parent.glob("*/record.json")]
    assert len(trials) > 1
    text = page.read_text()
    assert all(trial in text for trial in trials)
    assert "best throughput: batch 4" in text
    assert ">winner</td>" in text


def test_what_is_tuned_is_printed_where_the_next_case_is_interrupted(
    r50bench_ended: Call, tmp_path: Path
) -> None:
    cases = (CASE, f"{CASE}_pkm", *FAKE, *CHOICE, "--json", "--budget", "1h")
    answer = r50bench_ended(
        "tune", *cases, begun=lambda: len(list(tmp_path.glob("r50bench-tunes/*"))) == 2
    )
    assert answer.code == 130, answer.err
    (result,) = json.loads(answer.out)
    assert Path(result["kept"]).is_file()


def test_what_cannot_be_kept_is_shown_all_the_same(r50bench_fake: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    args = ("tune", CASE, *FAKE, "--set", "BATCH_SIZE=4", "--set", "CORES_PER_INSTANCE=1")
    answer = r50bench_fake(*args, "--quiet", R50BENCH_DATA="file")
    assert answer.code == 2
    assert "cannot keep what was tuned" in answer.err
    assert "best throughput: batch 4" in answer.out
    assert "from now on" not in answer.out


def test_a_budget_that_is_advised_is_one_that_can_be_given(r50bench_fake: Call) -> None:
    choice = ("--set", "BATCH_SIZE=4", "--set", "CORES_PER_INSTANCE=1 2")
    answer = r50bench_fake("tune", CASE, *FAKE, *choice, "--budget", "0.1s")
    assert answer.code == 0, answer.err
    (advised,) = re.findall("about --budget ([0-9]+)s", answer.out)
    assert int(advised) > 0


def test_undisturbed_batches_rank_in_the_end_where_every_trial_has_enough(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    tune = ("tune", CASE, *FAKE, *CHOICE, "--set", "CORES_PER_INSTANCE=1", "--undisturbed")
    answer = r50bench_fake(*tune, FAKE_CANARY_NS="1700", FAKE_LATENCIES_NS="9000000,18000000")
    assert answer.code == 0, answer.err
    assert "  ranked by undisturbed batches alone: " in answer.out
    assert "cores at full speed in 100 % of all" in answer.out
    head = next(line for line in answer.out.splitlines() if "rounds" in line)
    assert "undisturbed" in head
    (page,) = tmp_path.glob("r50bench-tunes/*/report.html")
    assert "ranked by undisturbed batches alone" in page.read_text()

    lacking = r50bench_fake(*tune, "--json")
    assert lacking.code == 0, lacking.err
    (result,) = json.loads(lacking.out)
    assert result["judged"] == "experienced"
    assert "too few undisturbed batches" in result["why_not_undisturbed"]
    assert {one["undisturbed"] for one in result["tried"]} == {None}


def test_list_shows_what_was_tuned(r50bench_fake: Call, tmp_path: Path) -> None:
    assert r50bench_fake("tune", CASE, *FAKE, *CHOICE).code == 0
    # As if it had been tuned with the engine that the designed cases have.
    (file,) = (tmp_path / "data" / "tuned").glob("*.json")
    kept = json.loads(file.read_text())
    kept["asked"] = {}
    kept["case"]["engine"] = "torch"
    file.write_text(json.dumps(kept))
    name = file.name.rpartition("-")[0]
    assert f"{name}: BATCH_SIZE=4 " in r50bench_fake("list", name).out
    (listed,) = json.loads(r50bench_fake("list", "--json", name).out)["cases"]
    assert listed["request"]["batch_size"]["source"].startswith("tuned 20")
    assert "tuned" not in r50bench_fake("list", "--platform", "TURIN", name).out


def test_a_latency_case_keeps_its_batch_size(r50bench_fake: Call) -> None:
    answer = r50bench_fake("tune", "inference_latency_fp32", *FAKE, "--json")
    assert answer.code == 0, answer.err
    (result,) = json.loads(answer.out)
    assert result["objective"] == "latency"
    assert {one["batch_size"] for one in result["tried"]} == {1}


def test_a_bound_that_nothing_keeps_exits_3_and_keeps_nothing(
    r50bench_fake: Call, tmp_path: Path
) -> None:
    answer = r50bench_fake("tune", CASE, *FAKE, *CHOICE, "--objective", "throughput@latency<=1ms")
    assert answer.code == 3
    assert "no configuration keeps throughput@latency<=1ms" in answer.err
    assert not (tmp_path / "data" / "tuned").exists()


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["inference_accuracy_fp32"], 2, "accuracy cannot be tuned"),
        (["inference_throughput_fp32_gated"], 2, "gated fixes what would be tuned"),
        ([CASE, "--objective", "speed"], 2, "unknown objective 'speed'"),
        (
            ["inference_latency_fp32", "--objective", "throughput@latency<=9ms"],
            2,
            "an objective for throughput cases",
        ),
        ([CASE, "--budget", "soon"], 2, "--budget 'soon' is no time"),
        ([CASE, "--budget", "0s"], 2, "is no time"),
        (["inference_*_fp32", "--objective", "throughput"], 2, "accuracy cannot be tuned"),
        ([CASE, "--batch-size", "4", "--set", "BATCH_SIZE=4 8"], 2, "one value by --batch-size"),
        ([CASE, "--set", "SEED=1 2"], 2, "SEED takes one value: it is not tuned"),
        ([CASE, "--set", "STEPS=5"], 2, "STEPS has no place here"),
        ([CASE, "--set", "BATCH_SIZE=4 0"], 2, "BATCH_SIZE=0"),
        ([CASE, "--cores-per-instance", "3"], 2, "does not fit"),
        (["inference_throughput_amx_int8"], 6, "amx"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything_runs(
    r50bench_here: Call, args: list[str], code: int, said: str
) -> None:
    answer = r50bench_here("tune", *args, "--quiet")
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
