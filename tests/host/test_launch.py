"""Modules of ours import nothing from the folder that the user happens to be in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import r50bench
from r50bench.engines.child import run_child
from r50bench.engines.environment import python_command
from r50bench.host.topology import read_host

SOURCE = str(Path(r50bench.__file__).parents[1])
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
    trap(folder, TRAPS)
    monkeypatch.chdir(folder)
    return folder


def trap(folder: Path, names: Iterable[str]) -> None:
    """Has each of these modules, if it is imported from the folder, leave its name beside that."""
    for name in names:
        text = f"open({str(folder.parent / 'sprung')!r}, 'a').write({name + ' '!r})\n"
        (folder / f"{name}.py").write_text(text)


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


def everything_of_python_that_is_imported_later() -> list[str]:
    """Returns Python's own modules that ``python -m`` has not imported for itself before ours."""
    program = "import sys, runpy, importlib.util; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd="/", capture_output=True, text=True, check=True
    )
    return sorted(sys.stdlib_module_names - {*done.stdout.split()} - {"__main__", "this"})


def test_the_module_that_is_run_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    trap(folder, [*everything_of_python_that_is_imported_later(), "click", "numpy", "msgspec"])
    done = subprocess.run(
        [sys.executable, "-m", "r50bench", "cache", "list"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": SOURCE, "R50BENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, sprung(folder)) == (0, ""), done.stderr


def test_the_folder_of_this_package_may_be_the_current_one() -> None:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "r50bench", "--version"],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_who_imports_this_package_keeps_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("import r50bench")
    (tmp_path / "mine" / "__main__.py").write_text("import beside")
    (tmp_path / "beside.py").write_text("print('here')")
    done = subprocess.run(
        [sys.executable, "-m", "mine", "-m", "r50bench.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "here\n", done.stderr


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
