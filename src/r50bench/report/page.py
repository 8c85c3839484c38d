"""A page that needs nothing beside itself, and no script: a heading, pictures, and tables."""

from __future__ import annotations

from html import escape

__all__ = ["page"]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }}
svg {{ width: 100%; height: auto }}
pre {{ font: 12px/1.4 ui-monospace, monospace; overflow-x: auto }}
</style>
<h1>{title}</h1>
<p>{heading}</p>
{pictures}
<pre>{tables}</pre>
</html>
"""


def page(title: str, heading: str, pictures: str, tables: str) -> str:
    """Returns the page; ``pictures`` is HTML already, all else is text."""
    return _PAGE.format(
        title=escape(title), heading=escape(heading), pictures=pictures, tables=escape(tables)
    )
