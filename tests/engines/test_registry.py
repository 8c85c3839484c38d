"""Engines are rows: everything finds a new one by its descriptor, and asks none for its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

import pytest

import r50bench
from r50bench.case import FORMER_ENGINES, Case
from r50bench.engines.registry import (
    ENGINES,
    engine_named,
    notice_of_former_name,
    packages_of,
    present_name,
    recorded_engine,
)
from r50bench.errors import EngineError, UsageError
from r50bench.precision import PRECISIONS

SOURCE = Path(r50bench.__file__).parent
# Words of an engine that also mean something else, and where they do.
NOT_AN_ENGINE = {
    "case.py",  # what engines were called once
    "results/schema.py",  # what engines were called in records of schema 1
    "models/torch_file.py",  # the package whose names stand in a pickle
}


def names_compared(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields line and word of each engine's name that is compared, matched or looked up."""
    names = {*ENGINES, *FORMER_ENGINES}
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        for part in parts:
            for leaf in ast.walk(part):
                if isinstance(leaf, ast.Constant) and leaf.value in names:
                    yield leaf.lineno, str(leaf.value)


def test_no_conditional_on_an_engines_name_stands_outside_engines() -> None:
    found = [
        f"{file.relative_to(SOURCE)}:{line} {word}"
        for file in sorted(SOURCE.rglob("*.py"))
        if file.relative_to(SOURCE).parts[0] != "engines"
        and str(file.relative_to(SOURCE)) not in NOT_AN_ENGINE
        for line, word in names_compared(ast.parse(file.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code", ['x == "torch"', 'x in ("r50", "a")', '{"openvino": 1}', 'x["r50"]']
)
def test_conditionals_are_found(code: str) -> None:
    assert list(names_compared(ast.parse(code)))


def test_the_default_engine_is_the_first_row_and_runs_all_that_there_is() -> None:
    first = next(iter(ENGINES.values()))
    assert Case.engine == first.name == "torch"
    for device, numerics in first.numerics.items():
        rows = [row for row in PRECISIONS.values() if row.device == device]
        assert numerics == {row.numerics.name for row in rows}


@pytest.mark.parametrize("name", ENGINES)
def test_every_import_string_names_something(name: str) -> None:
    engine = ENGINES[name]
    for text in filter(None, (engine.prepare, engine.evidence)):
        assert callable(resolve_name(text))
    module, _, attribute = engine.load.partition(":")
    file = SOURCE.parent.joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text())
    assert attribute in {getattr(node, "name", "") for node in tree.body}


@pytest.mark.parametrize("name", ENGINES)
def test_there_is_a_rule_of_evidence_for_all_that_an_engine_computes(name: str) -> None:
    engine = ENGINES[name]
    for precision, row in PRECISIONS.items():
        runs = row.device == "cpu" and row.numerics.name in engine.numerics["cpu"]
        if runs and engine.name != "r50":
            assert resolve_name(engine.evidence)(precision).sources


def test_a_former_name_is_read_and_what_took_its_place_is_said() -> None:
    assert present_name("Torch-AOT") == "torch"
    assert engine_named(" torch-aot ").name == "torch"
    notice = notice_of_former_name("torch-aot")
    assert notice.text == "engine torch-aot is called torch now: PyTorch with AOTInductor"
    assert notice_of_former_name("torch") is None


def test_a_record_of_an_engine_that_is_not_here_can_be_read() -> None:
    assert recorded_engine("torch") is ENGINES["torch"]
    gone = recorded_engine("gone")
    assert (gone.name, gone.title, gone.query_word) == ("gone", "gone", "gone")


def test_an_unknown_engine_is_refused_with_a_near_one() -> None:
    with pytest.raises(UsageError, match="unknown engine 'opnvino'") as caught:
        engine_named("opnvino")
    assert "openvino" in caught.value.hint


def test_an_absent_package_is_named_with_what_to_type() -> None:
    absent = replace(ENGINES["fake"], packages=("no-such-package",), install="pip install it")
    with pytest.raises(
        EngineError, match="engine fake: no-such-package is not installed"
    ) as caught:
        packages_of(absent, "avx_fp32", {})
    assert caught.value.hint == "pip install it"
