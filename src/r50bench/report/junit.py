"""JUnit's XML, which every CI reads: what was checked, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

__all__ = ["CheckedCase", "Outcome", "junit_xml"]

# XML 1.0 has no place for control characters, escaped or not.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


Outcome = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True)
class CheckedCase:
    """One line of a CI's report.

    ``passed``; ``failure`` where a check did not hold; ``error`` where there is nothing to check;
    ``skipped`` where nobody can tell. ``message`` is one line, ``text`` all there is to say.
    """

    name: str
    outcome: Outcome = "passed"
    message: str = ""
    text: str = ""
    classname: str = "r50bench"


def junit_xml(suite: str, cases: Sequence[CheckedCase]) -> str:
    """Returns a ``<testsuites>`` of one suite, ending in a newline."""
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome == "failure" for case in cases)),
        "errors": str(sum(case.outcome == "error" for case in cases)),
        "skipped": str(sum(case.outcome == "skipped" for case in cases)),
    }
    root = ElementTree.Element("testsuites", {"name": _legal(suite), **_without_skipped(counts)})
    parent = ElementTree.SubElement(root, "testsuite", {"name": _legal(suite), **counts})
    for case in cases:
        _append(parent, case)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _append(parent: ElementTree.Element, case: CheckedCase) -> None:
    attributes = {
        "name": _legal(case.name),
        "classname": _legal(case.classname),
    }
    element = ElementTree.SubElement(parent, "testcase", attributes)
    if case.outcome == "passed":
        if case.text:
            ElementTree.SubElement(element, "system-out").text = _legal(case.text)
        return
    what = ElementTree.SubElement(element, case.outcome, {"message": _legal(case.message)})
    if case.outcome != "skipped":
        what.set("type", case.outcome)
    what.text = _legal(case.text)


def _without_skipped(counts: dict[str, str]) -> dict[str, str]:
    return {name: count for name, count in counts.items() if name != "skipped"}


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
