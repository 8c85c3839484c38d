"""The exception tree: exit codes, hints, suggestions."""

from __future__ import annotations

import errno
import os

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
    functions = {"did_you_mean", "is_system_refusal", "reason_of", "system_refusal"}
    assert public | functions == set(errors.__all__)


def test_near_words_are_suggested_and_far_ones_are_not() -> None:
    assert errors.did_you_mean("thruput", ["throughput", "latency"]) == "did you mean throughput?"
    assert errors.did_you_mean("xyz", ["throughput", "latency"]) is None


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.EROFS]
)
def test_what_the_system_refuses_is_a_failed_run_that_names_the_place_and_a_mend(
    number: int,
) -> None:
    refused = OSError(number, "as the kernel says it")
    told = errors.system_refusal("write /runs/record.json", refused)
    assert errors.is_system_refusal(refused)
    assert told.exit_code == 5
    assert told.message == f"cannot write /runs/record.json: {os.strerror(number).lower()}"
    assert told.hint


def test_a_call_that_was_wrong_in_itself_is_no_refusal_of_the_system() -> None:
    assert not errors.is_system_refusal(OSError(errno.EBADF, "bad file descriptor"))
    assert not errors.is_system_refusal(ValueError("no number"))
