"""Records of former schemas: what r50bench 0.1.0 wrote reads as what it was."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from r50bench.case import Case
from r50bench.errors import UsageError
from r50bench.load import LoadGen, Score, Steps
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.results.record import SCHEMA_VERSION, Record, read_record
from r50bench.results.samples import samples_of
from r50bench.results.schema import bring_up_to, engine_of_2, update_to_2
from support.former_records import FORMER, former_folders


def the(pattern: str) -> tuple[Record, dict[str, Any]]:
    """Returns the one record whose folder is like ``pattern``, and its file's plain content."""
    (path,) = FORMER.glob(f"{pattern}/record.json")
    return read_record(path), json.loads(path.read_text())


def block_lines(text: str) -> list[str]:
    """Returns the lines of a KPI block that former versions had, or have had by another name.

    Schema 2 changed the name of the engine; what intervals cover is said since.
    """
    since = "## (ENGINE|FRAMEWORK)|# 95% intervals cover"
    return [line for line in text.splitlines() if not re.match(since, line)]


@pytest.mark.parametrize("folder", former_folders(), ids=lambda path: path.name)
def test_every_record_of_schema_1_reads_and_its_figures_are_the_same_to_the_digit(
    folder: Path,
) -> None:
    before = (folder / "record.json").read_bytes()
    record = read_record(folder)
    text = block_text(kpi_block(record, samples_of(record, folder)))
    figures = [line for line in block_lines(text) if not line.startswith("## TESTCASE")]
    former = [
        line
        for line in block_lines((folder / "kpi.txt").read_text().replace("# warning: ", "# ! "))
        if not line.startswith("## TESTCASE")
    ]
    assert figures == former
    assert record.schema_version == SCHEMA_VERSION
    assert (folder / "record.json").read_bytes() == before


@pytest.mark.parametrize("folder", former_folders(), ids=lambda path: path.name)
def test_what_was_asked_is_a_value_with_its_source(folder: Path) -> None:
    record, raw = read_record(folder), json.loads((folder / "record.json").read_text())
    former = {
        "case_type" if field == "profile" else field: text.replace("(profile ", "(case type ")
        for field, text in raw["request"].items()
        if field != "engine"
    }
    assert {name: str(one) for name, one in record.request.items() if name != "engine"} == former
    for field, said in record.request.items():
        assert said.value == getattr(record.case, field)


def test_the_case_type_is_called_so() -> None:
    record, _ = the("runs/*_gated_*")
    assert record.case.case_type == "gated"
    assert record.case.name.endswith("_gated")
    assert str(record.request["batch_size"]) == "1 (case type gated)"


@pytest.mark.parametrize(
    ("pattern", "engine"),
    [
        ("runs/*aeea2f", "r50"),  # engine torch, with kernels of r50bench
        ("runs/*1283a5", "torch"),  # engine torch, with AOTInductor
        ("runs/*103827", "torch"),  # engine torch-aot
        ("runs/*60e0b5", "torch-compile"),
        ("runs/*1cec24", "torch-eager"),
        ("peers/*ade5ce", "r50"),
        ("peers/*2c2b6e", "onnxruntime"),
        ("runs/*7ac73b", "fake"),
    ],
)
def test_an_engine_is_called_by_whose_code_computed(pattern: str, engine: str) -> None:
    record, _ = the(pattern)
    assert record.engine is not None
    assert (record.case.engine, record.engine.name) == (engine, engine)
    assert record.request["engine"].value == engine


def test_an_engine_that_never_came_to_tell_its_version_is_known_by_what_was_prepared() -> None:
    assert engine_of_2("torch", {"version": "", "artifact": "v1-avx_int8-plan-fd8b"}) == "r50"
    assert engine_of_2("torch", {"version": "", "artifact": "v1-avx_int8-b4-500c"}) == "torch"
    assert engine_of_2("torch", None) == "torch"


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("runs/*7ac73b", Steps(12, 3)),
        ("runs/*05f416", Score()),
    ],
)
def test_the_load_is_told_from_the_case(pattern: str, kind: object) -> None:
    assert the(pattern)[0].load == kind


@pytest.mark.parametrize("folder", sorted(FORMER.glob("mlperf/*")), ids=lambda path: path.name)
def test_a_run_of_loadgen_is_one_also_where_it_died_before_loadgen_began(folder: Path) -> None:
    record = read_record(folder)
    assert isinstance(record.load, LoadGen)
    assert record.name in record.id
    if record.loadgen is not None:
        assert record.load.settings == record.loadgen.settings


def test_warnings_are_notices_with_the_same_words() -> None:
    record, raw = the("runs/*60e0b5")
    assert raw["warnings"]
    assert [str(notice) for notice in record.notices] == raw["warnings"]


@pytest.mark.parametrize("part", ["case", "request", "engine", "warnings", "loadgen"])
@pytest.mark.parametrize("nonsense", [None, 3, "x", [1], {"mode": 3}])
def test_nonsense_in_a_former_record_is_refused_and_no_bug(
    part: str, nonsense: Any, tmp_path: Path
) -> None:
    _, raw = the("runs/*7ac73b")
    (tmp_path / "record.json").write_text(json.dumps(raw | {part: nonsense}))
    with contextlib.suppress(UsageError):  # what a record can do without may be missing
        read_record(tmp_path)


def test_a_field_of_a_former_case_keeps_its_place() -> None:
    _, raw = the("runs/*7ac73b")
    updated = update_to_2(raw)
    fields = [field for field in raw["case"] if field != "profile"]
    assert [field for field in updated["case"] if field != "case_type"] == fields
    assert set(updated["case"]) <= set(Case.__dataclass_fields__)


def test_older_schemas_are_brought_up_one_version_at_a_time() -> None:
    def to_2(raw: dict[str, Any]) -> dict[str, Any]:
        return {"renamed": raw["name"]}

    def to_3(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "added": None}

    raw = {"schema_version": 1, "name": "a"}
    updated = bring_up_to(3, raw, {2: to_2, 3: to_3})
    assert updated == {"schema_version": 3, "renamed": "a", "added": None}


def test_a_schema_that_nothing_leads_on_from_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing leads to 3"):
        bring_up_to(3, {"schema_version": 1}, {3: lambda raw: raw})


def test_the_current_schema_can_be_reached_from_every_older_one() -> None:
    for version in range(1, SCHEMA_VERSION):
        assert bring_up_to(SCHEMA_VERSION, {"schema_version": version})
    assert bring_up_to(SCHEMA_VERSION, {"schema_version": SCHEMA_VERSION})
