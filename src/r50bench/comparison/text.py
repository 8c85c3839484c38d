"""A comparison for people and programs: text, Markdown and plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from r50bench.comparison.compare import CaseComparison, Comparison
from r50bench.report.differing import difference_lines, said
from r50bench.report.table import Column, Table
from r50bench.wording import counted, fixed

__all__ = [
    "answer_lines",
    "comparison_as_data",
    "comparison_markdown",
    "comparison_table",
    "comparison_text",
    "difference_table",
    "ratio_words",
    "remark_lines",
    "undisturbed_words",
    "verdict_words",
]

_PROCESSES = Column("processes", "right")

_COLUMNS = (
    Column("case", "left", wraps=True),
    Column("base", "right"),
    Column("new", "right"),
    Column("", "left"),
    _PROCESSES,
    Column("new / base", "right"),
    Column("95 % interval", "right"),
    Column("verdict", "left", wraps=True),
)

_MOST_DIFFERENCES = 12

_BASES = {
    "pairs": "pairs of fresh processes, measured in turns; the interval allows for a look after"
    " each pair",
    "one process a side": "one side is a single process: the other's spread is taken for both",
    "history": "single processes: widened by the spread between runs that this host's history has",
    "rounds": "single processes, and the history knows no others: the interval is that within them"
    " alone, and nothing can be said of the next process. Mend: run --processes 5",
    "disturbed": "too few processes had enough undisturbed batches: what is shown is as"
    " experienced, and no verdict rests on it",
}

_FULL_SPEED = Column("full speed", "right")


def comparison_text(comparison: Comparison, width: int | None = None) -> str:
    """Returns the table, what it rests on and what differs, ending in a newline."""
    lines = [
        f"base: {comparison.base}",
        f"new:  {comparison.new}",
        "",
        comparison_table(comparison).text(width),
        "",
        *remark_lines(comparison),
        *_differing_lines(comparison),
    ]
    return "\n".join(lines).rstrip() + "\n"


def comparison_markdown(comparison: Comparison) -> str:
    """Returns the same for a pull request, in GitHub's Markdown."""
    remarks = [f"- {remark}" for remark in remark_lines(comparison)]
    differing = [f"- {_escaped(line.strip())}" for line in _differing_lines(comparison)[1:]]
    lines = [
        f"**{_headline(comparison)}**",
        "",
        f"base: `{comparison.base}` · new: `{comparison.new}`",
        "",
        comparison_table(comparison).markdown(),
        "",
        *map(_escaped, remarks),
    ]
    if differing:
        lines += ["", "<details><summary>What else differs, strongest suspect first</summary>"]
        lines += ["", *differing, "", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def comparison_as_data(comparison: Comparison) -> dict[str, Any]:
    """Returns the fields of :class:`.Comparison` as JSON can hold them."""
    data: dict[str, Any] = msgspec.to_builtins(comparison)
    return data


def comparison_table(comparison: Comparison) -> Table:
    """Returns a row for each case; with how fast cores were where undisturbed batches are judged.

    Processes are those that were judged then, of how many.
    """
    rows = [_row(case, comparison.tolerance) for case in comparison.cases]
    if comparison.judged == "experienced":
        return Table.of(_COLUMNS, rows)
    at = _COLUMNS.index(_PROCESSES)
    columns = (*_COLUMNS[: at + 1], _FULL_SPEED, *_COLUMNS[at + 1 :])
    cells = (
        (*row[:at], *_undisturbed_cells(case), *row[at + 1 :])
        for row, case in zip(rows, comparison.cases, strict=True)
    )
    return Table.of(columns, cells)


def undisturbed_words(case: CaseComparison) -> str:
    """Returns how many processes of either side had enough undisturbed batches."""
    base, new = case.undisturbed
    return f"base: {base.words}; new: {new.words}"


def ratio_words(case: CaseComparison) -> str:
    """Returns ``0.971 (0.962 to 0.980)``."""
    low, high = case.ratio.low, case.ratio.high
    interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    return f"{case.ratio.value:.3f}{interval}"


def answer_lines(comparison: Comparison) -> list[str]:
    """Returns what came out, in a sentence or two."""
    if len(comparison.cases) == 1:
        (case,) = comparison.cases
        figures = f"{fixed(case.base, 4)} → {fixed(case.new, 4)} {_unit(case)}"
        said = verdict_words(case, comparison.tolerance)
        return [f"{case.label}: {said}; {figures}, {ratio_words(case)} of base."]
    lines = [f"{_headline(comparison)}: {counted(len(comparison.cases), 'case')} in all."]
    for name, found in (
        ("loss", comparison.with_verdict("slower")),
        ("gain", comparison.with_verdict("faster")),
    ):
        if found:
            first = max(found, key=lambda case: abs(math.log(max(case.ratio.value, 1e-9))))
            lines.append(f"The largest {name}: {first.label}, {ratio_words(first)} of base.")
    return lines


def _row(case: CaseComparison, tolerance: float) -> tuple[str, ...]:
    low, high = case.ratio.low, case.ratio.high
    interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    return (
        case.label,
        fixed(case.base, 4),
        fixed(case.new, 4),
        _unit(case),
        " / ".join(map(str, case.processes)),
        f"{case.ratio.value:.3f}",
        interval,
        verdict_words(case, tolerance),
    )


def _unit(case: CaseComparison) -> str:
    return f"{case.unit} undisturbed" if case.judged == "undisturbed" else case.unit


def _undisturbed_cells(case: CaseComparison) -> tuple[str, str]:
    """Returns how many processes were judged, and at how many batches cores were at full speed."""
    sides = case.undisturbed
    shares = ["" if one.full_speed is None else f"{100 * one.full_speed:.0f} %" for one in sides]
    return (
        " / ".join(f"{one.enough} of {one.processes}" for one in sides),
        " / ".join(shares) if any(shares) else "",
    )


def verdict_words(case: CaseComparison, tolerance: float) -> str:
    """Returns a case's verdict in words, and what would settle it where it is open."""
    if case.basis == "counted" and case.verdict in ("faster", "slower"):
        return "more accurate" if case.verdict == "faster" else "less accurate"
    if case.verdict == "same":
        return f"same within ±{100 * tolerance:g} %"
    if case.verdict != "too noisy":
        return case.verdict
    if case.basis == "disturbed":
        return "too noisy to say: too few undisturbed batches"
    if case.processes_needed is None:
        return "too noisy to say"
    samples = "pairs" if case.basis == "pairs" else "processes a side"
    return f"too noisy to say; about {case.processes_needed} {samples} would tell"


def _headline(comparison: Comparison) -> str:
    counts = [
        (len(comparison.with_verdict("slower")), "slower"),
        (len(comparison.with_verdict("faster")), "faster"),
        (len(comparison.with_verdict("same")), f"same within ±{100 * comparison.tolerance:g} %"),
        (len(comparison.with_verdict("too noisy")), "too noisy to say"),
    ]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return said if comparison.judged == "experienced" else f"{said}, by undisturbed batches"


def remark_lines(comparison: Comparison) -> list[str]:
    """Returns what was judged, what intervals rest on, what only one side has, and the notices."""
    said = list(_judged_lines(comparison))
    said += [
        _BASES[basis]
        for basis in dict.fromkeys(c.basis for c in comparison.cases if c.basis in _BASES)
    ]
    said += [f"only in base: {label}" for label in comparison.only_base]
    said += [f"only in new: {label}" for label in comparison.only_new]
    said += [f"! {notice}" for notice in comparison.notices]
    if len(comparison.cases) > 1:
        said.append(
            f"verdicts hold for the table of {len(comparison.cases)} as a whole, intervals one by"
            " one: an interval may leave 1 out where a verdict is withheld"
        )
    return said


def _judged_lines(comparison: Comparison) -> Iterator[str]:
    if comparison.judged == "experienced":
        return
    yield "undisturbed batches were judged, and not what was experienced in all"
    for case in comparison.cases:
        if case.basis != "counted":
            named = f"{case.label}: " if len(comparison.cases) > 1 else ""
            yield f"{named}{undisturbed_words(case)}"


def _differing_lines(comparison: Comparison) -> list[str]:
    """Returns a heading and what differs in all cases, then what does in some; none for nothing."""
    found = list(_by_difference(comparison))
    if not found:
        return ["nothing else differs: host, versions, model, data, engine and case are the same"]
    shown = [f"  {line}" for line in found[:_MOST_DIFFERENCES]]
    if len(found) > _MOST_DIFFERENCES:
        shown.append(f"  and {len(found) - _MOST_DIFFERENCES} more, which --json lists")
    return ["what else differs, strongest suspect first:", *shown]


def difference_table(comparison: Comparison) -> Table:
    """Returns a row for each thing that is not as it was, and the cases in which it is not."""
    of_lines: dict[tuple[str, str, str], list[str]] = {}
    for case in comparison.cases:
        for one in case.differing:
            key = (one.what, said(one.before), said(one.after))
            of_lines.setdefault(key, []).append(case.label)
    rows = [
        (*key, "all" if len(labels) == len(comparison.cases) else ", ".join(labels))
        for key, labels in of_lines.items()
    ]
    head = [Column(title, "left") for title in ("what", "base", "new", "in cases")]
    return Table.of(head, rows)


def _by_difference(comparison: Comparison) -> Iterator[str]:
    of_lines: dict[str, list[str]] = {}
    for case in comparison.cases:
        for line in difference_lines(case.differing):
            of_lines.setdefault(line, []).append(case.label)
    for line, labels in of_lines.items():
        everywhere = len(labels) == len(comparison.cases)
        yield line if everywhere else f"{line}  ({', '.join(labels)})"


def _escaped(line: str) -> str:
    return line.replace("|", "\\|").replace("<", "&lt;")
