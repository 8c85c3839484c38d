"""The page of a profile: the picture of its layers, and the tables below it."""

from __future__ import annotations

from html import escape

from r50bench.campaign.profile import Profile
from r50bench.report.layer_bars import layer_bars_svg
from r50bench.report.profile import profile_heading, profile_text

__all__ = ["profile_page"]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>r50bench profile</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }}
svg {{ width: 100%; height: auto }}
pre {{ font: 12px/1.4 ui-monospace, monospace; overflow-x: auto }}
</style>
<h1>r50bench profile</h1>
<p>{heading}</p>
{picture}
<p>A bar is the median time of a layer's kernels; its full colour is the least time that the
machine's measured limit allows for its operations and bytes, and the percentage their ratio.</p>
<pre>{tables}</pre>
</html>
"""


def profile_page(profile: Profile) -> str:
    """Returns a page that needs nothing beside itself, and no script."""
    return _PAGE.format(
        heading=escape(f"{profile.host.get('model_name', '')} · {profile_heading(profile)}"),
        picture=layer_bars_svg(profile),
        tables=escape(profile_text(profile, all_layers=True)),
    )
