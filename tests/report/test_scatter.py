"""The scatter plot: well formed, with every point on the paper."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from r50bench.report.scatter import Mark, Scatter, scatter_svg


def test_a_picture_is_well_formed_and_keeps_its_points_inside() -> None:
    marks = [
        Mark("a <b>", x, y, f"{x}", f"x & {y}", x < 10, y * 0.9, y * 1.1)
        for x, y in ((0.5, 1.0), (9.0, 5.0), (400.0, 4.0))
    ]
    plot = Scatter('"so" & on', "k", "x", "y", tuple(marks))
    root = ET.fromstring(scatter_svg(plot))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == len(marks)
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_one_point_is_a_picture_too() -> None:
    root = ET.fromstring(
        scatter_svg(Scatter("t", "k", "x", "y", (Mark("a", 3, 0, "l", "t", True),)))
    )
    assert root.tag.endswith("svg")
