from __future__ import annotations

from pathlib import Path

from r50bench.results.predictions import Predictions, write_predictions

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
