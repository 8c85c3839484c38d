"""What tuning found, as text and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from r50bench.case import Case
from r50bench.report.page import Section, tables, words
from r50bench.report.sizes import BATCH_SIZE, CORES, live_size
from r50bench.report.table import Table
from r50bench.results.kpi import FULL_SPEED
from r50bench.tune.field import MARGIN, Figures
from r50bench.tune.objective import LATENCIES
from r50bench.tune.run import Tuned
from r50bench.tune.search import WANTED_CONFIDENCE, Tried, Verdict, describe
from r50bench.tune.space import Configuration
from r50bench.wording import counted, fixed, with_interval, words_for

__all__ = ["trial_row", "tune_as_data", "tune_sections", "tune_text"]

_MOST_SURE = 0.999


def trial_row(case: Case, figures: Figures) -> str:
    """Returns one line for a configuration that has just been tried."""
    return (
        f"{live_size(case)}  {fixed(figures.throughput, 4):>8} img/s"
        f"  {fixed(figures.latency_ns['latency'] / 1e6, 4):>8} ms{_else(case)}"
    )


def tune_text(tuned: Tuned) -> str:
    """Returns the winner and how sure that is, all that was tried, and what was left out."""
    remarks = (f"! {line}" for line in _remarks(tuned))
    return "\n".join([*_answer(tuned), "", _table(tuned).text(), *remarks]) + "\n"


def tune_sections(tuned: Tuned) -> list[Section]:
    """Returns the same as sections of a page."""
    return [
        words("What was found", [line.strip() for line in _answer(tuned)]),
        tables("What was tried", [("", _table(tuned))]),
        words("", _remarks(tuned)),
    ]


def _answer(tuned: Tuned) -> list[str]:
    verdict, kpi = tuned.verdict, tuned.primary
    return [
        f"{tuned.case.name}, best {tuned.request.objective}: {_described(tuned.case)}",
        f"  {with_interval(kpi.value, kpi.half_width)} {kpi.unit}{_over_start(tuned)}",
        f"  {_sureness(verdict)}",
        f"  took {words_for(tuned.seconds)} of {words_for(tuned.request.budget_s)}"
        + (f", {tuned.compile_s:.0f} s of it for compiling" if tuned.compile_s else ""),
        *(f"  {remark}" for remark in [_judged_remark(tuned)] if remark),
    ]


_HEAD = (
    BATCH_SIZE,
    CORES,
    "allocator",
    "weights",
    "engine",
    "rounds",
    "throughput\nimg/s",
    "latency\nms",
    "of the best",
)


_ALONE = ("undisturbed", "full speed")


def _judged_remark(tuned: Tuned) -> str:
    """Returns by what was ranked where undisturbed batches were asked for, else nothing."""
    if tuned.request.judged == "experienced":
        return ""
    ranking, winner = tuned.ranking, tuned.verdict.winner
    if ranking.why_not:
        return f"ranked by what was experienced, since {ranking.why_not}"
    figure = ranking.undisturbed(tuned.request.objective)[winner]
    share = ranking.figures[winner][FULL_SPEED].value
    return (
        f"ranked by undisturbed batches alone: {with_interval(figure.value, figure.half_width)}"
        f" {figure.unit}, cores at full speed in {share:.0f} % of all"
    )


def _table(tuned: Tuned) -> Table:
    tried = _by_ratio(tuned.verdict)
    if tuned.request.judged == "experienced":
        return Table.of(_HEAD, map(_row, tried))
    told = ((_row(one), _alone(tuned, one)) for one in tried)
    rows = [
        [
            *row[:-1],
            "" if figure is None else fixed(figure, 4),
            "" if share is None else f"{share:.0f} %",
            row[-1],
        ]
        for row, (figure, share) in told
    ]
    return Table.of((*_HEAD[:-1], *_ALONE, _HEAD[-1]), rows)


def _alone(tuned: Tuned, tried: Tried) -> tuple[float | None, float | None]:
    """Returns its undisturbed figure, and how often, in %, its cores were at full speed."""
    ranking, one = tuned.ranking, tried.configuration
    figure = ranking.undisturbed(tuned.request.objective).get(one)
    share = ranking.figures[one].get(FULL_SPEED)
    return (
        None if figure is None else figure.value,
        None if share is None else share.value,
    )


def _row(tried: Tried) -> list[str]:
    one = tried.configuration
    ratio, _, high = tried.ratio
    return [
        str(one.batch_size),
        str(one.cores_per_instance),
        one.allocator,
        "shared" if one.weight_sharing else "apart",
        one.engine,
        str(tried.rounds),
        fixed(tried.throughput, 4),
        fixed(tried.latency_ns["latency"] / 1e6, 4),
        "winner" if high == ratio else f"{ratio:.3f} ± {high - ratio:.3f}",
    ]


def _by_ratio(verdict: Verdict) -> list[Tried]:
    return sorted(verdict.tried, key=lambda one: -one.ratio[0])


def _described(case: Case) -> str:
    cores, instances = case.cores_per_instance, case.instances
    size = f"{counted(instances, 'instance')} × {counted(cores, 'core')}"
    return f"batch {case.batch_size}, {size}{_else(case)}"


def _else(case: Case) -> str:
    shared = ", shared weights" if case.weight_sharing else ""
    allocator = f", {case.allocator} allocator" if case.allocator != "auto" else ""
    return allocator + shared + (f", {case.engine}" if case.engine != Case.engine else "")


def _over_start(tuned: Tuned) -> str:
    verdict = tuned.verdict
    is_default = Configuration.of(tuned.untuned) == verdict.start
    if verdict.winner == verdict.start:
        return ", and that is the default" if is_default else ""
    if verdict.over_start is None:
        return ""
    ratio, low, high = verdict.over_start
    than = f"the default's ({describe(verdict.start)})" if is_default else describe(verdict.start)
    return f", {ratio:.3f} × {than}; 95 %: {low:.3f} to {high:.3f}"


def _sureness(verdict: Verdict) -> str:
    sure = min(verdict.confidence, _MOST_SURE)
    percent = f"{100 * sure:.3g} %" if verdict.confidence <= _MOST_SURE else "over 99.9 %"
    count = len(verdict.tried)
    if count == 1:
        return "the only configuration that was tried"
    return f"within {100 * MARGIN:g} % of the best of {count} tried: {percent} sure"


def _remarks(tuned: Tuned) -> list[str]:
    """Returns what to know of the search: how sure it is, what failed and what was left out."""
    unsure = tuned.verdict.confidence < WANTED_CONFIDENCE
    lines = ["not sure of the winner: a longer --budget makes it surer"] if unsure else []
    lines += [f"{describe(one)} failed: {why}" for one, why in tuned.verdict.failed.items()]
    reasons: dict[str, list[str]] = {}
    for one, why in tuned.verdict.left_out.items():
        reasons.setdefault(why, []).append(describe(one))
    lines += [f"left out, since {why}: {'; '.join(names)}" for why, names in reasons.items()]
    if reasons:
        needed = tuned.seconds + tuned.wanted_s
        lines.append(f"about --budget {10 * math.ceil(needed / 7)}s would do for all of them")
    return lines


def tune_as_data(tuned: Tuned) -> dict[str, Any]:
    """Returns the same for JSON; ratios are (value, low, high)."""
    verdict = tuned.verdict
    return {
        "name": tuned.case.name,
        "objective": str(tuned.request.objective),
        "case": msgspec.to_builtins(tuned.case),
        "untuned": msgspec.to_builtins(tuned.untuned),
        "primary": msgspec.to_builtins(tuned.primary),
        "judged": tuned.ranking.judged,
        "why_not_undisturbed": tuned.ranking.why_not or None,
        "confidence": verdict.confidence,
        "margin": MARGIN,
        "over_start": verdict.over_start,
        "start": verdict.start.values,
        "tried": [
            one.configuration.values
            | {"rounds": one.rounds, "throughput": one.throughput, "ratio_to_winner": one.ratio}
            | _latencies(one.latency_ns)
            | _alone_as_data(tuned, one)
            for one in _by_ratio(verdict)
        ],
        "left_out": [one.values | {"reason": why} for one, why in verdict.left_out.items()],
        "failed": [one.values | {"reason": why} for one, why in verdict.failed.items()],
        "seconds": tuned.seconds,
        "compile_seconds": tuned.compile_s,
        "budget_seconds": tuned.request.budget_s,
        "folder": str(tuned.folder),
    }


def _alone_as_data(tuned: Tuned, tried: Tried) -> dict[str, float | None]:
    figure, share = _alone(tuned, tried)
    return {"undisturbed": figure, "full_speed_percent": share}


def _latencies(latency_ns: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}_ms": latency_ns[name] / 1e6 for name in LATENCIES}
