"""The rules of the schema by which Jenkins' xUnit plugin takes JUnit's XML (junit-10)."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_RERUNS = {"rerunFailure", "rerunError", "flakyFailure", "flakyError"}
_OUTCOMES = {"skipped", "error", "failure"}

_CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "testcase": _OUTCOMES | _RERUNS | {"system-out", "system-err"},
    "properties": {"property"},
}
_REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "property": {"name", "value"},
}
_ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": _REQUIRED["testsuite"]
    | {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    "testcase": {"name", "time", "classname", "group"},
    "property": {"name", "value"},
    **{outcome: {"type", "message"} for outcome in _OUTCOMES},
}
_WITH_TEXT = _OUTCOMES | {"system-out", "system-err"}
_TIME = re.compile(r"[0-9,]*(\.[0-9]*)?")


def check_junit_rules(text: str) -> None:
    """Fails on an element, an attribute or a text that the schema has no place for."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag in ("testsuites", "testsuite")
    _check(root)


def _check(element: ElementTree.Element) -> None:
    tag, given = element.tag, set(element.attrib)
    assert given <= _ALLOWED.get(tag, set()), f"<{tag}> may not have {given}"
    assert _REQUIRED.get(tag, set()) <= given, f"<{tag}> lacks some of {_REQUIRED[tag]}"
    if "time" in given and tag != "testcase":
        assert _TIME.fullmatch(element.attrib["time"])
    if tag not in _WITH_TEXT:
        assert not (element.text or "").strip(), f"<{tag}> may hold no text"
    for child in element:
        assert child.tag in _CHILDREN.get(tag, set()), f"<{tag}> may not hold <{child.tag}>"
        _check(child)
