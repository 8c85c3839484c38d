"""Notices: how they read, and that every code is known to the reader."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import r50bench
from r50bench.notices import Notice, disturbance, neighbours, no_effect

SOURCE = Path(r50bench.__file__).parent
DOCUMENT = Path(__file__).parents[1] / "docs" / "notices.md"


def test_a_notice_reads_as_its_text_and_then_its_mend() -> None:
    assert str(Notice("load", "other work is running", "wait")) == (
        "other work is running. Mend: wait"
    )
    assert str(Notice("load", "other work is running")) == "other work is running"


def test_what_has_no_effect_says_why() -> None:
    assert no_effect("STEPS=3", "LoadGen decides") == Notice(
        "no-effect", "STEPS=3 has no effect: LoadGen decides"
    )


@pytest.mark.parametrize("share", [None, 0.0, 0.0299])
def test_little_lost_time_or_none_known_is_not_worth_a_word(share: float | None) -> None:
    assert disturbance(share) is None


def test_much_lost_time_is_said_with_its_share() -> None:
    notice = disturbance(0.336)
    assert notice is not None
    assert notice.code == "disturbed"
    assert "33.6 % of the measured time" in notice.text


@pytest.mark.parametrize(("cpus", "cores"), [(None, 2), (0.4, 2), (11.0, 128)])
def test_little_work_of_others_is_not_worth_a_notice(cpus: float | None, cores: int) -> None:
    assert neighbours(cpus, cores) is None


def test_a_compiler_beside_a_run_is_worth_one() -> None:
    notice = neighbours(1.04, 2)
    assert notice is not None
    assert notice.code == "neighbours"
    assert "1.0 CPUs" in notice.text


def codes_in_source() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Notice":
                code = node.args[0]
                assert isinstance(code, ast.Constant), f"{path}:{node.lineno}: say the code itself"
                yield code.value


def test_every_code_is_in_the_table_of_the_documents_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(codes_in_source()) == set(listed) - {"warning"}
