"""The benchmark of r50 against a former version: its arithmetic, its turns and its refusals."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from r50bench.errors import CheckFailed, R50BenchError, RunFailed, TooNoisy, Unsupported, UsageError
from support import synthetic_hosts

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "r50_against_former.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("r50_against_former", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ALIKE = [100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0, 99.0]


@pytest.mark.parametrize(
    ("factors", "verdict", "error"),
    [
        ([1.0] * 9, "kept", None),
        ([1.3] * 9, "kept", None),
        ([0.985] * 9, "kept", None),
        ([0.97] * 9, "slower", CheckFailed),
        ([0.9, 0.97, 0.97, 0.96, 0.95, 0.97, 0.97, 0.96, 1.4], "slower", CheckFailed),
        ([0.9, 1.0, 0.9, 1.0, 0.9, 1.0, 0.9, 1.0, 0.9], "open", TooNoisy),
    ],
)
def test_a_ratio_counts_as_slower_only_beyond_its_noise(
    benchmark: ModuleType, factors: list[float], verdict: str, error: type[R50BenchError] | None
) -> None:
    now = [former * factor for former, factor in zip(ALIKE, factors, strict=True)]
    found = benchmark.compared("avx_int8", benchmark.Rounds(now, ALIKE))
    assert found.verdict == verdict
    assert found.ratio.value == pytest.approx(sorted(factors)[4])
    assert (found.least, found.greatest) == pytest.approx((min(factors), max(factors)))
    if error is None:
        benchmark.raise_verdict([found])
        return
    with pytest.raises(error, match="avx_int8"):
        benchmark.raise_verdict([found])


def test_what_disturbs_a_whole_round_leaves_the_ratio_alone(benchmark: ModuleType) -> None:
    weights = [1, 9, 2, 7, 3, 1, 5, 4, 1]
    disturbed = [value * weight for value, weight in zip(ALIKE, weights, strict=True)]
    found = benchmark.compared("avx_fp32", benchmark.Rounds(disturbed, disturbed))
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == (1.0, 1.0, 1.0)


def test_one_that_is_slower_decides_before_one_that_is_open(benchmark: ModuleType) -> None:
    slower = benchmark.compared("avx_fp32", benchmark.Rounds([9.0] * 9, [10.0] * 9))
    open_ = replace(slower, precision="avx_int8", ratio=replace(slower.ratio, high=1.0))
    with pytest.raises(CheckFailed, match="avx_fp32"):
        benchmark.raise_verdict([open_, slower])


def test_nothing_compared_is_no_success(benchmark: ModuleType) -> None:
    with pytest.raises(RunFailed):
        benchmark.raise_verdict([])


@pytest.fixture
def versions(benchmark: ModuleType) -> tuple[object, object]:
    return (
        benchmark.Version("this version", Path("now"), "r50"),
        benchmark.Version("former version", Path("former"), "torch"),
    )


def test_versions_take_turns_after_a_run_that_does_not_count(
    benchmark: ModuleType,
    versions: tuple[object, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    order: list[str] = []

    def images_per_s(version: object, *_: object) -> float:
        order.append(version.name.split()[0])  # type: ignore[attr-defined]
        return float(len(order))

    monkeypatch.setattr(benchmark, "images_per_s", images_per_s)
    found = benchmark.measure(versions, "avx_fp32", None, 3, tmp_path)
    assert " ".join(order) == "this former this former former this this former"
    assert (found.now, found.former) == ([3.0, 6.0, 7.0], [4.0, 5.0, 8.0])


def test_a_precision_that_was_not_ours_is_left_out_with_its_reason(
    benchmark: ModuleType,
    versions: tuple[object, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def images_per_s(*_: object) -> float:
        raise benchmark.NotOurs("in former version, engine torch computed it")

    monkeypatch.setattr(benchmark, "images_per_s", images_per_s)
    found = benchmark.measure(versions, "amx_int8", None, 3, tmp_path)
    assert found == benchmark.Rounds(left_out="in former version, engine torch computed it")


def test_a_host_without_our_kernels_is_refused_with_the_reason(benchmark: ModuleType) -> None:
    with pytest.raises(Unsupported, match="engine r50 runs none of the precisions") as caught:
        benchmark.precisions_here(synthetic_hosts.haswell(), [])
    assert caught.value.exit_code == 6
    assert "avx_fp32: " in caught.value.message


def test_avx_is_compared_unless_something_else_is_asked(benchmark: ModuleType) -> None:
    host = synthetic_hosts.spr_two_sockets()
    assert "avx_int8" in benchmark.precisions_here(host, [])
    assert all(name.startswith("avx_") for name in benchmark.precisions_here(host, []))
    assert benchmark.precisions_here(host, ["amx_int8"]) == ["amx_int8"]
    with pytest.raises(UsageError, match="avx_int7"):
        benchmark.precisions_here(host, ["avx_int7"])


def test_a_checkout_s_folder_serves_as_well_as_a_revision(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    package = tmp_path / "checkout" / "src" / "r50bench"
    package.mkdir(parents=True)
    with pytest.raises(UsageError, match="no r50bench"):
        benchmark.unpacked(str(tmp_path / "checkout"), tmp_path)
    (package / "__init__.py").touch()
    assert benchmark.unpacked(str(tmp_path / "checkout"), tmp_path) == package.parent
    with pytest.raises(UsageError, match="neither a checkout nor a revision"):
        benchmark.unpacked("no-such-revision", tmp_path)


def test_a_version_that_python_does_not_find_first_is_not_measured(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    package = tmp_path / "r50bench"
    with pytest.raises(RunFailed, match="former version is hidden by"):
        benchmark.refuse_another(benchmark.Version("former version", tmp_path, "torch"))
    package.mkdir()
    (package / "__init__.py").touch()
    benchmark.refuse_another(benchmark.Version("former version", tmp_path, "torch"))


def test_too_few_rounds_are_wrong_usage(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert benchmark.main(["--rounds", "5"]) == 2
    assert "no interval" in capsys.readouterr().err
