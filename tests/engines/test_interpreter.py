"""Workers and compilers under another environment's Python."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from r50bench.engines import registry
from r50bench.engines.base import PYTHON_VARIABLE
from r50bench.engines.child import run_child
from r50bench.engines.environment import python_command, worker_python
from r50bench.engines.interpreter import interpreter_of, tag_of
from r50bench.errors import EngineError, Unsupported, UsageError
from r50bench.measure.session import run_session
from support import fake_cases


def script(folder: Path, *lines: str) -> str:
    """A program that stands for a Python."""
    path = folder / "python"
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def other(tmp_path: Path) -> str:
    """Another Python, which is this one and leaves a line in the file ``ran`` each time."""
    return script(tmp_path, f"echo $1 $5 >> {tmp_path}/ran", f'exec {sys.executable} "$@"')


def test_workers_run_under_the_python_of_their_case(other: str, tmp_path: Path) -> None:
    planned = fake_cases.planned("inference_throughput_fp32", STEPS=5, INSTANCES=2, PYTHON=other)
    outcome = run_session(planned, fake_cases.bench(tmp_path))
    assert outcome.error is None
    assert outcome.record.case.python == other
    ran = (tmp_path / "ran").read_text().splitlines()
    assert len([line for line in ran if line.startswith("-c")]) >= 2


def test_the_other_python_runs_this_very_code_though_it_does_not_have_it(tmp_path: Path) -> None:
    # -I -S: without this environment's packages, and so without an r50bench of its own.
    bare = script(tmp_path, f'exec {sys.executable} -I -S "$@"')
    log = run_child(["r50bench.mlperf_rules"], {PYTHON_VARIABLE: bare}, 30)
    assert log.failure is None, log.tail
    log = run_child(["r50bench.nowhere"], {PYTHON_VARIABLE: bare}, 30)
    assert "No module named r50bench.nowhere" in log.tail


def test_without_another_python_it_is_this_one() -> None:
    python, launcher, module = python_command("r50bench.x", {})
    assert (python, Path(launcher).name, module) == (sys.executable, "launch.py", "r50bench.x")
    assert tag_of({}) == sys.implementation.cache_tag
    assert registry.version_of("numpy", {}) == version("numpy")
    assert registry.version_of("no-such-package", {}) is None
    assert worker_python("") == {}


def test_versions_are_those_that_the_other_python_has(tmp_path: Path) -> None:
    facts = '[[3, 12, 1], "cpython-312", {"numpy": "9.9", "msgspec": "1", "torch": "2.12.0"}]'
    python = script(tmp_path, f"echo '{facts}'")
    environment = worker_python(python)
    assert registry.version_of("Torch", environment) == "2.12.0"
    assert tag_of(environment) == "cpython-312"
    torch, openvino = registry.ENGINES["torch"], registry.ENGINES["openvino"]
    with pytest.raises(EngineError, match="openvino is not installed"):
        registry.packages_of(openvino, "avx_fp32", environment)
    assert registry.packages_of(torch, "avx_fp32", environment)["torch"] == "2.12.0"


@pytest.mark.parametrize(
    ("line", "kind", "why"),
    [
        ("exit 3", UsageError, "is no Python that runs"),
        ("echo hello", UsageError, "is no Python that runs"),
        ("""echo '[[3, 8, 1], "x", {}]'""", Unsupported, "is Python 3.8.1"),
        ("""echo '[[3, 12, 1], "x", {"numpy": "2"}]'""", UsageError, "has no msgspec, which"),
    ],
)
def test_what_cannot_run_workers_is_refused_with_the_mend(
    tmp_path: Path, line: str, kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why) as raised:
        interpreter_of(script(tmp_path, line))
    assert getattr(raised.value, "hint", None)


def test_a_case_takes_an_existing_program_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be the path of a Python"):
        fake_cases.planned("inference_throughput_fp32", PYTHON=str(tmp_path / "none"))


def test_an_interpreter_that_is_asked_imports_nothing_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("json", "importlib.metadata", "email", "csv"):
        (here / f"{name}.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    monkeypatch.chdir(here)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    assert interpreter_of(script(tmp_path, f'exec {sys.executable} "$@"')).version[0] == 3
    assert not (tmp_path / "sprung").exists()
