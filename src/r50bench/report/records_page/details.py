"""What stands below the pictures: proof, notices, how to repeat, and all figures as one table."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields

from r50bench.case import Case, setting_text
from r50bench.load import LoadGen, Observe
from r50bench.notices import Notice, disturbance
from r50bench.parameters import BY_NAME, PARAMETERS, Parameter
from r50bench.precision import PRECISIONS
from r50bench.report.records_page.shown import Shown
from r50bench.report.table import Cell, Column, Missing, Table
from r50bench.results.comparable import with_known_weights
from r50bench.results.record import ModelInfo, Record

__all__ = ["evidence_table", "figures_table", "notices_table", "repeat_lines", "run_command"]


def evidence_table(shown: Sequence[Shown]) -> Table:
    """Returns which kernels ran under which rule and whether they are what the label says, once."""
    rows = dict.fromkeys(
        (
            one.record.case.precision,
            one.record.case.engine if one.record.engine is None else one.record.engine.version,
            evidence.summary,
            evidence.expected,
            "yes" if evidence.proved else Missing("no"),
        )
        for one in shown
        if (evidence := one.record.evidence) is not None
    )
    titles = ("precision", "engine", "kernels seen", "what was expected", "proved")
    return Table.of([Column(title, "left") for title in titles], rows)


def notices_table(shown: Sequence[Shown]) -> Table:
    """Returns every notice of the records once, with what mends it and how many say so."""
    said: dict[Notice, int] = {}
    for one in shown:
        for notice in dict.fromkeys(_notices(one.record)):
            said[notice] = said.get(notice, 0) + 1
    return Table.of(
        ("notice", "what it says", "what mends it", Column("records", "right")),
        [(notice.code, notice.text, notice.mend, str(count)) for notice, count in said.items()],
    )


def _notices(record: Record) -> Iterator[Notice]:
    yield from record.notices
    disturbed = disturbance(record.lost_cpu_share)
    if disturbed is not None:
        yield disturbed


def repeat_lines(shown: Sequence[Shown]) -> Iterator[str]:
    """Yields what runs each valid record again, then what runs each case by itself."""
    for one in shown:
        if one.folder is not None and _can_be_replayed(one.record):
            yield f"r50bench replay {shlex.quote(str(one.folder))}"
    asked = Counter(
        (_command(one.record), one.record.invocation)
        for one in shown
        if not isinstance(one.record.load, LoadGen)
    )
    yield from dict.fromkeys(
        command if invocation is None or count == 1 else f"{command} --processes={count}"
        for (command, invocation), count in asked.items()
    )


def _can_be_replayed(record: Record) -> bool:
    """Whether ``r50bench replay`` takes it: there are figures to compare with, of no profile."""
    return record.status == "valid" and not isinstance(record.load, Observe)


def _command(record: Record) -> str:
    rounds = record.load.rounds if isinstance(record.load, Observe) else None
    return run_command(record.case, record.model, observed_rounds=rounds)


_DEFAULTS = {field.name: field.default for field in fields(Case)}
_OF_PROFILES = ("steps", "repeat")  # a profile has its own, and asks for rounds


def run_command(case: Case, model: ModelInfo | None, *, observed_rounds: int | None = None) -> str:
    """Returns the command line that runs a case again, whatever has been tuned since.

    Weights that were chosen automatically are those that it came to. What a case has unless it is
    asked otherwise goes without saying. ``observed_rounds`` are those of a profile, None of a run.
    """
    words = ["run"] if observed_rounds is None else ["profile"]
    words += [case.name, *_asked(with_known_weights(case, model), observed_rounds), "--no-tuned"]
    return shlex.join(["r50bench", *words])


def _asked(case: Case, observed_rounds: int | None) -> Iterator[str]:
    # A graph is what a GPU is given by default, and a CPU never has one.
    usual = {**_DEFAULTS, "cuda_graph": case.device == "cuda"}
    for row in PARAMETERS:
        if (
            not row.in_case
            or row.in_name
            or (case.mode == "accuracy" and "score" in row.inert_under)
        ):
            continue
        if observed_rounds is not None and row.name in _OF_PROFILES:
            continue
        value = getattr(case, row.name)
        if value is not None and value != usual[row.name]:
            yield _option(row, value)
    if case.weight_sharing and not PRECISIONS[case.precision].numerics.shares_weights:
        yield BY_NAME["force_weight_sharing"].option
    if observed_rounds is not None:
        yield f"--rounds={observed_rounds}"


def _option(row: Parameter, value: object) -> str:
    if row.is_flag:
        return row.option if value else f"--no-{row.option.removeprefix('--')}"
    return f"{row.option}={setting_text(value)}"


_WORDS, _SIZES = ("id", "status", "created", "case", "engine"), ("batch", "instances", "cores")


def figures_table(shown: Sequence[Shown]) -> Table:
    """Returns a row for each record with every figure that any of them has, for a spreadsheet.

    Cells are plain numbers; the interval of the primary figure stands in columns of its own.
    """
    names = list(dict.fromkeys(kpi.label for one in shown for kpi in one.figures.values()))
    of_figures = [*names, "primary low", "primary high"]
    head = [
        *(Column(title, "left") for title in (*(["side"] if _sided(shown) else []), *_WORDS)),
        *(Column(title, "right") for title in (*_SIZES, *of_figures)),
    ]
    sides = [[one.side] if _sided(shown) else [] for one in shown]
    rows = [[*side, *_row(one, names)] for side, one in zip(sides, shown, strict=True)]
    return Table.of(head, rows)


def _sided(shown: Sequence[Shown]) -> bool:
    return any(one.side for one in shown)


def _row(one: Shown, names: Sequence[str]) -> list[Cell]:
    record, case = one.record, one.record.case
    by_label = {kpi.label: kpi for kpi in one.figures.values()}
    primary = one.primary
    status: Cell = record.status if record.status == "valid" else Missing(record.status)
    return [
        record.id,
        status,
        record.created,
        record.name,
        case.engine,
        str(case.batch_size),
        str(case.instances),
        str(case.cores_per_instance),
        *(_number(by_label[name].value if name in by_label else None) for name in names),
        _number(None if primary is None else primary.low),
        _number(None if primary is None else primary.high),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"
