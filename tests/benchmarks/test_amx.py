"""The figures of benchmarks/amx.py, from throughputs by round as instances would give them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from r50bench.results.stats import Estimate

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
INT8 = ("amx_int8", 8, "pair")
SHARE_OF_AN_IMAGE = 0.001  # of a second of the peak


@pytest.fixture(scope="module")
def amx():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return importlib.import_module("amx")


@pytest.fixture
def rows(amx):
    """Gives the rows of engines whose throughputs by round are known; None where one is not."""

    def rows(configuration, **rates):
        contenders = [
            amx.Contender(engine, None, found, accepted=12, samples=40)
            for engine, found in rates.items()
        ]
        return [amx.row(configuration, mine, contenders, SHARE_OF_AN_IMAGE) for mine in contenders]

    return rows


def test_a_figure_is_the_median_of_the_rounds_that_have_one(rows):
    ours, theirs = rows(INT8, r50=[400, None, 500, 450], openvino=[200, 300, 250, None])
    assert ours.images_per_s.value == 450
    assert ours.share_of_peak == pytest.approx(0.45)
    assert ours.ratios["openvino"].value == 2.0
    assert theirs.ratios["r50"].value == 0.5


def test_without_a_round_in_which_all_were_undisturbed_there_is_no_figure(amx, rows):
    ours, theirs = rows(INT8, r50=[None] * 3, openvino=[200, 200, 200])
    assert (ours.images_per_s, ours.share_of_peak, ours.ratios) == (None, None, {})
    assert theirs.ratios == {}
    text = amx.line(ours)
    assert "not all undisturbed" in text
    assert "12/40" in text
    assert "0.0" not in text


def test_a_row_without_a_figure_is_no_best_one(amx, rows):
    found = [
        *rows(("amx_int8", 1, "one"), r50=[None, None]),
        *rows(("amx_int8", 8, "one"), r50=[300, 320]),
        *rows(("amx_int8", 16, "one"), r50=[200, 210]),
    ]
    assert amx.best_of(found, "amx_int8", "r50").batch_size == 8
    assert amx.best_of(found[:1], "amx_int8", "r50") is None


def test_a_quotient_has_the_ends_that_its_parts_allow(amx):
    found = amx.quotient(Estimate(200.0, 190.0, 210.0), Estimate(100.0, 95.0, 105.0))
    assert (found.value, found.low, found.high) == (2.0, 190 / 105, 210 / 95)
    assert amx.quotient(Estimate(200.0), Estimate(100.0)) == Estimate(2.0)
    assert amx.quotient(None, Estimate(100.0)) is None
    assert amx.quotient(Estimate(200.0), None) is None


def test_a_goal_for_which_nothing_was_undisturbed_is_open(amx, rows):
    found = [
        *rows(("amx_int8", 8, "one"), r50=[300, 300], openvino=[100, 100]),
        *rows(INT8, r50=[None, None], openvino=[None, None]),
    ]
    verdicts = {verdict.name: verdict for verdict in amx.verdicts(found)}
    pair = verdicts["int8, batch 8, two instances over one"]
    assert (pair.found, pair.word) == (None, "OPEN")
    assert verdicts["amx_int8 over OpenVINO, batch 8 over 8, one"].word == "ok"
