"""The kinds of layers, each with its colour in every picture of a profile."""

from __future__ import annotations

from r50bench.report.svg import SHADES

__all__ = ["KIND_COLORS"]

KIND_COLORS = {
    "3×3": SHADES["blue"],
    "3×3, stride 2": SHADES["light blue"],
    "1×1 reduce": SHADES["green"],
    "1×1 expand": SHADES["light vermilion"],
    "1×1 expand + add": SHADES["vermilion"],
    "1×1 shortcut": SHADES["orange"],
    "1×1 shortcut + add": SHADES["dark orange"],
    "stem 7×7": SHADES["purple"],
    "classifier": SHADES["grey"],
}
"""By :func:`.roofline.group_of`'s words."""
