"""``r50bench doctor``: findings with their mends, for people and programs, and its exit code."""

from __future__ import annotations

import json

import pytest

from r50bench.cli import doctor as verb
from r50bench.host.topology import Host
from r50bench.notices import Notice
from support.command_line import Call

FOUND = (
    Notice("governor", 'the governor is "powersave"', "cpupower frequency-set -g performance"),
    Notice("steal", "the hypervisor gave 7.0 % to other guests"),
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    monkeypatch.setattr(verb, "examine", lambda *_, **__: FOUND)
    monkeypatch.setattr(verb, "examine_modules", lambda: ())


@pytest.mark.usefixtures("found")
def test_every_finding_is_said_with_its_mend_and_the_exit_code_is_3(r50bench_here: Call) -> None:
    answer = r50bench_here("doctor")
    assert answer.code == 3
    findings, _, asked = answer.out.partition("\n\n")
    where, *lines = findings.splitlines()
    assert where.startswith("TURIN: ")
    assert lines == [
        '! the governor is "powersave". Mend: cpupower frequency-set -g performance',
        "! the hypervisor gave 7.0 % to other guests",
    ]
    assert "2 findings: governor, steal" in answer.err
    assert asked.startswith("what full runs ask of a host:\n  AMX ")
    assert "512 GB recommended" in asked


@pytest.mark.usefixtures("found")
def test_programs_get_codes(r50bench_here: Call) -> None:
    answer = r50bench_here("doctor", "--json")
    assert answer.code == 3
    assert [one["code"] for one in json.loads(answer.out)["findings"]] == ["governor", "steal"]
    assert "AMX" in [one["what"] for one in json.loads(answer.out)["requirements"]]


def test_where_nothing_hurts_it_says_so_and_exits_0(
    r50bench_here: Call, monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    monkeypatch.setattr(verb, "examine", lambda *_, **__: ())
    monkeypatch.setattr(verb, "examine_modules", lambda: ())
    answer = r50bench_here("doctor")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[1] == "nothing here is known to hurt the figures"
    assert json.loads(r50bench_here("doctor", "--json").out)["findings"] == []


def test_it_takes_no_words(r50bench_here: Call) -> None:
    assert r50bench_here("doctor", "now").code == 2
