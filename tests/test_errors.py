"""The exception tree: exit codes, hints, suggestions."""

from __future__ import annotations

import pytest

from r50bench import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.R50BenchError, 1),
        (errors.UsageError, 2),
        (errors.CheckFailed, 3),
        (errors.TooNoisy, 4),
        (errors.RunFailed, 5),
        (errors.AssetError, 5),
        (errors.EngineError, 5),
        (errors.WorkerFailed, 5),
        (errors.Unsupported, 6),
        (errors.Interrupted, 130),
    ],
)
def test_every_error_has_the_exit_code_of_its_kind(
    kind: type[errors.R50BenchError], code: int
) -> None:
    error = kind("what", hint="how")
    assert (error.exit_code, error.message, error.hint, str(error)) == (code, "what", "how", "what")


def test_all_names_every_public_error() -> None:
    public = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.R50BenchError)
    }
    assert public | {"did_you_mean"} == set(errors.__all__)


def test_near_words_are_suggested_and_far_ones_are_not() -> None:
    assert errors.did_you_mean("thruput", ["throughput", "latency"]) == "did you mean throughput?"
    assert errors.did_you_mean("xyz", ["throughput", "latency"]) is None
