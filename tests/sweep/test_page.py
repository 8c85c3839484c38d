"""The page of a sweep."""

from __future__ import annotations

from r50bench.sweep.page import sweep_page
from support.sweep_points import RESULTS, refused


def test_the_page_stands_alone_and_names_every_point() -> None:
    page = sweep_page(RESULTS, 1)
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page
    assert "<script" not in page
    assert page.count("<title>") == 1 + 3  # the page's own, and a tooltip for each point
    assert "avx_int8, batch 8, 1 × 1 core: 400.0 ± 0 img/s" in page


def test_a_page_without_any_figure_is_a_page() -> None:
    assert "<svg" not in sweep_page([refused(1)], 1)
