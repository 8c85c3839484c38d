"""r50bench from Python: its public names, and a run, a plan and a record without a command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import r50bench
from r50bench.errors import RunFailed, UsageError
from support import synthetic_hosts

NAME = "inference_throughput_fp32"


def script(**changes: str) -> dict[str, object]:
    """The fake engine, which takes 2 ms for any batch, as the parameters of a case."""
    variables = {"FAKE_LATENCIES_NS": "2000000", **changes}
    return {
        "engine": "fake",
        "weights": "random",
        "instances": 1,
        "cores_per_instance": 1,
        "batch_size": 4,
        "steps": 20,
        "warmup_steps": 1,
        "customer_env": variables,
    }


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R50BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("R50BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_these_names_are_public_and_each_of_them_is_there() -> None:
    assert r50bench.__all__ == [
        "Case",
        "CaseComparison",
        "Comparison",
        "Kpi",
        "Notice",
        "Planned",
        "R50BenchError",
        "Record",
        "StoredRecord",
        "__version__",
        "compare",
        "plan",
        "read",
        "run",
    ]
    assert set(r50bench.__all__) <= set(dir(r50bench))
    for name in r50bench.__all__:
        assert getattr(r50bench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        r50bench.fly  # noqa: B018


def test_variables_of_the_environment_may_be_numbers() -> None:
    planned = r50bench.plan(NAME, customer_env={"OMP_NUM_THREADS": 1, "GLIBC_TUNABLES": "a b"})
    assert planned.case.customer_env == (("OMP_NUM_THREADS", "1"), ("GLIBC_TUNABLES", "a b"))


def test_importing_it_loads_nothing_of_the_house() -> None:
    program = (
        "import sys, r50bench\n"
        "print(*(name for name in sys.modules if name.startswith('r50bench.')),"
        " *({'torch', 'numpy', 'msgspec', 'click'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(Path(r50bench.__file__).parents[1])},
    )
    assert done.stdout.split() == []


def test_a_run_gives_its_record_with_figures_samples_and_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = r50bench.run(NAME, **script())
    assert isinstance(record, r50bench.Record)
    assert record.kpis["Average Throughput"].value == pytest.approx(2000)
    assert next(iter(record.kpis)) == "Average Throughput"
    assert record.case.batch_size == 4
    assert record.request["batch_size"].source == "option"
    assert record.samples is not None
    assert len(record.samples.latency_ns) == 20
    assert record.folder.parent == Path("r50bench-runs")
    assert (record.folder / "kpi.txt").exists()
    assert capsys.readouterr() == ("", "")


def test_a_record_is_read_as_it_was_given(tmp_path: Path) -> None:
    record = r50bench.run(NAME, out=tmp_path / "mine", **script())
    assert r50bench.read(record.folder) == record
    assert r50bench.read(str(record.folder / "record.json")).kpis == record.kpis
    with pytest.raises(UsageError):
        r50bench.read(tmp_path / "nowhere")


def test_a_plan_shows_what_would_run_and_can_be_run(tmp_path: Path) -> None:
    planned = r50bench.plan(NAME, platform="SPR", **script())
    assert planned.case.name.startswith("inference_throughput_")
    assert len(planned.placement.slots) == 1
    assert [notice.code for notice in planned.notices] == ["no-effect"]
    record = r50bench.run(planned)
    assert record.case == planned.case
    assert planned.notices[0] in record.notices
    with pytest.raises(UsageError, match="has its settings"):
        r50bench.run(planned, batch_size=2)


def test_progress_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    r50bench.run(NAME, progress=True, **script())
    shown = capsys.readouterr().err
    assert "NUMA node" in shown.splitlines()[0]
    assert "measuring" in shown


def test_the_environment_of_the_process_is_no_parameter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BATCH_SIZE", "64")
    monkeypatch.setattr("r50bench.host.topology.read_host", synthetic_hosts.two_core_vm)
    assert r50bench.plan(NAME, engine="fake", batch_size=None).case.batch_size == 8


def test_what_cannot_be_is_refused_as_on_the_command_line() -> None:
    with pytest.raises(UsageError, match="unknown parameter 'bach_size'") as caught:
        r50bench.plan(NAME, bach_size=3)
    assert caught.value.hint == "did you mean batch_size?"
    with pytest.raises(r50bench.R50BenchError):
        r50bench.plan("inference_througput_int8")
    with pytest.raises(UsageError, match="batch-size"):
        r50bench.plan(NAME, batch_size=-1)


def test_an_invalid_run_raises_and_leaves_a_record_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="SIGKILL"):
        r50bench.run(NAME, **script(FAKE_FAULT="kill@10#0"))
    (folder,) = (tmp_path / "r50bench-runs").iterdir()
    record = r50bench.read(folder)
    assert record.status == "invalid"
    with pytest.raises(RunFailed, match="is invalid and has no figures"):
        assert record.kpis
