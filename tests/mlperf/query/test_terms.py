"""The terms of queries: what can be written, what it means, and what is refused."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import UsageError
from r50bench.mlperf.query.command import split_command
from r50bench.mlperf.query.terms import (
    Comparison,
    Presence,
    TagTerm,
    Term,
    Truth,
    asks_for_repository,
    parse_terms,
)
from r50bench.mlperf.query.vocabulary import KEYS, TAGS

FACTS: dict[str, Any] = {
    "loadgen_scenario": "Offline",
    "loadgen_dataset_size": 20,
    "loadgen_target_qps": None,
    "accuracy": 95.0,
    "compliant": False,
    "precision": "avx_int8",
    "status": "valid",
}


def holds(text: str) -> bool:
    (term,) = parse_terms([text])
    return term.holds(("loadgen_output", "classified_imagenet"), FACTS)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("loadgen_output", True),
        ("main_job", False),
        ("!main_job", True),
        ("main_job-", True),
        ("-main_job", True),
        ("^main_job", True),
        ("!loadgen_output", False),
        ("loadgen_scenario=offline", True),
        ("loadgen_scenario==Offline", True),
        ("loadgen_scenario!=Server", True),
        ("loadgen_scenario<>Offline", False),
        ("loadgen_dataset_size=20", True),
        ("loadgen_dataset_size<20", False),
        ("loadgen_dataset_size<=20", True),
        ("loadgen_dataset_size>=20", True),
        ("loadgen_dataset_size>19", True),
        # As numbers: as texts, "9" would be the greater.
        ("loadgen_dataset_size>9", True),
        ("accuracy > 94.9", True),
        ("precision=int8", True),
        ("precision=avx_int8", True),
        ("precision=bf16", False),
        # Of what is not known only != holds.
        ("loadgen_target_qps=5", False),
        ("loadgen_target_qps<5", False),
        ("loadgen_target_qps!=5", True),
        ("loadgen_target_qps.", False),
        ("loadgen_scenario.", True),
        ("compliant.", True),
        ("compliant?", False),
        ("compliant+", False),
        ("compliant-", True),
        ("loadgen_target_qps-", True),
        ("loadgen_dataset_size?", True),
    ],
)
def test_terms_hold_as_they_say(text: str, wanted: bool) -> None:
    assert holds(text) is wanted


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("loadgen_outptu", "unknown tag", "did you mean loadgen_output"),
        ("loadgen_mode", "needs a value", "loadgen_mode=VALUE"),
        ("loadgn_mode=AccuracyOnly", "unknown key", "loadgen_mode"),
        ("loadgen_output=1", "unknown key", "is a tag"),
        ("framework=onnxrt", "must be pytorch", ""),
        ("model_name=resnet_50", "must be resnet50", ""),
        ("task=image_clasification", "must be image_classification", ""),
        ("loadgen_dataset_size=many", "whole number", "default"),
        ("loadgen_dataset_size=-1", "whole number", ""),
        ("loadgen_scenario=ofline", "did you mean offline", ""),
        ("accuracy>high", "must be a number", ""),
        ("loadgen_output loadgen_mode=AccuracyOnly", "no term", "commas"),
        ("verdict=VALID loadgen_scenario=Offline", "must be VALID", "commas"),
        ("precision=avx_int9", "unknown precision", "did you mean"),
        ("customer_env<A=1", "has no order", "!="),
        ("a b", "no term", "key=value"),
        ("=5", "no term", "key=value"),
        ("loadgen_mode=", "no term", "key=value"),
        ("🦆=1", "no term", ""),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_terms([text])
    assert hint in (caught.value.hint or "")


def test_a_figure_that_has_no_default_is_not_said_to() -> None:
    with pytest.raises(UsageError) as caught:
        parse_terms(["accuracy>high"])
    assert caught.value.hint is None


_EXAMPLES = {
    "created": ["2026-11-28", "2026-11-28T10:36:30+02:00"],
    "loadgen_compliance_test": ["TEST01", "TEST04"],
    "loadgen_mode": ["AccuracyOnly", "PerformanceOnly", "FindPeakPerformance", "SubmissionRun"],
    "loadgen_scenario": ["Offline", "SingleStream", "MultiStream", "Server"],
    "loadgen_seeds": ["v5.1", "v6.1"],
    "precision": ["avx_fp32", "int8", "amx_bfloat16"],
    "engine": ["torch", "fake"],
    "execution_device": ["cpu", "gpu", "cuda"],
    "python": [sys.executable],
    "weights": ["auto", "v1", "v1.5", "random"],
    "customer_env": ["A=1 B='2 3'", "A="],
    "mode": ["latency", "throughput"],
    "case_type": ["gated", "pkm"],
    "profile": ["gated", "pkm"],
    "data_type": ["dummy", "real"],
    "task": ["image_classification"],
    "verdict": ["VALID", "INVALID"],
}
_ANY = ["1", "17", "0.25", "123456.5", "True", "no", "valid", "auto", "pytorch", "resnet50", "v1"]


@st.composite
def terms(draw: st.DrawFn) -> Term:
    if draw(st.booleans()):
        return TagTerm(draw(st.sampled_from(TAGS)), draw(st.booleans()))
    key = draw(st.sampled_from(list(KEYS.values())))
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([Presence(key), Truth(key, True), Truth(key, False)]))
    values = []
    for text in _EXAMPLES.get(key.name, _ANY):
        try:
            values.append(key.parse(text))
        except (ValueError, UsageError):
            continue
    value = draw(st.sampled_from(values))
    signs = ["=", "!="] if isinstance(value, tuple) else ["=", "!=", "<", "<=", ">", ">="]
    return Comparison(key, draw(st.sampled_from(signs)), value)


@given(st.lists(terms(), min_size=1))
def test_terms_are_read_back_as_they_are_written(queried: list[Term]) -> None:
    line = ",".join(map(str, queried))
    assert parse_terms(split_command([line]).terms) == tuple(queried)


@given(st.lists(st.text(max_size=30), max_size=6))
def test_garbage_is_refused_in_words(words: list[str]) -> None:
    with contextlib.suppress(UsageError):
        parse_terms(split_command(words).terms)


@given(
    st.sampled_from([*KEYS, *TAGS]),
    st.sampled_from([*"=<>.?+-!", "!=", "<=", ">=", "==", "<>"]),
    st.text(max_size=20),
)
def test_garbage_after_a_known_word_is_refused_in_words(word: str, sign: str, rest: str) -> None:
    read: tuple[Term, ...] = ()
    with contextlib.suppress(UsageError):
        read = parse_terms([f"{word}{sign}{rest}"])
    assert parse_terms(map(str, read)) == read


def test_a_query_for_a_repository_is_known_by_its_tag() -> None:
    assert asks_for_repository(["git_repo", "collection", "repo_name=axs2mlperf", "checkout=x"])
    assert not asks_for_repository(["loadgen_output"])
    with pytest.raises(UsageError, match="unknown key 'repo_nam'"):
        asks_for_repository(["git_repo", "repo_nam=x"])
