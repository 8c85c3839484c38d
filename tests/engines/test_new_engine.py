"""An engine that is only a folder with a descriptor is listed, planned, prepared and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import r50bench
from r50bench.host.isa import native_precisions
from r50bench.host.topology import read_host

# Imported by every Python that finds it first: the command's and its workers'.
REGISTER = """
from r50bench.case import FORMER_ENGINES
from r50bench.engines.registry import DESCRIPTORS
DESCRIPTORS["made-up"] = "made_up:DESCRIPTOR"
FORMER_ENGINES["made"] = "made-up"
"""
DESCRIPTOR = """
from r50bench.engines.base import EngineDescriptor

DESCRIPTOR = EngineDescriptor(
    name="made-up",
    framework="Made Up",
    query_word="madeup",
    load="made_up.engine:Engine",
    evidence="made_up.engine:rule",
    prepare="made_up.prepare:prepare",
    numerics={"cpu": frozenset({"fp32"})},
    lacking=lambda host, precision: "" if precision == "avx_fp32" else "it is for avx_fp32 alone",
)
"""
ENGINE = """
from pathlib import Path
from r50bench.engines.evidence.judge import Rule
from r50bench.engines.fake.engine import FakeEngine


class Engine(FakeEngine):
    def __init__(self, spec):
        super().__init__(spec)
        self.name = spec.engine
        self.version = "made up " + (Path(spec.artifact) / "version").read_text()


def rule(precision):
    return Rule(frozenset({"f32"}), "avx512_core")
"""
PREPARE = """
from dataclasses import replace


def prepare(spec, preparation):
    store = preparation.store
    made = store.find("models", "made-up") is None
    folder = store.produce(
        "models", "made-up", lambda at: (at / "version").write_text("7"), {"source": "a test"}
    )
    return replace(spec, artifact=str(folder)), made
"""


@pytest.fixture
def command(tmp_path):
    """Runs r50bench where the engine was added, and nothing else."""
    package = tmp_path / "added" / "made_up"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(DESCRIPTOR)
    (package / "engine.py").write_text(ENGINE)
    (package / "prepare.py").write_text(PREPARE)
    (package.parent / "sitecustomize.py").write_text(REGISTER)
    source = Path(r50bench.__file__).parents[1]
    environment = os.environ | {
        "PYTHONPATH": f"{package.parent}:{source}",
        "R50BENCH_CACHE": str(tmp_path / "cache"),
        "R50BENCH_DATA": str(tmp_path / "data"),
        "COLUMNS": "200",
    }

    def call(*words):
        return subprocess.run(
            [sys.executable, "-m", "r50bench", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env=environment,
        )

    return call


CASE = ("--weights=random", "--steps=3", "--instances=1", "--cores-per-instance=1")


def test_a_new_engine_is_run_and_its_record_says_whose_code_computed(command, tmp_path):
    done = command("run", "inference_latency_avx_fp32", "--engine=made", *CASE)
    assert done.returncode == 0, done.stderr
    assert "engine made is called made-up now" in done.stderr + done.stdout
    (file,) = (tmp_path / "r50bench-runs").glob("*/record.json")
    record = json.loads(file.read_text())
    assert record["case"]["engine"] == record["engine"]["name"] == "made-up"
    assert record["engine"]["version"] == "made up 7"
    assert record["engine"]["compiled_in_this_run"]
    assert "## FRAMEWORK: Made Up" in command("kpi", str(file.parent)).stdout
    assert str(file.parent) in command("find", "framework=madeup").stdout


@pytest.mark.skipif(
    "avx_int8" not in native_precisions(read_host()), reason="this CPU itself refuses int8"
)
def test_a_new_engine_is_refused_by_what_its_row_says(command):
    refused = command("run", "inference_latency_avx_int8", "--engine=made-up", *CASE)
    assert refused.returncode == 6
    assert "engine made-up has no int8 convolutions" in refused.stderr


def test_a_new_engine_is_listed_and_compared(command):
    assert "made-up" in command("run", "--help").stdout
    words = ("--precision=avx_fp32", "--repeat=3", "--data-type=dummy", *CASE)
    beside = command("peers", "--engines=fake,made-up", *words)
    assert beside.returncode == 0, beside.stderr
    assert "made up 7" in beside.stdout
