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
    (result,) = TunedResults(folder).of_case(CASE)
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
    (result,) = TunedResults(tmp_path).of_case(CASE)
    assert (result.case.engine, result.asked["engine"]) == (now, now)


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 1}', '{"schema_version": 99}'])
def test_what_cannot_be_read_is_as_if_it_were_not(text: str, tmp_path: Path) -> None:
    (tmp_path / f"{CASE}-0123456789ab.json").write_text(text)
    assert TunedResults(tmp_path).of_case(CASE) == []


def test_weights_are_hashed_once_for_all_that_was_kept_of_a_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = synthetic_hosts.spr_two_sockets()
    here = {"host": host_identity(host), "versions": engine_versions()}
    results = TunedResults(tmp_path)
    (former,) = TunedResults(FORMER / "tuned").of_case(CASE)
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
