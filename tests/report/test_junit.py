"""JUnit's XML, held to what the schema of Jenkins' xUnit plugin (junit-10) allows."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from r50bench.report.junit import CheckedCase, Outcome, junit_xml
from support.junit_rules import check_junit_rules

CASES = [
    CheckedCase("fine", text="all of it"),
    CheckedCase("slow", "failure", "slower: 0.9", "what differs"),
    CheckedCase("dead", "error", "a worker died"),
    CheckedCase("noisy", "skipped", "too noisy to say"),
]


def test_every_outcome_is_counted_and_follows_the_schema() -> None:
    text = junit_xml("r50bench check", CASES)
    check_junit_rules(text)
    (suite,) = ElementTree.fromstring(text)
    assert suite.attrib == {
        "name": "r50bench check",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    assert [[child.tag for child in case] for case in suite] == [
        ["system-out"], ["failure"], ["error"], ["skipped"],
    ]  # fmt: skip
    assert suite[1][0].attrib == {"message": "slower: 0.9", "type": "failure"}
    assert suite[1][0].text == "what differs"


@pytest.mark.parametrize("outcome", ["passed", "failure", "error", "skipped"])
def test_no_text_breaks_the_xml(outcome: Outcome) -> None:
    nasty = 'a <b> & "c" ]]> \x00\x1b[31m\ud800'
    text = junit_xml(nasty, [CheckedCase(nasty, outcome, nasty, nasty)])
    check_junit_rules(text)
    (case,) = ElementTree.fromstring(text.encode())[0]
    assert case.get("name") == 'a <b> & "c" ]]> ��[31m�'


def test_nothing_checked_is_a_suite_of_nothing() -> None:
    text = junit_xml("none", [])
    check_junit_rules(text)
    assert ElementTree.fromstring(text)[0].get("tests") == "0"
