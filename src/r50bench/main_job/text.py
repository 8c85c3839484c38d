"""The main job's answer: what ran, one table, and how much PyTorch leaves on the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from r50bench.case import Case
from r50bench.main_job.plan import ENGINES_BESIDE
from r50bench.measure.session import CaseResult
from r50bench.notices import Notice
from r50bench.precision import numerics_of
from r50bench.report.overview import overview_rows, overview_text
from r50bench.report.slower_precisions import slower_precisions
from r50bench.report.what_ran import what_ran
from r50bench.results.kpi import THROUGHPUT
from r50bench.results.ratio import beyond_noise, ratio_of_rounds
from r50bench.results.record import Record
from r50bench.results.samples import Samples
from r50bench.results.stats import Estimate
from r50bench.results.timeline import round_throughputs, throughput, windows
from r50bench.wording import counted, fixed, look_again

__all__ = ["Gain", "gains", "main_job_text", "next_commands", "summary_sentence"]

_TORCH, _R50 = ENGINES_BESIDE
_SAME = 0.05  # without an interval, a ratio so near to 1 is no difference


@dataclass(frozen=True)
class Gain:
    """How many times PyTorch's throughput our kernels reach with the settings of ``case``."""

    case: Case
    ratio: Estimate


def main_job_text(
    results: Sequence[CaseResult],
    unfinished: Sequence[Case],
    width: int,
    notices: Iterable[Notice] = (),
) -> str:
    """Returns heading, table and summary; nothing where there is no record at all.

    ``unfinished`` are the cases that were not run because the job was interrupted; ``notices`` are
    the job's, of what has no row; precisions that are slower than finer ones are told beside them.
    """
    outcomes = [result.outcome for result in results if result.outcome is not None]
    if not outcomes:
        return ""
    runs = [(outcome.record, outcome.figures) for outcome in outcomes]
    failures = [
        (result.planned.case, str(result.error)) for result in results if result.outcome is None
    ]
    rows = overview_rows(runs, failures, unfinished)
    sections = [what_ran([record for record, _ in runs], width), overview_text(rows, width)]
    lines = [f"! {notice}" for notice in (*notices, *slower_precisions(runs))]
    lines.append(summary_sentence(gains((found.record, found.samples) for found in outcomes)))
    if unfinished:
        total = len(results) + len(unfinished)
        lines.append(f"! interrupted: {len(unfinished)} of {total} measurements were not made")
    text = "\n\n".join(section for section in sections if section)
    return text + "".join(f"{line}\n" for line in lines if line)


def gains(runs: Iterable[tuple[Record, Samples | None]]) -> list[Gain]:
    """Returns one for each precision that both engines ran validly, in the order of the runs."""
    timed: dict[str, dict[str, tuple[Record, Samples]]] = {}
    for record, samples in runs:
        if record.status == "valid" and record.case.mode == "throughput" and samples is not None:
            timed.setdefault(record.case.precision, {})[record.case.engine] = (record, samples)
    return [
        Gain(engines[_R50][0].case, _ratio(engines[_R50][1], engines[_TORCH][1]))
        for engines in timed.values()
        if {_TORCH, _R50} <= engines.keys()
    ]


def _ratio(samples: Samples, reference: Samples) -> Estimate:
    """Round by round where both have as many; else that of the averages, without an interval."""
    ours, theirs = windows(samples), windows(reference)
    assert ours is not None  # a valid run for throughput has a window
    assert theirs is not None
    if len(ours) == len(theirs):
        return ratio_of_rounds(
            list(round_throughputs(samples, ours)), list(round_throughputs(reference, theirs))
        )
    return Estimate(throughput(samples, ours).value / throughput(reference, theirs).value)


def summary_sentence(found: Sequence[Gain]) -> str:
    """Returns how much PyTorch leaves on the table and at which settings, the most first.

    ``r50's kernels reach 1.90 × PyTorch (1.85–1.95) in int8 at batch 16 on 2 cores, 1.31 × in bf16
    at batch 8; within the noise 1.02 × in fp32 at batch 8.`` Empty without a precision that both
    engines ran.
    """
    if not found:
        return ""
    by_ratio = sorted(found, key=lambda gain: -gain.ratio.value)
    certain = [gain for gain in by_ratio if _is_certain(gain.ratio)]
    open_ones = [gain for gain in by_ratio if gain not in certain]
    if not certain:
        return (
            "PyTorch and r50 do not differ beyond the noise: r50's kernels reach"
            f" {_at_settings(open_ones, with_cores=True)}."
        )
    left = "speed" if certain[0].ratio.value > 1 else "nothing"
    rest = f"; within the noise {_at_settings(open_ones)}" if open_ones else ""
    return (
        f"PyTorch leaves {left} on the table here: r50's kernels reach"
        f" {_at_settings(certain, with_cores=True)}{rest}."
    )


def _is_certain(ratio: Estimate) -> bool:
    beyond = beyond_noise(ratio)
    return abs(ratio.value - 1) >= _SAME if beyond is None else beyond


def _at_settings(gains: Sequence[Gain], with_cores: bool = False) -> str:
    named = [f"{_times(gain)} in {_settings(gain)}" for gain in gains]
    if with_cores:  # all were run on as many
        case = gains[0].case
        named[0] += f" on {counted(case.instances * case.cores_per_instance, 'core')}"
    return ", ".join(named)


def _times(gain: Gain) -> str:
    ratio = gain.ratio
    interval = ""
    if ratio.low is not None and ratio.high is not None:
        interval = f" ({fixed(ratio.low, 3)}–{fixed(ratio.high, 3)})"
    return f"{fixed(ratio.value, 3)} × PyTorch{interval}"


def _settings(gain: Gain) -> str:
    return f"{numerics_of(gain.case.precision)} at batch {gain.case.batch_size}"


def next_commands(results: Sequence[CaseResult], folder: str) -> Iterator[str]:
    """Yields what to type next: the figures of all records, and where the fastest's time goes."""
    yield f"# look again: {look_again(folder)}"
    fastest = _fastest(results)
    if fastest is not None:
        engine = "" if fastest.engine == Case.engine else f" --engine {fastest.engine}"
        yield f"# where the time goes: r50bench profile {fastest.name}{engine}"


def _fastest(results: Sequence[CaseResult]) -> Case | None:
    """Returns the case with the highest throughput, None where there is none."""
    rates = [
        (result.outcome.figures[THROUGHPUT].value, result.planned.case)
        for result in results
        if result.outcome is not None and result.error is None
        if result.planned.case.mode == "throughput"
    ]
    return max(rates, key=lambda rate: rate[0])[1] if rates else None
