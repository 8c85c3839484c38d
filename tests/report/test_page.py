"""A page stands alone, and shows words as words."""

from __future__ import annotations

from r50bench.report.page import page, pictures, preformatted, tables
from r50bench.report.table import Table


def test_a_page_holds_pictures_as_they_are_and_all_else_as_text() -> None:
    sections = [
        pictures("p <1>", ["<svg></svg>"], "k <1>"),
        tables("", [("t <1>", Table.of(("x",), [("1",)]))]),
        preformatted("", "r50bench <run>"),
    ]
    found = page("a & b", "one\n<two>", sections, ["so <so>"])
    assert "<title>a &amp; b</title>" in found
    assert "<p>one</p>\n<p>&lt;two&gt;</p>" in found
    assert "<svg></svg>" in found
    assert "<h2>p &lt;1&gt;</h2>\n<p>k &lt;1&gt;</p>" in found
    assert "<h3>t &lt;1&gt;</h3>" in found
    assert "<pre>r50bench &lt;run&gt;</pre>" in found
    assert '<td class="figure">1</td>' in found
    assert '<p class="note">so &lt;so&gt;</p>' in found
    assert "<script" not in found


def test_tables_too_wide_for_a_sheet_are_on_the_screen_and_a_line_is_on_paper() -> None:
    wide = tables("All", [("", Table.of(("x",), [("1",)]))], on_paper="see <the page>")
    screen, paper = page("t", "", [wide]).split("<h2>All</h2>")[1].split("</div>\n<p")
    assert screen.startswith('\n<div class="screen">')
    assert '<td class="figure">1</td>' in screen
    assert paper.startswith(' class="paper">see &lt;the page&gt;</p>')
    printed = page("t", "", []).split("@media print {")[1].partition("\n}")[0]
    assert ".screen { display: none } .paper { display: block }" in printed
