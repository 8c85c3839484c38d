"""``QUERY , get KEY``, however the shell delivers it."""

from __future__ import annotations

import shlex

import pytest

from r50bench.errors import UsageError
from r50bench.mlperf.query.command import QueryCommand, split_command, split_terms

WANTED = QueryCommand(("loadgen_output", "framework=pytorch"), "accuracy")


@pytest.mark.parametrize(
    "line",
    [
        "loadgen_output,framework=pytorch , get accuracy",
        "loadgen_output,framework=pytorch, get accuracy",
        "loadgen_output,framework=pytorch ,get accuracy",
        "loadgen_output,framework=pytorch,get accuracy",
        "loadgen_output, framework=pytorch , get accuracy",
        "'loadgen_output,framework=pytorch , get accuracy'",
        "'loadgen_output,framework=pytorch' , get  accuracy",
        "loadgen_output,framework=pytorch , 'get accuracy'",
    ],
)
def test_spacing_and_quoting_decide_nothing(line: str) -> None:
    assert split_command(shlex.split(line)) == WANTED


def test_without_get_everything_is_asked() -> None:
    assert split_command(["git_repo,collection"]) == QueryCommand(("git_repo", "collection"), None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "no query"),
        ("a,,b", "empty term"),
        (", get accuracy", "empty term"),
        ("a , get accuracy ,", "empty term"),
        ("get accuracy", "without a query"),
        ("a , get", "takes one key, here 0"),
        ("a , get accuracy performance", "takes one key, here 2"),
        ("a , get accuracy , b", "once, at the end"),
        ("a , get accuracy , get performance", "once, at the end"),
    ],
)
def test_what_is_no_pipeline_is_refused(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        split_command(line.split())
    assert caught.value.hint


def test_a_search_takes_terms_alone_or_none() -> None:
    assert split_terms([]) == ()
    assert split_terms(["main_job,mode=latency"]) == ("main_job", "mode=latency")
    with pytest.raises(UsageError, match="belongs to"):
        split_terms(["main_job", ",", "get", "accuracy"])
