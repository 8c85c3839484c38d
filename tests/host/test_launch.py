"""Modules of ours import nothing from the folder that the user happens to be in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import r50bench
from r50bench.engines.child import run_child
from r50bench.engines.environment import python_command
from r50bench.host.topology import read_host

TRAPS = (
    "signal",
    "functools",
    "runpy",
    "ctypes",
    "subprocess",
    "json",
    "numpy",
    "msgspec",
    "profile",
)


@pytest.fixture
def trapped_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the current folder one in which each of many modules would leave a file."""
    folder = tmp_path / "here"
    folder.mkdir()
    for name in TRAPS:
        text = f"open({str(tmp_path / 'sprung')!r}, 'a').write({name!r})\n"
        (folder / f"{name}.py").write_text(text)
    monkeypatch.chdir(folder)
    return folder


def sprung(folder: Path) -> str:
    path = folder.parent / "sprung"
    return path.read_text() if path.exists() else ""


def test_a_child_imports_nothing_from_the_current_folder(trapped_folder: Path) -> None:
    log = run_child(["r50bench.host.doctor"], os.environ, 60)
    assert log.failure is None, log.tail
    assert sprung(trapped_folder) == ""


def test_the_usual_way_would(trapped_folder: Path) -> None:
    # Without this, the tests above would pass in a folder that traps nothing.
    subprocess.run([sys.executable, "-m", "r50bench.host.doctor"], check=False)
    assert sprung(trapped_folder) != ""


def test_a_whole_run_imports_nothing_from_the_current_folder(
    trapped_folder: Path, tmp_path: Path
) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(Path(r50bench.__file__).parents[1]),
        "R50BENCH_CACHE": str(tmp_path / "cache"),
        "R50BENCH_DATA": str(tmp_path / "data"),
    }
    program = "import sys; del sys.path[0]; from r50bench.cli.main import main; main()"
    case = ["run", "inference_latency_fp32", "--engine", "fake", "--weights", "random"]
    if not read_host().isa:
        pytest.skip("the instruction sets of this host are not known")
    done = subprocess.run(
        [sys.executable, "-c", program, *case, "--steps", "2", "--instances", "1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sprung(trapped_folder) == ""


def test_arguments_arrive_as_they_were_given(tmp_path: Path) -> None:
    (tmp_path / "echo_arguments.py").write_text("import sys; print(sys.argv[1:], __name__)")
    done = subprocess.run(
        [*python_command("echo_arguments", {}), "a b", ""],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['a b', ''] __main__\n"
