"""A page that needs nothing beside itself, and no script: heading, pictures, tables, notes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from r50bench.report.table import Table

__all__ = ["page"]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.45 system-ui, sans-serif; max-width: 60rem }}
body {{ margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }} h2 {{ font-size: 1rem; margin: 1.6rem 0 .4rem }}
svg {{ width: 100%; height: auto }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums }}
th, td {{ padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: bottom }}
thead th {{ border-bottom: 1px solid #8888; font-weight: 600 }}
.figure {{ text-align: right; white-space: nowrap }}
.gap td {{ padding-top: .6rem }}
.missing, .note {{ color: #b3261e }}
@media (prefers-color-scheme: dark) {{ .missing, .note {{ color: #ff8a80 }} }}
</style>
<h1>{title}</h1>
{parts}
</html>
"""


def page(
    title: str,
    heading: str,
    pictures: Iterable[str],
    tables: Iterable[tuple[str, Table]],
    notes: Iterable[str] = (),
) -> str:
    """Returns the page; ``pictures`` are HTML already, all else is text.

    Each table has a title, which may be empty; ``notes`` say what is wrong or missing.
    """
    parts = [f"<p>{escape(line)}</p>" for line in heading.splitlines()]
    parts += pictures
    for name, table in tables:
        parts += [f"<h2>{escape(name)}</h2>"] if name else ["<br>"]
        parts.append(f'<div class="wide">{table.html()}</div>')
    parts += [f'<p class="note">{escape(note)}</p>' for note in notes]
    return _PAGE.format(title=escape(title), parts="\n".join(parts))
