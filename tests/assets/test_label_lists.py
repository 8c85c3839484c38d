from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.assets.label_lists import labels_by_stem, lines_of
from r50bench.errors import UsageError

TEXT = "a b.JPEG 3\nc ü.JPEG\t4\n\nd.JPEG n01443537\n"


def read(path: Path, data: bytes) -> list[tuple[str, int]]:
    path.write_bytes(data)
    return [(line.name, line.label) for line in lines_of(path)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_list_is_read_in_every_encoding_and_with_all_line_ends(tmp_path, encoding, newline):
    data = TEXT.replace("\n", newline).encode(encoding)
    expected = [("a b.JPEG", 3), ("c ü.JPEG", 4), ("d.JPEG", 1)]
    assert read(tmp_path / "val_map.txt", data) == expected


def test_a_utf16_mark_may_be_of_either_order(tmp_path):
    assert read(tmp_path / "map", b"\xfe\xff" + "a 3".encode("utf-16-be")) == [("a", 3)]


def test_bytes_that_are_no_utf8_are_kept_in_names(tmp_path):
    assert read(tmp_path / "map", b"b\xe4r 3") == [("b\udce4r", 3)]


def test_a_zero_byte_in_a_name_makes_no_utf16_of_a_list(tmp_path):
    assert read(tmp_path / "map", b"a\0b.JPEG 3") == [("a\0b.JPEG", 3)]


@pytest.mark.parametrize(
    "text",
    ["a.JPEG,3", "a.JPEG;3", "a.JPEG, 3", '"a.JPEG","3"', "path,label\na.JPEG,3", "a.JPEG  3 "],
)
def test_a_table_of_commas_is_read_too(tmp_path, text):
    assert read(tmp_path / "val_map.csv", text.encode()) == [("a.JPEG", 3)]


def test_labels_that_count_from_one_are_refused_where_that_shows(tmp_path):
    with pytest.raises(UsageError, match="map:2: '1000' is no label") as caught:
        read(tmp_path / "map", b"a 1\nb 1000\n")
    assert "take 1 off" in (caught.value.hint or "")


@pytest.mark.parametrize("line", ["0", "1001", "x", "1 2", "-1"])
def test_a_line_of_the_ground_truth_that_is_no_class_is_named(tmp_path, line):
    path = tmp_path / "ILSVRC2012_validation_ground_truth.txt"
    path.write_text(f"490\n{line}\n")
    with pytest.raises(UsageError, match=r"truth\.txt:2: .* is no class of the devkit"):
        labels_by_stem(path)


def test_a_list_of_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "val_map.txt"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="no list of labels"):
        list(lines_of(path))


@pytest.mark.parametrize("name", ["val_map.txt", "ILSVRC2012_validation_ground_truth.txt"])
def test_a_list_that_is_no_regular_file_is_refused_and_not_waited_for(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    read_all = {"val_map.txt": lines_of}.get(name, labels_by_stem)
    with pytest.raises(UsageError, match=f"{path} is no regular file"):
        list(read_all(path))


def test_a_name_of_any_length_is_a_name(tmp_path):
    """The csv module refuses fields of more than 128 KiB."""
    stem = "a" * 140_000
    (tmp_path / "LOC_val_solution.csv").write_text(
        f'ImageId,PredictionString\n"{stem}",n01440764 1\n'
    )
    assert labels_by_stem(tmp_path / "LOC_val_solution.csv") == {stem: 0}


@given(st.binary(max_size=200), st.sampled_from(["val_map.txt", "LOC_val_solution.csv", "x.txt"]))
def test_whatever_a_list_holds_it_is_read_or_refused_by_line(data, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        for read_all in (lambda: list(lines_of(path)), lambda: labels_by_stem(path)):
            refused = None
            try:
                read_all()
            except UsageError as error:
                refused = error.message
            assert refused is None or f"{name}:" in refused
