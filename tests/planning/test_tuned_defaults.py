"""What was tuned is kept, and what a former r50bench kept is read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.case import CaseName
from r50bench.host.snapshot import engine_versions, host_identity
from r50bench.planning import tuned_defaults
from r50bench.planning.tuned_defaults import SCHEMA_VERSION, TunedDefaults, TunedResults
from support import synthetic_hosts
from support.former_records import FORMER

CASE = "inference_throughput_amx_int8"


def test_what_schema_1_kept_is_read_and_not_edited(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FORMER / "tuned", tmp_path / "tuned"))
    (file,) = folder.iterdir()
    before = file.read_bytes()
    (result,), _ = TunedResults(folder).of_case(CASE)
    assert result.schema_version == SCHEMA_VERSION
    assert (result.case.case_type, result.case.batch_size) == ("", 2)
    assert result.asked == {"engine": "fake"}
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("engine", "now"), [("torch-aot", "torch"), ("torch-eager", "torch-eager")]
)
def test_engines_of_schema_1_are_called_by_their_names(
    engine: str, now: str, tmp_path: Path
) -> None:
    (file,) = (FORMER / "tuned").iterdir()
    raw = json.loads(file.read_text())
    raw["case"]["engine"] = raw["asked"]["engine"] = engine
    (tmp_path / file.name).write_text(json.dumps(raw))
    (result,), _ = TunedResults(tmp_path).of_case(CASE)
    assert (result.case.engine, result.asked["engine"]) == (now, now)


def test_weights_are_hashed_once_for_all_that_was_kept_of_a_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = synthetic_hosts.spr_two_sockets()
    here = {"host": host_identity(host), "versions": engine_versions()}
    results = TunedResults(tmp_path)
    (former,), _ = TunedResults(FORMER / "tuned").of_case(CASE)
    for size in (1, 2, 3):
        results.keep(replace(former, asked={"batch_size": str(size)}, **here))
    asked = []

    def kept_weights(weights: str, store: object, *, need_real: bool, seed: int) -> None:
        asked.append((weights, seed))

    monkeypatch.setattr(tuned_defaults, "kept_weights", kept_weights)
    found = TunedDefaults(host, results).effective(CaseName.parse(CASE), {})
    assert [notice.text for notice in found.notices if notice.code == "tuned-unused"] == [
        "what was tuned is not used: it was found with other weights"
    ]
    assert asked == [("auto", 2020)]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"schema_version": 1}', '{"schema_version": 99}', "[" * 9_000 + "]" * 9_000],
)
def test_what_cannot_be_read_is_named_and_hides_nothing_else(text: str, tmp_path: Path) -> None:
    shutil.copytree(FORMER / "tuned", tmp_path, dirs_exist_ok=True)
    damaged = tmp_path / f"{CASE}-0123456789ab.json"
    damaged.write_text(text)
    found, reasons = TunedResults(tmp_path).of_case(CASE)
    assert len(found) == 1
    assert len(reasons) == 1
    assert f"{damaged} is damaged" in reasons[0]


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("case", "batch_size", -4, "batch_size is -4"),
        ("case", "precision", "amx_int3", "precision is 'amx_int3'"),
        (None, "chosen", ["batch_size", "turbo"], "a case has no turbo"),
    ],
)
def test_a_result_that_cannot_be_is_named(
    part: str | None, name: str, value: object, said: str, tmp_path: Path
) -> None:
    (file,) = (FORMER / "tuned").iterdir()
    raw = json.loads(file.read_text())
    (raw if part is None else raw[part])[name] = value
    (tmp_path / file.name).write_text(json.dumps(raw))
    found, reasons = TunedResults(tmp_path).of_case(CASE)
    assert found == []
    assert said in reasons[0]
