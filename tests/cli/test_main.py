"""The command itself: help, version, errors, exit codes, start-up."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import r50bench
from r50bench import errors
from r50bench.cli.main import _VERBS, cli
from r50bench.host import topology
from r50bench.host.kernel_files import counts_energy
from support.command_line import Answer, Call
from support.compilers import STEADY_RATES, write_compiler_of_peak

_MODULES = {where.partition(":")[0] for where, _ in _VERBS.values()}
HEAVY = {"torch", "numpy", "scipy", "rich", "msgspec", "sqlite3", "PIL"}


@pytest.mark.parametrize("args", [["--help"], ["--version"]])
def test_help_is_shown_without_loading_anything_heavy(
    r50bench_process: Call, args: list[str]
) -> None:
    program = (
        "import sys\n"
        "from r50bench.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    answer = r50bench_process(*args, program=program)
    assert answer.code == 0
    imported = answer.err.split()
    assert not HEAVY & set(imported)
    ours = {name for name in imported if name.startswith("r50bench.")}
    assert ours == {"r50bench.cli", "r50bench.cli.main", "r50bench.errors"}


def test_a_verb_imports_no_other_verb_and_neither_torch_nor_scipy(r50bench_process: Call) -> None:
    program = (
        "import importlib, sys\n"
        "from r50bench.cli.main import _VERBS\n"
        "modules = {where.partition(':')[0] for where, _ in _VERBS.values()}\n"
        "for module in modules:\n"
        "    for name in [name for name in sys.modules if name.startswith('r50bench')]:\n"
        "        del sys.modules[name]\n"
        "    importlib.import_module(module)\n"
        "    brought = modules - {module} | {'torch', 'scipy'}\n"
        "    print(*(f'{module} brings {name}' for name in sorted(brought & set(sys.modules))))\n"
    )
    answer = r50bench_process(program=program)
    assert (answer.code, answer.out.split("\n")) == (0, [""] * (len(_MODULES) + 1)), answer


# Prints the modules in the order in which they are sought, also by what is imported at start-up.
COUNTING = (
    "import sys\n"
    "sought = [name for name in sys.modules]\n"
    "class Order:\n"
    "    def find_spec(name, path=None, target=None):\n"
    "        sought.append(name)\n"
    "sys.meta_path.insert(0, Order)\n"
    "from r50bench.cli.main import run_command_line\n"
    "code = run_command_line(sys.argv[1:])\n"
    "print(*(name for name in sought if name.partition('.')[0] == 'r50bench'))\n"
    "sys.exit(code)\n"
)
CASE = ("inference_throughput_avx_fp32", "--weights", "random", "--steps", "3")

# Has engine torch be prepared as ever, but for what it compiles, and compute nothing.
TORCH_FOR_SHOW = """
import os
from dataclasses import replace
import r50bench.engines.torch as described
described.AOT = replace(described.AOT, load="r50bench.engines.fake.engine:FakeEngine")
if "MAKE_MODELS" in os.environ:
    from r50bench.engines.torch import prepare
    prepare._compile = lambda spec, folder, *_: (folder / "model").mkdir()
