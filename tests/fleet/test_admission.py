"""Whether a cluster may be used. That Ray answers so is tried by tests/system/fleet.py."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from r50bench.errors import RunFailed, UsageError
from r50bench.fleet import admission
from r50bench.fleet.admission import (
    Knocked,
    admit,
    is_loopback,
    knock,
    refuse_open,
    without_token,
)

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ours", "PATH": "/usr/bin"}


def answering(monkeypatch: pytest.MonkeyPatch, *, stranger: str, ours: str) -> None:
    def fake(address: str, environ: Mapping[str, str]) -> Knocked:
        return Knocked("192.0.2.1:6379", ours if environ == TOKEN else stranger)

    monkeypatch.setattr(admission, "knock", fake)


def test_a_stranger_has_no_token_whatever_the_shell_has() -> None:
    assert without_token(TOKEN) == {"PATH": "/usr/bin", "RAY_AUTH_MODE": "disabled"}


def test_one_that_turns_strangers_away_and_lets_us_in_is_guarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, stranger="turned away", ours="answers")
    assert admit("auto", TOKEN) == ("192.0.2.1:6379", True)


def test_one_that_lets_a_stranger_in_is_not_guarded_though_we_have_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, stranger="answers", ours="answers")
    assert admit("auto", TOKEN) == ("192.0.2.1:6379", False)


@pytest.mark.parametrize(
    ("ours", "why"),
    [("turned away", "the one set here is not its own"), ("no token", "none is set here")],
)
def test_one_that_turns_us_away_is_said_so_with_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, ours: str, why: str
) -> None:
    answering(monkeypatch, stranger="turned away", ours=ours)
    with pytest.raises(UsageError, match=why) as caught:
        admit("auto", TOKEN)
    assert "RAY_AUTH_TOKEN_PATH" in str(caught.value.hint)


def test_a_shell_that_does_not_ask_for_tokens_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, stranger="turned away", ours="turned away")
    with pytest.raises(UsageError, match="wants a token, and none is set here"):
        admit("auto", {"PATH": "/usr/bin"})


def test_where_nobody_answers_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, stranger="silent", ours="answers")
    with pytest.raises(RunFailed, match="no cluster of Ray's answers at auto"):
        admit("auto", TOKEN)


def test_an_open_cluster_is_used_only_if_nobody_else_can_reach_it() -> None:
    refuse_open("127.0.0.1:6379", ["127.0.0.1", "127.0.0.2"])
    with pytest.raises(UsageError, match=r"who reaches 192\.0\.2\.7 can run anything"):
        refuse_open("127.0.0.1:6379", ["127.0.0.1", "192.0.2.7"])
    with pytest.raises(UsageError, match="wants no token"):
        refuse_open("ray://head:10001", [])


@pytest.mark.parametrize(
    ("address", "loops"),
    [
        ("127.0.0.1:6379", True),
        ("localhost", True),
        ("ray://127.1.2.3:10001", True),
        ("[::1]:6379", True),
        ("::1", True),
        ("0.0.0.0:6379", False),
        ("192.0.2.1", False),
        ("localhost.example.org:6379", False),
        ("", False),
    ],
)
def test_what_is_this_machines_own_loop(address: str, loops: bool) -> None:
    assert is_loopback(address) is loops


def test_a_program_that_ray_ends_stands_for_a_missing_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "_PROGRAM", "import os; os.abort()")
    assert knock("head:6379", {}) == Knocked("head:6379", "no token")
    monkeypatch.setattr(admission, "_PROGRAM", "print('noise\\nhead:1\\nanswers')")
    assert knock("auto", {}) == Knocked("head:1", "answers")
    monkeypatch.setattr(admission, "_PROGRAM", "print('head:1\\nwhatever')")
    assert knock("auto", {}) == Knocked("head:1", "silent")
