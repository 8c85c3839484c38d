"""The page of a profile: the picture of its layers, and the tables below it."""

from __future__ import annotations

from r50bench.profile.layer_bars import layer_bars_svg
from r50bench.profile.run import Profile
from r50bench.profile.text import profile_heading, profile_tables
from r50bench.report.page import page, pictures, tables

__all__ = ["profile_page"]

_KEY = """\
A bar is the median time of a layer's kernels; its full colour is the least time that the
machine's measured limit allows for its operations and bytes, and the percentage their ratio."""


def profile_page(profile: Profile) -> str:
    """Returns the whole page as HTML."""
    return page(
        "r50bench profile",
        f"{profile.host.get('model_name', '')} · {profile_heading(profile)}",
        [
            pictures("", [layer_bars_svg(profile)], _KEY),
            tables("", [("", table) for table in profile_tables(profile, all_layers=True)]),
        ],
        profile.warnings,
    )
