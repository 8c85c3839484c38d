from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.errors import RunFailed, UsageError
from r50bench.results.predictions import (
    PREDICTIONS_FILE,
    Predictions,
    check_predictions,
    write_predictions,
)
from r50bench.results.record import Accuracy, Record
from r50bench.results.samples import samples_of
from support.records import record_of

TWO = Predictions(("a.jpg", "b,c.jpg"), (7, 5), ((7, 1, 2, 3, 4), (1, 2, 3, 4, 5)))


def test_right_ones_are_counted_in_the_first_place_and_among_the_five() -> None:
    assert TWO.counts() == (2, 1, 2)


def test_among_the_five_is_unknown_where_only_the_likeliest_is() -> None:
    assert Predictions(TWO.names, TWO.labels, ((7,), (1,))).counts() == (2, 1, None)


def test_each_picture_is_a_line_and_unknown_places_are_left_empty(tmp_path: Path) -> None:
    write_predictions(TWO, tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text() == (
        'picture,label,top1,top2,top3,top4,top5\na.jpg,7,7,1,2,3,4\n"b,c.jpg",5,1,2,3,4,5\n'
    )
    write_predictions(Predictions(("a.jpg",), (7,), ((9,),)), tmp_path / "first.csv")
    assert (tmp_path / "first.csv").read_text().splitlines()[1] == "a.jpg,7,9,,,,"


def test_a_name_that_is_no_utf8_is_written_as_its_bytes(tmp_path: Path) -> None:
    name = b"b\xe4r.jpg".decode(errors="surrogateescape")
    write_predictions(Predictions((name,), (7,), ((9,),)), tmp_path / "all.csv")
    assert b"\nb\xe4r.jpg,7," in (tmp_path / "all.csv").read_bytes()


def scored(folder: Path) -> Record:
    predictions = Predictions(("a.jpg", "b.jpg"), (3, 7), ((3, 1, 2, 4, 5), (1, 7, 2, 4, 5)))
    sha256 = write_predictions(predictions, folder / PREDICTIONS_FILE)
    return record_of("accuracy", accuracy=Accuracy(2, 1, 2), predictions_sha256=sha256)


def test_the_record_vouches_for_the_predictions_and_they_for_its_accuracy(tmp_path: Path) -> None:
    record = scored(tmp_path)
    check_predictions(record, tmp_path)
    with pytest.raises(RunFailed, match=r"counts Accuracy\(total=2, good=1.*record .*good=2"):
        check_predictions(replace(record, accuracy=Accuracy(2, 2, 2)), tmp_path)


def test_predictions_that_were_changed_or_are_gone_give_no_figures(tmp_path: Path) -> None:
    record = scored(tmp_path)
    path = tmp_path / PREDICTIONS_FILE
    path.write_text(path.read_text().replace("b.jpg,7,1", "b.jpg,7,7"))
    with pytest.raises(RunFailed, match="sha256 is not the one in the record"):
        samples_of(record, tmp_path)
    path.unlink()
    with pytest.raises(UsageError, match="there is no such file"):
        samples_of(record, tmp_path)


@pytest.mark.parametrize("text", ["", "picture,label\n", "{header}\na.jpg,x,1,2,3,4,5\n"])
def test_what_is_no_predictions_is_refused_whatever_its_hash(text: str, tmp_path: Path) -> None:
    record = scored(tmp_path)
    path = tmp_path / PREDICTIONS_FILE
    header = path.read_text().splitlines()[0]
    data = text.format(header=header).encode()
    path.write_bytes(data)
    with pytest.raises(RunFailed, match="damaged"):
        check_predictions(
            replace(record, predictions_sha256=hashlib.sha256(data).hexdigest()), tmp_path
        )