"""


@pytest.fixture
def own_folders(tmp_path: Path) -> dict[str, str]:
    return {"R50BENCH_CACHE": str(tmp_path / "cache"), "R50BENCH_DATA": str(tmp_path / "data")}


def until_the_figures_are_there(answer: Answer) -> list[str]:
    """Returns what was imported before the page, which is drawn when all is printed."""
    assert answer.code == 0, answer.err
    imported = answer.out.splitlines()[-1].split()
    return imported[: imported.index("r50bench.cli.pages")]


def test_a_run_of_one_case_imports_at_most_55_modules_until_its_figures_are_there(
    r50bench_process: Call, own_folders: dict[str, str]
) -> None:
    answer = r50bench_process("run", *CASE, "--engine", "fake", program=COUNTING, **own_folders)
    imported = until_the_figures_are_there(answer)
    assert "r50bench.measure.session" in imported
    assert len(imported) <= 55, sorted(imported)


def test_a_run_of_torch_whose_model_and_peak_are_there_imports_at_most_60_modules(
    r50bench_process: Call, own_folders: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TORCH_FOR_SHOW)
    path = os.pathsep.join([str(tmp_path), str(Path(r50bench.__file__).parents[1])])
    # Another machine's peak, which is always at rest when it is measured.
    write_compiler_of_peak(tmp_path / "compiler", STEADY_RATES, tmp_path / "log")
    here = {**own_folders, "PYTHONPATH": path, "CXX": str(tmp_path / "compiler")}
    made = r50bench_process("run", *CASE, program=COUNTING, MAKE_MODELS="1", **here)
    assert made.code == 0, made.err
    # The program that measures the peak, and the loop that looks at the cores.
    assert sorted((tmp_path / "log").read_text().split()) == ["built", "built", "measured"]
    imported = until_the_figures_are_there(r50bench_process("run", *CASE, program=COUNTING, **here))
    assert {"r50bench.engines.torch.prepare", "r50bench.measure.measured_peak"} <= {*imported}
    counted = 2 if counts_energy() else 0  # a machine that counts what it draws has two to do so
    assert len(imported) <= 60 + counted, sorted(imported)


def test_the_help_lists_every_verb_with_the_line_it_begins_with(r50bench_here: Call) -> None:
    listed = r50bench_here("--help").out.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line] == [
        verb for verb, (_, summary) in _VERBS.items() if summary
    ]
    for verb, (_, summary) in _VERBS.items():
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None
        assert command.hidden == (not summary)
        assert command.name == verb


def test_the_package_is_imported_without_torch_or_numpy(r50bench_process: Call) -> None:
    program = "import sys, r50bench; print(*{'torch', 'numpy', 'click'} & {*sys.modules})"
    assert r50bench_process(program=program).out == "\n"


def test_the_module_is_the_command(r50bench_process: Call) -> None:
    answer = r50bench_process(
        "--version", program="import runpy; runpy.run_module('r50bench', run_name='__main__')"
    )
    assert (answer.code, answer.out) == (0, f"r50bench {r50bench.__version__}\n")


def test_without_a_verb_the_help_is_shown_and_the_usage_is_wrong(r50bench_here: Call) -> None:
    answer = r50bench_here()
    assert (answer.code, answer.out) == (2, "")
    assert "Commands:" in answer.err


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["lst"], "unknown command 'lst'", "did you mean list?"),
        (["xyz"], "unknown command 'xyz'", "commands: "),
        (["inference_latency_int8"], "unknown command", "r50bench run inference_latency_int8"),
        (["run", "--bach-size", "3"], "no such option: --bach-size", "did you mean --batch-size?"),
        (["list", "--bogus"], "no such option: --bogus", "see 'r50bench list --help'"),
        (["run", "--steps"], "--steps' requires an argument", "see 'r50bench"),
        (["kpi", "--format", "xml"], "'xml' is not one of", "see 'r50bench kpi --help'"),
    ],
)
def test_wrong_usage_is_said_in_one_style(
    r50bench_here: Call, args: list[str], message: str, hint: str
) -> None:
    answer = r50bench_here(*args)
    assert (answer.code, answer.out) == (2, "")
    first, second = answer.err.splitlines()
    assert first.startswith("r50bench: ")
    assert message in first
    assert second.startswith("  hint: ")
    assert hint in second


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Adds a verb ``fail`` that raises what it is given."""

    def add(error: BaseException) -> None:
        @click.command("fail")
        def fail() -> None:
            raise error

        monkeypatch.setitem(cli.commands, "fail", fail)

    return add


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("no"), 2),
        (errors.CheckFailed("no"), 3),
        (errors.WorkerFailed("no"), 5),
        (errors.Unsupported("no"), 6),
        (errors.Interrupted("no"), 130),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (OSError(28, "No space left on device", "/x"), 5),
    ],
)
def test_every_error_ends_with_its_exit_code_and_without_a_traceback(
    r50bench_here: Call, failing: Callable[[BaseException], None], error: BaseException, code: int
) -> None:
    failing(error)
    answer = r50bench_here("fail")
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("r50bench: ")
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), OSError(2, "odd")])
def test_a_bug_shows_its_traceback_and_asks_to_be_reported(
    r50bench_here: Call, failing: Callable[[BaseException], None], error: Exception
) -> None:
    failing(error)
    answer = r50bench_here("fail")
    assert answer.code == 1
    assert "Traceback" in answer.err
    assert "please report it" in answer.err


