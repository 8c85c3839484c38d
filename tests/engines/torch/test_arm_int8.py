"""Whether torch has int8 kernels for an Arm CPU, without importing it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from r50bench.engines.registry import ENGINES
from r50bench.engines.torch import arm_int8
from support import synthetic_hosts


def with_torch(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(arm_int8, "version", lambda package: {"torch": found}[package])


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        ("2.9.1", True),
        ("2.9.1+cpu", True),
        ("2.10.0", True),
        ("2.11.0", False),
        ("2.13.0+cpu", False),
        ("3.0.0a0+git1234", False),
        ("main", False),
    ],
)
def test_up_to_torch_2_10_int8_on_arm_is_reference_code(
    monkeypatch: pytest.MonkeyPatch, found: str, refused: bool
) -> None:
    with_torch(monkeypatch, found)
    said = arm_int8.no_int8_on_arm(synthetic_hosts.graviton3())
    assert bool(said) is refused
    assert (f"torch {found}, older than 2.11, has only reference" in said) is refused


@pytest.mark.parametrize("found", ["2.9.1", "2.13.0"])
def test_without_sve_no_torch_has_int8_kernels(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    with_torch(monkeypatch, found)
    assert "need SVE" in arm_int8.no_int8_on_arm(synthetic_hosts.graviton2())


def test_a_torch_that_is_not_there_is_for_others_to_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(arm_int8, "version", missing)
    assert arm_int8.no_int8_on_arm(synthetic_hosts.graviton3()) == ""


@pytest.mark.parametrize("engine", ["torch", "torch-compile"])
def test_int8_alone_is_refused_and_on_arm_alone(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    with_torch(monkeypatch, "2.9.1")
    lacking = ENGINES[engine].lacking
    arm, x86 = synthetic_hosts.graviton3(), synthetic_hosts.two_core_vm()
    assert "reference code" in lacking(arm, "arm_int8")
    assert [lacking(arm, "arm_fp32"), lacking(arm, "arm_bf16"), lacking(x86, "avx_int8")] == [
        ""
    ] * 3
