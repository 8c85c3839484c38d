"""What a node says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import r50bench
from r50bench.errors import RunFailed
from r50bench.fleet.survey import Survey, boot_of, survey_here, survey_of
from r50bench.host import topology
from support import synthetic_hosts


def test_it_tells_the_host_as_records_keep_it_and_what_it_can_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topology, "read_host", synthetic_hosts.two_core_vm)
    told = survey_here()
    assert told.version == r50bench.__version__
    assert told.host.cores == 2
    assert "avx_int8" in told.precisions
    assert survey_of(msgspec.to_builtins(told)) == told


def test_nodes_of_one_running_system_have_one_mark_that_leads_back_to_none(tmp_path: Path) -> None:
    file = tmp_path / "proc/sys/kernel/random/boot_id"
    file.parent.mkdir(parents=True)
    file.write_text("0b3e1c7e-7f8a-4a52-9d1f-6f1f0f6f2b11\n")
    mark = boot_of(tmp_path)
    assert mark == boot_of(tmp_path)
    assert len(mark) == 16
    assert "0b3e1c7e" not in mark
    file.write_text("0b3e1c7e-7f8a-4a52-9d1f-6f1f0f6f2b12\n")
    assert boot_of(tmp_path) != mark


def test_a_kernel_that_tells_no_boot_leaves_it_open(tmp_path: Path) -> None:
    assert boot_of(tmp_path) == ""


def test_the_program_writes_it_to_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "survey.json"
    subprocess.run(
        [sys.executable, "-m", "r50bench.fleet.survey", str(file)],
        env={"PYTHONPATH": str(Path(r50bench.__file__).parents[1]), "HOME": str(tmp_path)},
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    assert isinstance(survey_of(json.loads(file.read_bytes())), Survey)


def test_what_is_no_survey_is_refused() -> None:
    with pytest.raises(RunFailed, match="told of itself what cannot be read"):
        survey_of({"version": "1", "host": []})