def test_a_closed_pipe_is_no_error_to_speak_of(r50bench_process: Call, tmp_path: Path) -> None:
    source = Path(r50bench.__file__).parents[1]
    done = subprocess.run(
        f"{sys.executable} -m r50bench list --platform SPR | true; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | {"PYTHONPATH": str(source)},
    )
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts(r50bench_process: Call, sign: signal.Signals) -> None:
    program = (
        "import os, click\n"
        "from r50bench.cli.main import cli, main\n"
        "@cli.command('stop')\n"
        "def stop():\n"
        f"    os.kill(os.getpid(), {int(sign)})\n"
        "    print('went on')\n"
        "main()\n"
    )
    answer = r50bench_process("stop", program=program)
    assert (answer.code, answer.out, answer.err) == (130, "", "r50bench: interrupted\n")


def test_a_full_device_is_no_bug() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "r50bench", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"PYTHONPATH": str(Path(r50bench.__file__).parents[1])},
        )
    assert done.returncode == 5
    assert done.stderr.startswith("r50bench: no space is left")


def _shell(script: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess:
    """Runs ``sh -c``; in the script ``$R50BENCH`` is the command."""
    environment = environment | {"R50BENCH": f"{sys.executable} -m r50bench"}
    return subprocess.run(
        ["sh", "-c", script],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


_FAKE_RUN = (
    "$R50BENCH run inference_throughput_avx_fp32 --engine fake --weights random --steps 3 --out out"
)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_a_run_whose_standard_streams_are_closed_leaves_its_record_and_writes_into_nothing_else(
    fake_environment: dict[str, str], tmp_path: Path, closed: str
) -> None:
    done = _shell(f"{_FAKE_RUN} {closed}", fake_environment, tmp_path)
    assert done.returncode == 0
    assert len(list(tmp_path.glob("out/*/record.json"))) == 1
    history = (tmp_path / "data" / "history.sqlite").read_bytes()
    assert history.startswith(b"SQLite format 3\0")


def test_numpy_starts_no_thread_in_the_parent(
    fake_environment: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import atexit, os, sys\n"
        "from r50bench.cli.main import main\n"
        "def tell():\n"
        "    assert 'numpy' in sys.modules\n"
        "    print('THREADS', len(os.listdir('/proc/self/task')), file=sys.stderr)\n"
        "atexit.register(tell)\n"
        "main()\n"
    )
    bare = {name: text for name, text in fake_environment.items() if "OPENBLAS" not in name}
    (tmp_path / "program.py").write_text(program)
    script = _FAKE_RUN.replace("$R50BENCH", f"{sys.executable} program.py")
    done = _shell(script, bare, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "THREADS 1\n" in done.stderr
    assert "OPENBLAS" not in done.stderr


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.EDQUOT, errno.EMFILE, errno.EROFS, errno.ENOSPC, errno.ESTALE]
)
def test_what_the_system_refuses_anywhere_is_a_failed_run_and_no_bug(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse() -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr(topology, "read_host", refuse)
    answer = r50bench_here("list")
    assert answer.code == 5
    assert "Traceback" not in answer.err
    assert "  hint: " in answer.err


def test_an_error_moves_no_cursor(r50bench_here: Call) -> None:
    answer = r50bench_here("kpi", "no\x1b[2Jfolder\x07")
    assert answer.code == 2
    assert "no\\x1b[2Jfolder\\x07" in answer.err
