"""A row of the table is all that a parameter needs; and no row stands there for nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import r50bench
from r50bench.case import Case, CaseName
from r50bench.parameters import PARAMETERS, Parameter
from r50bench.parameters.workflow import WORKFLOW
from r50bench.tune.space import Configuration

SOURCE = Path(r50bench.__file__).parent

FIELD = '    numa_policy: str = "bind"\n'
ROW = """    Parameter(
        name="numa_policy",
        reader=one_of("bind", "interleave"),
        help="How memory is taken from the nodes.",
        decides_speed=True,
        of_peers=True,
        block="NUMA_POLICY",
    ),
"""


def test_every_field_of_a_case_is_a_row_and_every_part_of_its_name() -> None:
    assert {row.name for row in PARAMETERS if row.in_case} == {one.name for one in fields(Case)}
    assert {row.name for row in PARAMETERS if row.in_name} == {
        one.name for one in fields(CaseName) if one.compare
    }


@pytest.mark.parametrize("row", [*PARAMETERS, *WORKFLOW], ids=lambda row: row.name)
def test_every_row_is_used(row: Parameter) -> None:
    if row.checked_only and len(row.metavar.split("|")) == 1:
        return  # its reader has said all there is to say
    used = re.compile(rf'\.{row.field}\b|"{row.field}"')
    modules = [path for path in SOURCE.rglob("*.py") if path.parent.name != "parameters"]
    assert any(used.search(path.read_text()) for path in modules)


def test_what_is_tuned_is_what_a_configuration_of_the_search_holds() -> None:
    tuned = {row.name for row in PARAMETERS if row.tuned}
    assert tuned == {field.name for field in fields(Configuration)}
    assert all(row.decides_speed for row in PARAMETERS if row.tuned)


def test_another_name_leads_to_a_parameter_that_there_is() -> None:
    names = {row.name for row in PARAMETERS}
    assert all(row.field in names for row in WORKFLOW if row.sets == "case")


def test_the_documents_name_every_parameter_once_and_say_which_have_no_bare_variable() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cases.md").read_text()
    section = text.partition("## Parameters")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(named) == sorted(row.key for row in PARAMETERS)
    exceptions = section.partition("all but ")[2].partition(" also under")[0]
    assert re.findall(r"`(\w+)`", exceptions) == sorted(
        row.key for row in PARAMETERS if not row.bare
    )


@pytest.fixture(scope="module")
def with_numa_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source with one more field of a case and one more row, and nothing else."""
    copy = tmp_path_factory.mktemp("source") / "r50bench"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, before, added in (
        ("case.py", '    allocator: str = "auto"\n', FIELD),
        ("parameters/table.py", '    Parameter(\n        name="weights",\n', ROW),
    ):
        path = copy / file
        text = path.read_text()
        assert text.count(before) == 1
        path.write_text(text.replace(before, added + before))
    return copy.parent


def python(source: Path, *arguments: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("R50BENCH_")}
    inherited = {**kept, "PYTHONPATH": str(source), "R50BENCH_DATA": str(source / "data")}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=inherited | environment,
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("verb", ["run", "sweep", "tune", "peers", "mlperf", "profile"])
def test_a_row_and_a_field_give_every_verb_the_option(with_numa_policy: Path, verb: str) -> None:
    text = python(with_numa_policy, "-m", "r50bench", verb, "--help")
    assert re.search(r"--numa-policy bind\|interleave\s+How memory is taken", text)


@pytest.mark.parametrize(
    ("arguments", "environment", "source"),
    [
        (["--numa-policy", "interleave"], {}, "option"),
        (["--set", "numa_policy=interleave"], {}, "--set"),
        ([], {"R50BENCH_NUMA_POLICY": "interleave"}, "environment"),
    ],
)
@pytest.mark.parametrize("verb", [["run", "inference_latency_fp32"], ["mlperf"]], ids=" ".join)
def test_it_is_asked_for_in_every_way_and_the_plan_says_by_which(
    with_numa_policy: Path,
    verb: list[str],
    arguments: list[str],
    environment: dict[str, str],
    source: str,
) -> None:
    command = ["-m", "r50bench", *verb, "-N", "--json", *arguments]
    plan = json.loads(python(with_numa_policy, *command, **environment))
    plan = plan[0] if isinstance(plan, list) else plan
    assert plan["case"]["numa_policy"] == "interleave"
    assert plan["request"]["numa_policy"] == {"value": "interleave", "source": source}


def test_it_counts_for_what_was_tuned_for_queries_and_in_blocks(with_numa_policy: Path) -> None:
    script = """
import sys
sys.path.append(sys.argv[1])
from r50bench.planning.tuned_defaults import asked_for_speed
from r50bench.mlperf.query.terms import parse_terms
from r50bench.parameters import Setting
from r50bench.report.kpi_block import block_text, kpi_block
from support.records import case_of, record_of, samples_of_latencies

assert asked_for_speed({"numa_policy": Setting("bind", "option")}) == {"numa_policy": "bind"}
assert str(parse_terms(["numa_policy=interleave"])[0]) == "numa_policy=interleave"
record = record_of(case=case_of(numa_policy="interleave"))
print(block_text(kpi_block(record, samples_of_latencies([[10] * 100] * 2))))
"""
    tests = Path(__file__).parents[1]
    block = python(with_numa_policy, "-c", script, str(tests))
    assert "## NUMA_POLICY: interleave" in block.splitlines()
