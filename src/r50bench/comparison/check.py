"""Cases run now against runs of before: what a CI asks, and what it is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from r50bench.comparison.compare import CaseComparison, Comparison
from r50bench.comparison.side import Side, run_left, side_of
from r50bench.comparison.text import (
    comparison_markdown,
    ratio_words,
    undisturbed_words,
    verdict_words,
)
from r50bench.comparison.verdict import Verdict
from r50bench.errors import R50BenchError, UsageError, did_you_mean
from r50bench.measure.session import CaseResult
from r50bench.planning.planned import Planned
from r50bench.report.differing import difference_lines
from r50bench.report.junit import CheckedCase, Outcome, junit_xml

__all__ = ["check_junit", "check_markdown", "refuse_unknown_cases", "side_of_results"]

_SUITE = "r50bench check"

_OUTCOMES: dict[Verdict, Outcome] = {
    "faster": "passed",
    "same": "passed",
    "slower": "failure",
    "too noisy": "skipped",
}


def refuse_unknown_cases(planned: Iterable[Planned], against: Side) -> None:
    """Refuses to check what there is nothing to compare with, before anything runs.

    Raises:
        UsageError: a case is not among those of ``against``.
    """
    known = sorted({run.record.name for run in against.runs})
    for one in planned:
        if one.name not in known:
            raise UsageError(
                f"{against.title} has no run of {one.name}",
                hint=did_you_mean(one.name, known) or f"it has {', '.join(known)}",
            )


def side_of_results(results: Sequence[CaseResult]) -> Side | None:
    """Returns the side of what was measured now; None where no run has figures."""
    runs = [run_left(result.outcome) for result in results if result.outcome is not None]
    valid = [run for run in runs if run.record.status == "valid"]
    return side_of("this run", valid) if valid else None


def check_markdown(
    comparison: Comparison | None,
    results: Sequence[CaseResult],
    ended_by: R50BenchError | None = None,
) -> str:
    """Returns what ended the check, what failed, and the comparison, for a pull request."""
    parts = [] if ended_by is None else [f"**Nothing was compared**: {_told(ended_by)}"]
    failures = [f"- {name}: {reason}" for name, reason in _failures(results)]
    if failures:
        parts += ["**Failed runs**", "\n".join(failures)]
    if comparison is not None:
        parts.append(comparison_markdown(comparison).rstrip())
    return "\n\n".join(parts) + "\n"


def check_junit(
    comparison: Comparison | None,
    results: Sequence[CaseResult],
    ended_by: R50BenchError | None = None,
) -> str:
    """Returns JUnit's XML: a test per case that was compared, an error per run that failed.

    What is slower is a failure, what is too noisy to say is skipped, with the reason. What ended
    the check before anything was compared is one more error.
    """
    cases = [] if comparison is None else [_checked(one, comparison) for one in comparison.cases]
    errors = _failures(results)
    if ended_by is not None:
        errors.append((_SUITE, _told(ended_by)))
    cases += [CheckedCase(name, "error", text.splitlines()[0], text) for name, text in errors]
    return junit_xml(_SUITE, cases)


def _checked(case: CaseComparison, comparison: Comparison) -> CheckedCase:
    message = (
        f"{verdict_words(case, comparison.tolerance)}: {case.figure} {case.new:.6g} {case.unit},"
        f" {ratio_words(case)} of {comparison.base}"
    )
    if comparison.judged == "undisturbed" and case.basis != "counted":
        message += f"; {undisturbed_words(case)}"
    text = "\n".join([message, *difference_lines(case.differing)])
    return CheckedCase(case.label, _OUTCOMES[case.verdict], message, text)


def _failures(results: Sequence[CaseResult]) -> list[tuple[str, str]]:
    failed = {result.planned.name: result.error for result in results if result.error is not None}
    return [(name, str(error)) for name, error in failed.items()]


def _told(error: R50BenchError) -> str:
    return error.message if error.hint is None else f"{error.message}\nhint: {error.hint}"
