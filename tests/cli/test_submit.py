"""``r50bench submit``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from r50bench.host.topology import Host
from r50bench.results.record import Accuracy
from support import loadgen_records
from support.command_line import Call


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One shortened Offline run of each kind, by part."""
    base = tmp_path_factory.mktemp("runs")
    folders = {}
    for part in ("accuracy", "performance"):
        loadgen_records.run_loadgen(base / f"{part}-logs", "Offline", part)
        accuracy = Accuracy(20, 19, 20) if part == "accuracy" else None
        folder = base / part
        loadgen_records.write_run(base / f"{part}-logs", folder, "Offline", part, accuracy=accuracy)
        folders[part] = str(folder)
    return folders


def arguments(out: Path, *, division: str = "open", version: str = "v5.1") -> list[str]:
    return [
        *("--submitter", "Example", "--division", division),
        *("--version", version, "--out", str(out)),
    ]


def test_a_rehearsal_is_laid_out_and_says_what_it_is(
    r50bench_here: Call, runs: dict[str, str], tmp_path: Path
) -> None:
    answer = r50bench_here("submit", *runs.values(), *arguments(tmp_path / "tree"))
    assert answer.code == 0
    assert "accuracy=95.000%, good=19, total=20" in answer.out
    assert "171.966 samples/s" in answer.out
    assert "NOT COMPLIANT" in answer.out
    assert f"# open submission to v5.1: {tmp_path}/tree/open/Example\n" in answer.out
    assert "host_storage_type" in answer.out
    assert answer.err.count("! ") == 4
    assert "20 pictures were scored, not 50,000" in answer.err
    assert (tmp_path / "tree" / "NOT_COMPLIANT.md").is_file()


def test_the_commands_in_the_readme_are_understood(
    r50bench_here: Call, runs: dict[str, str], host: Host, tmp_path: Path
) -> None:
    r50bench_here("submit", *runs.values(), *arguments(tmp_path / "tree"))
    (readme,) = (tmp_path / "tree/open/Example/measurements").rglob("README.md")
    commands = [line for line in readme.read_text().splitlines() if line.startswith("r50bench ")]
    assert len(commands) == 2
    for command in commands:
        answer = r50bench_here(*shlex.split(command)[1:], "--dry-run")
        assert (answer.code, answer.err) == (0, "")
        assert "mlperf_Offline" in answer.out


def test_the_closed_division_refuses_them_and_lists_why(
    r50bench_here: Call, runs: dict[str, str], tmp_path: Path
) -> None:
    answer = r50bench_here(
        "submit", *runs.values(), *arguments(tmp_path / "tree", division="closed")
    )
    assert (answer.code, answer.out) == (3, "")
    assert "! Offline: no TEST01 run. Mend: add one: r50bench mlperf" in answer.err
    assert "! SingleStream: the closed division asks it" in answer.err
    assert "nothing was laid out" in answer.err
    assert not (tmp_path / "tree").exists()


def test_a_run_that_is_missing_is_asked_for(
    r50bench_here: Call, runs: dict[str, str], tmp_path: Path
) -> None:
    answer = r50bench_here("submit", runs["accuracy"], *arguments(tmp_path / "tree"))
    assert answer.code == 3
    first = next(line for line in answer.err.splitlines() if line.startswith("! "))
    assert first.startswith("! Offline: no performance run")
    assert "--scenario Offline --mode PerformanceOnly" in answer.err
    assert "1 objection; 1 more would only label the tree a rehearsal" in answer.err


def test_runs_with_the_seeds_of_another_round_are_refused(
    r50bench_here: Call, runs: dict[str, str], tmp_path: Path
) -> None:
    answer = r50bench_here("submit", *runs.values(), *arguments(tmp_path / "tree", version="v6.1"))
    assert answer.code == 3
    assert "the seeds of v5.1, not of v6.1" in answer.err
    assert "--seeds v6.1" in answer.err


def test_the_system_file_fills_in_what_is_unknown(
    r50bench_here: Call, runs: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "system.json").write_text('{"system_name": "box", "cooling": "air"}')
    answer = r50bench_here(
        "submit",
        *runs.values(),
        *arguments(tmp_path / "tree"),
        *("--system", str(tmp_path / "system.json")),
    )
    assert answer.code == 0
    assert "cooling" not in answer.out
    assert (tmp_path / "tree/open/Example/systems/box_not_compliant.json").is_file()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "missing argument"),
        (["--division", "shut"], "shut"),
        (["--version", "v4.0"], "v4.0"),
    ],
)
def test_wrong_usage_is_told(
    r50bench_here: Call, tmp_path: Path, args: list[str], said: str
) -> None:
    records = [str(tmp_path)] if args else []
    answer = r50bench_here("submit", *records, *arguments(tmp_path / "tree"), *args)
    assert answer.code == 2
    assert said in answer.err


def test_a_folder_without_a_record_is_wrong_usage(r50bench_here: Call, tmp_path: Path) -> None:
    answer = r50bench_here("submit", str(tmp_path), *arguments(tmp_path / "tree"))
    assert answer.code == 2
    assert "no such record" in answer.err


def test_the_mlperf_commands_of_the_docs_are_understood(
    r50bench_here: Call, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "set" / "n01440764"
    pictures.mkdir(parents=True)
    for number in range(500):  # none is decoded to say what would run
        (pictures / f"{number}.JPEG").touch()
    monkeypatch.setenv("DATASET", str(pictures.parent))
    text = (Path(__file__).parents[2] / "docs" / "mlperf.md").read_text()
    commands = set(re.findall(r"r50bench mlperf(?: --?[a-z-]+(?: [A-Za-z0-9_.]+)?)+", text))
    assert len(commands) > 10
    for command in commands:
        answer = r50bench_here(*shlex.split(command)[1:], "--dry-run")
        assert (answer.code, answer.err) == (0, ""), command
