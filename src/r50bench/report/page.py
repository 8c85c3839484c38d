"""A page that needs nothing beside itself, and no script: heading, sections, notes.

Its policy forbids every request and every script, so that no word of a record can become either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from r50bench.report.table import Table

__all__ = ["Section", "page", "pictures", "preformatted", "tables", "words"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.45 system-ui, sans-serif; max-width: 60rem }}
body {{ margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }}
h1 {{ font-size: 1.4rem }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem }}
h3 {{ font-size: 1rem; margin: 1rem 0 .3rem }}
.answer {{ font-size: 1.15rem; line-height: 1.4 }}
.wide {{ overflow-x: auto; content-visibility: auto; contain-intrinsic-height: auto 20rem }}
.wide > svg {{ width: 100%; min-width: 34rem; height: auto; display: block; margin: .6rem 0 }}
table {{ border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums }}
th, td {{ padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: bottom }}
thead th {{ border-bottom: 1px solid #8888; font-weight: 600 }}
.figure {{ text-align: right; white-space: nowrap }}
.words {{ min-width: 11rem }}
.gap td {{ padding-top: .6rem }}
.missing, .note {{ color: #b3261e }}
pre {{ overflow-x: auto; padding: .6rem .8rem; border: 1px solid #8886; border-radius: 4px }}
.paper {{ display: none }}
@media screen and (prefers-color-scheme: dark) {{ .missing, .note {{ color: #ff8a80 }} }}
@media print {{
  :root {{ color-scheme: light }}
  body {{ margin: 0; max-width: none; font-size: 11px }}
  .wide {{ overflow: visible; content-visibility: visible }} .wide > svg {{ min-width: 0 }}
  .screen {{ display: none }} .paper {{ display: block }}
  pre {{ white-space: pre-wrap }}
  svg, tr, pre {{ break-inside: avoid }} h2 {{ break-after: avoid }}
  .words {{ min-width: 0 }} table {{ font-size: 9px }} th, td {{ padding-right: .4rem }}
}}
</style>
<h1>{title}</h1>
{parts}
</html>
"""


@dataclass(frozen=True)
class Section:
    """A part of a page below its title, which may be empty; ``html`` is markup already."""

    title: str
    html: str


def words(title: str, lines: Iterable[str], *, style: str = "") -> Section:
    """Returns a section with a paragraph for each line, in the page's class ``style``."""
    named = f' class="{style}"' if style else ""
    return Section(title, "\n".join(f"<p{named}>{escape(line)}</p>" for line in lines))


def pictures(title: str, drawings: Iterable[str], key: str = "") -> Section:
    """Returns a section of SVG pictures; ``key`` is a line that says how to read them."""
    parts = [f"<p>{escape(key)}</p>"] if key else []
    parts += [f'<div class="wide">{drawing}</div>' for drawing in drawings]
    return Section(title, "\n".join(parts))


def tables(title: str, named: Iterable[tuple[str, Table]], *, on_paper: str = "") -> Section:
    """Returns a section of tables, each with a title of its own, which may be empty.

    ``on_paper`` is printed in their place where they are too wide for any sheet: a browser would
    make all of the page as small as that takes.
    """
    parts: list[str] = []
    for name, table in named:
        parts += [f"<h3>{escape(name)}</h3>"] if name else []
        parts.append(f'<div class="wide">{table.html()}</div>')
    if on_paper:
        parts = [
            '<div class="screen">',
            *parts,
            "</div>",
            f'<p class="paper">{escape(on_paper)}</p>',
        ]
    return Section(title, "\n".join(parts))


def preformatted(title: str, text: str) -> Section:
    """Returns a section of lines that are to be copied as they stand."""
    return Section(title, f"<pre>{escape(text)}</pre>")


def page(title: str, heading: str, sections: Iterable[Section], notes: Iterable[str] = ()) -> str:
    """Returns the page; each line of ``heading`` is a paragraph, ``notes`` say what is missing."""
    parts = [f"<p>{escape(line)}</p>" for line in heading.splitlines()]
    for section in sections:
        parts += [f"<h2>{escape(section.title)}</h2>"] if section.title else []
        parts.append(section.html)
    parts += [f'<p class="note">{escape(note)}</p>' for note in notes]
    return _PAGE.format(title=escape(title), policy=_POLICY, parts="\n".join(parts))
