"""A fleet's run for people and programs: the table question × node, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from r50bench.fleet.kept import Answered
from r50bench.fleet.prices import images_per_price
from r50bench.fleet.standings import Cell, Standing
from r50bench.fleet.twins import OddOne, Twins
from r50bench.report.table import Cell as Text
from r50bench.report.table import Column, Missing, Table
from r50bench.results.stats import Estimate
from r50bench.wording import counted, figure, first_few, fixed, with_interval

__all__ = ["fleet_as_data", "fleet_text", "live_row"]

Prices = Mapping[str, float]
"""Hourly price by node's title."""


def fleet_text(
    found: Sequence[Standing],
    twins: Sequence[Twins],
    prices: Prices,
    width: int | None = None,
) -> str:
    """Returns the table, who is best, how twins differ, and why others have no figure.

    It ends in a newline; empty where nothing was answered.
    """
    if not found:
        return ""
    lines = [_table(found, prices).text(width), ""]
    lines += [sentence for one in found if (sentence := _best(one, prices))]
    lines += [sentence for one in twins for sentence in _alike(one)]
    lines += [f"! {titles}: {reason}" for reason, titles in _failures(found)]
    return "\n".join(lines).rstrip() + "\n"


def fleet_as_data(
    found: Sequence[Standing],
    twins: Sequence[Twins],
    prices: Prices,
    answered: Sequence[Answered],
) -> dict[str, Any]:
    """Returns the same as JSON can hold it, with where each record lies."""
    return {
        "standings": [_standing_as_data(one, prices) for one in found],
        "twins": msgspec.to_builtins(list(twins)),
        "answers": [_answer_as_data(one) for one in answered],
    }


def live_row(one: Answered) -> str:
    """Returns the line that says of an answer that it is there."""
    title = one.title or "no node"
    if one.reason:
        again = "; it is tried again" if one.again else ""
        return f"{title}: {one.errand.question} failed: {one.reason}{again}"
    kpis = [run.figures[0] for run in one.home.runs if run.figures]
    if len(kpis) != 1:
        return f"{title}: {one.errand.question}, {counted(len(kpis), 'run')}"
    return (
        f"{title}: {one.errand.question} "
        f"{with_interval(kpis[0].value, kpis[0].half_width)} {kpis[0].unit}"
    )


def _table(found: Sequence[Standing], prices: Prices) -> Table:
    columns = (
        Column("case", "left", wraps=True),
        Column("node", "left"),
        Column("", "right") if not _units(found) else Column("figure", "right"),
        Column("", "left"),
        Column("of best", "right"),
        Column("per hour" if prices else "", "right"),
        Column("10⁶ images for 1" if prices else "", "right"),
    )
    rows: list[tuple[Text, ...]] = []
    for standing in found:
        rows += [()] if rows else []
        for at, cell in enumerate(standing.cells):
            question = standing.question if at == 0 else ""
            rows.append((question, *_cells(standing, cell, prices)))
    return Table.of(columns, rows)


def _units(found: Iterable[Standing]) -> set[str]:
    return {one.unit for one in found if one.unit}


def _cells(standing: Standing, cell: Cell, prices: Prices) -> Iterator[Text]:
    yield cell.title or "none"
    if cell.estimate is None:
        yield Missing("failed")
        yield from ("", "", "", "")
        return
    yield with_interval(cell.estimate.value, _half_width(cell.estimate))
    yield standing.unit
    yield _share(standing, cell.estimate)
    price = prices.get(cell.title)
    yield "" if price is None else figure(price)
    worth = _worth(standing, cell, prices)
    if worth is None:
        yield ""
    else:
        millions = worth.scaled(1e-6)
        yield with_interval(millions.value, _half_width(millions))


def _half_width(estimate: Estimate) -> float | None:
    return None if estimate.high is None else estimate.high - estimate.value


def _share(standing: Standing, estimate: Estimate) -> Text:
    best = standing.best
    if best is None or best.estimate is None or not best.estimate.value:
        return ""
    ratio = estimate.value / best.estimate.value
    return f"{100 * ratio:.1f} %"


def _worth(standing: Standing, cell: Cell, prices: Prices) -> Estimate | None:
    price = prices.get(cell.title)
    if price is None or cell.estimate is None:
        return None
    return images_per_price(cell.estimate, standing.unit, price)


def _best(standing: Standing, prices: Prices) -> str:
    best = standing.best
    measured = [cell for cell in standing.cells if cell.estimate is not None]
    if best is None or len(measured) < 2:
        return ""
    level = f", not told from {first_few(standing.level)}" if standing.level else ""
    priced = [
        (worth.value, cell.title)
        for cell in measured
        if (worth := _worth(standing, cell, prices)) is not None
    ]
    value = f"; most images for the price: {max(priced)[1]}" if len(priced) > 1 else ""
    return f"{standing.question}: best is {best.title}{level}{value}"


def _alike(one: Twins) -> Iterator[str]:
    if one.spread is None:
        return
    yield (
        f"{one.question}: {counted(len(one.titles), 'node')} of one type ({one.kind}) differ by"
        f" {fixed(100 * one.spread, 2)} % (standard deviation)"
    )
    for odd in one.odd:
        yield f"! {_odd(odd, len(one.titles) - 1)}"


def _odd(odd: OddOne, others: int) -> str:
    which = "slower" if odd.slower else "faster"
    twins = f"{others} twins" if others > 1 else "twin"
    why = "; ".join(odd.suspects) or "nothing that records keep is otherwise there"
    return f"{odd.title} is {abs(100 * odd.share):.1f} % {which} than its {twins}: {why}"


def _failures(found: Iterable[Standing]) -> Iterator[tuple[str, str]]:
    """Yields each reason once, with the nodes and questions that it is about."""
    of_reasons: dict[str, dict[str, list[str]]] = {}
    for standing in found:
        for cell in standing.cells:
            if cell.estimate is None:
                of_questions = of_reasons.setdefault(cell.reason, {})
                of_questions.setdefault(cell.title or "no node", []).append(standing.question)
    for reason, of_titles in of_reasons.items():
        parts = [f"{title} ({first_few(asked, 3)})" for title, asked in of_titles.items()]
        yield reason, first_few(parts)


def _standing_as_data(standing: Standing, prices: Prices) -> dict[str, Any]:
    cells = []
    for cell in standing.cells:
        worth = _worth(standing, cell, prices)
        cells.append(
            {
                "node": cell.title,
                "value": cell.estimate and cell.estimate.value,
                "low": cell.estimate and cell.estimate.low,
                "high": cell.estimate and cell.estimate.high,
                "processes": cell.processes,
                "record": cell.record and cell.record.id,
                "reason": cell.reason,
                "price_per_hour": prices.get(cell.title),
                "images_for_1": worth and worth.value,
            }
        )
    best = standing.best
    return {
        "question": standing.question,
        "name": standing.name,
        "unit": standing.unit,
        "best": best and best.title,
        "level_with_best": list(standing.level),
        "cells": cells,
    }


def _answer_as_data(one: Answered) -> dict[str, Any]:
    return {
        "question": one.errand.question,
        "words": list(one.errand.words),
        "node": one.title,
        "attempt": one.attempt,
        "status": one.status,
        "reason": one.reason,
        "refused": list(one.home.refused),
        "records": [
            {"id": run.record.id, "status": run.record.status, "folder": str(run.folder)}
            for run in one.home.runs
        ],
    }
