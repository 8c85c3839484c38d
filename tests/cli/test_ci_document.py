"""docs/ci.md: its YAML is what the CIs take, and its commands run as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from support.command_line import Call

DOCUMENT = Path(__file__).parents[2] / "docs" / "ci.md"
SMALL = {
    "R50BENCH_ENGINE": "fake",
    "R50BENCH_WEIGHTS": "random",
    "R50BENCH_STEPS": "10",
    "R50BENCH_WARMUP_STEPS": "1",
    "R50BENCH_INSTANCES": "1",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def commands(lines: str) -> list[list[str]]:
    """Returns the words of each line that calls r50bench, without what the shell does with it."""
    called = [line for line in lines.splitlines() if line.startswith("r50bench ")]
    return [shlex.split(re.split(r" > | \|\| ", line)[0])[1:] for line in called]


def github() -> Any:
    return yaml.safe_load(blocks("yaml")[0])


def gitlab() -> Any:
    return yaml.safe_load(blocks("yaml")[1])


def test_the_workflow_has_one_machine_and_says_the_result_whatever_it_is() -> None:
    workflow = github()
    assert set(workflow) == {"name", True, "concurrency", "jobs"}  # YAML 1.1 reads "on" as true
    (job,) = workflow["jobs"].values()
    assert "self-hosted" in job["runs-on"]
    assert all({"run"} <= set(step) or {"uses"} <= set(step) for step in job["steps"])
    assert "check.md" in job["steps"][-1]["run"]
    assert job["steps"][-1]["if"].startswith("always()")


def test_the_job_hands_over_junit_and_lets_noise_pass() -> None:
    job = gitlab()["performance"]
    assert job["artifacts"]["reports"]["junit"] == "r50bench-runs/check.xml"
    assert job["artifacts"]["when"] == "always"
    assert job["allow_failure"] == {"exit_codes": [4]}
    assert gitlab()["new baseline"]["resource_group"] == job["resource_group"]


def test_both_run_the_same_commands() -> None:
    of_github = [step["run"] for step in github()["jobs"]["check"]["steps"] if "run" in step]
    of_gitlab = [line for job in gitlab().values() for line in job["script"]]
    both = (commands("\n".join(of_github)), commands("\n".join(of_gitlab)))
    assert sorted(both[0]) == sorted(both[1])


@pytest.mark.timeout(600)
def test_the_commands_do_what_the_document_says(r50bench_fake: Call, tmp_path: Path) -> None:
    steps = {step["name"]: step["run"] for step in github()["jobs"]["check"]["steps"][2:]}
    for words in commands(steps["new baseline"]):
        answer = r50bench_fake(*_shortened(words), **SMALL)
        assert answer.code == 0, answer.err
    (check,) = commands(steps["check"])
    answer = r50bench_fake(*_shortened(check), **SMALL, FAKE_LATENCIES_NS="2200000")
    assert answer.code == 3, answer.err
    left = tmp_path / "r50bench-runs"
    assert ElementTree.parse(left / "check.xml").getroot()[0].get("failures") == "1"
    assert "slower" in (left / "check.md").read_text()
    for words in commands("\n".join(blocks(""))):
        if words[0] == "kpi":
            answer = r50bench_fake(*words)
            assert (answer.code, answer.out.strip() != "") == (0, True), answer.err


def _shortened(words: list[str]) -> list[str]:
    """The same with two processes in place of five, and in a precision that every host has."""
    shorter = {"--processes": "2", "--budget": "1s"}
    each = [shorter.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    return [word.replace("_int8", "_fp32") for word in each]
