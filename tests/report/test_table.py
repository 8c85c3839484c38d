"""One table, three renderings: what is aligned, wrapped, escaped, and never cut."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from r50bench.report.table import Column, Missing, Table, named_lines

TABLE = Table.of(
    ("precision", "throughput\nimg/s", Column("kernels", wraps=True), ""),
    [
        ("avx_fp32", "68.6 ± 1.0", "direct avx512_core", ""),
        (),
        ("avx_int8", Missing("failed"), "brgconv | avx512_core_vnni", ""),
    ],
)


def test_a_terminal_gets_figures_to_the_right_below_the_last_line_of_the_head() -> None:
    assert TABLE.text().splitlines() == [
        "           throughput",
        "precision       img/s  kernels",
        "─────────────────────────────────────────────────",
        "avx_fp32   68.6 ± 1.0  direct avx512_core",
        "",
        "avx_int8       failed  brgconv | avx512_core_vnni",
    ]


def test_a_narrow_terminal_has_the_words_wrapped() -> None:
    lines = TABLE.text(42).splitlines()
    assert max(map(len, lines)) <= 42
    assert lines[3:5] == ["avx_fp32   68.6 ± 1.0  direct avx512_core", ""]
    assert lines[5:] == ["avx_int8       failed  brgconv |", " " * 23 + "avx512_core_vnni"]


@pytest.mark.parametrize("width", [1, 20, 39])
def test_nothing_is_cut_however_narrow_the_terminal(width: int) -> None:
    words = TABLE.text(width).split()
    for word in ("68.6", "avx512_core", "avx512_core_vnni", "failed"):
        assert word in words


def test_markdown_keeps_every_cell_in_its_column() -> None:
    assert TABLE.markdown().splitlines() == [
        "| precision | throughput img/s | kernels |",
        "| --- | ---: | --- |",
        "| avx_fp32 | 68.6 ± 1.0 | direct avx512_core |",
        "| avx_int8 | failed | brgconv \\| avx512_core_vnni |",
    ]


def test_html_is_well_formed_and_says_what_a_cell_is() -> None:
    table = Table.of(("name", "value"), [("a <b>", "1"), (), ("c", Missing("too few"))])
    root = ET.fromstring(table.html())
    cells = [(cell.text, cell.get("class")) for cell in root.iter("td")]
    assert cells == [("a <b>", None), ("1", "figure"), ("c", None), ("too few", "figure missing")]
    assert [row.get("class") for row in root.iterfind("tbody/*")] == [None, "gap"]


def test_a_column_is_of_figures_where_any_cell_is_unless_it_says_otherwise() -> None:
    rows = [("1 Jan", "-0.5", "a"), ("2", "none", "b")]
    table = Table.of((Column("day", "left"), "x", "y"), rows)
    assert table.markdown().splitlines()[1] == "| --- | ---: | --- |"


def test_a_table_without_rows_is_its_head() -> None:
    assert Table.of(("a", "b"), []).text() == "a  b\n────"


def test_a_row_that_is_too_short_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 cells below 2 columns"):
        Table.of(("a", "b"), [("x",)])


def test_named_lines_stand_below_one_another() -> None:
    assert named_lines([("a", "1"), ("long", "")]) == ["a     1", "long"]
    assert named_lines([]) == []
