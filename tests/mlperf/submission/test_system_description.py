"""The system description: from the snapshot, and from the submitter's file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.errors import UsageError
from r50bench.mlperf.submission.system_description import (
    SYSTEM_FIELDS,
    describe_system,
    read_system_file,
    system_name,
    unknown_fields,
)
from r50bench.results.record import Record
from support import loadgen_records

RECORD = loadgen_records.loadgen_record("Offline", "performance")


def with_device(record: Record, device: str) -> Record:
    assert record.engine is not None
    return replace(record, engine=replace(record.engine, device=device))


def test_every_field_is_a_string_that_says_something() -> None:
    description = describe_system(RECORD, {})
    assert set(description) == set(SYSTEM_FIELDS) - {"division", "submitter"}
    assert all(isinstance(value, str) and value.strip() for value in description.values())


def test_a_host_of_which_little_is_known_still_gives_every_field() -> None:
    description = describe_system(replace(RECORD, host={}), {})
    assert all(value.strip() for value in description.values())
    assert description["host_processor_frequency"] == "N/A"


def test_what_limits_the_machine_is_noted() -> None:
    host = RECORD.host | {
        "cores": 2,
        "cores_in_machine": 64,
        "sockets": 1,
        "cpu_quota": 1.5,
        "virtual_machine": True,
        "container": "docker",
    }
    notes = describe_system(replace(RECORD, host=host), {})["hw_notes"]
    assert notes == (
        "2 of 64 cores were usable; CPU bandwidth limited to 1.5 CPUs; virtual machine;"
        " in a container (docker)"
    )


def test_what_no_snapshot_knows_is_asked_for_until_it_is_given() -> None:
    assert "cooling" in unknown_fields(describe_system(RECORD, {}))
    assert "cooling" not in unknown_fields(describe_system(RECORD, {"cooling": "air"}))


def test_an_accelerator_must_be_described() -> None:
    record = with_device(RECORD, "cuda")
    with pytest.raises(UsageError, match="device cuda") as caught:
        describe_system(record, {"accelerators_per_node": "1"})
    assert caught.value.hint is not None
    assert "accelerator_model_name, accelerator_memory_capacity" in caught.value.hint
    given = {
        "accelerators_per_node": "1",
        "accelerator_model_name": "Example GPU",
        "accelerator_memory_capacity": "80 GB",
    }
    assert describe_system(record, given)["accelerator_model_name"] == "Example GPU"


@pytest.mark.parametrize(
    ("name", "folder"),
    [("Box 9000 / 2 x CPU", "Box_9000_2_x_CPU"), ("../..", "system"), ("plain-1.0", "plain-1.0")],
)
def test_the_name_of_the_system_serves_as_a_folder(name: str, folder: str) -> None:
    assert system_name({"system_name": name}) == folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no JSON object"),
        ("[" * 100_000, "is no JSON"),
        ('{"colling": "air"}', "no field 'colling'"),
        ('{"cooling": 1}', "must be a string"),
        ('{"cooling": " "}', "must be a string"),
        ('{"submitter": "Example"}', "not for this file"),
        ('{"status": "soon"}', "status 'soon' is not known"),
        ('{"system_type": "datacenter"}', "system_type 'datacenter' is not known"),
        (f'{{"system_name": "{"x" * 81}"}}', "system_name has 81 characters"),
    ],
)
def test_a_system_file_that_is_wrong_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "system.json").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_system_file(tmp_path / "system.json")


def test_a_folder_in_place_of_a_system_file_is_not_to_be_removed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no regular file") as caught:
        read_system_file(tmp_path)
    assert caught.value.hint == "--system names a JSON file"


def test_a_misspelt_field_is_met_with_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text('{"colling": "air"}')
    with pytest.raises(UsageError) as caught:
        read_system_file(tmp_path / "system.json")
    assert caught.value.hint == "did you mean cooling?"


def test_an_absent_system_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_system_file(tmp_path / "absent.json")


def test_fields_of_a_system_file_are_returned_as_they_are(tmp_path: Path) -> None:
    given = {"cooling": "air", "system_type": "datacenter,edge", "status": "available"}
    (tmp_path / "system.json").write_text(json.dumps(given))
    assert read_system_file(tmp_path / "system.json") == given


def test_a_system_file_of_powershell_is_read(tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text('{"cooling": "air"}', encoding="utf-16")
    assert read_system_file(tmp_path / "system.json") == {"cooling": "air"}
