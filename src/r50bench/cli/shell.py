"""What the verbs that measure share: the bench, what is said beforehand, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from r50bench.assets.store import default_store
from r50bench.errors import R50BenchError, RunFailed
from r50bench.host.doctor import examine
from r50bench.host.isa import detect_platform
from r50bench.host.topology import Host, cores_by_node, usable_cores
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.measure.session import CaseResult, Outcome
from r50bench.notices import Notice, Progress
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.planning.effective_case import EffectiveCase
from r50bench.report.kpi_block import tuned_values
from r50bench.results.history import History, history_path
from r50bench.wording import counted

__all__ = [
    "announce",
    "bench_here",
    "describe_host",
    "describe_tuned",
    "raise_failures",
    "remember",
    "result_as_data",
]


def bench_here(host: Host, out: Path, progress: Progress) -> Bench:
    """Returns the bench of this process on ``host``, with what the doctor finds now."""
    findings = examine(host, understood=UNDERSTOOD_VARIABLES)
    return Bench(host, AssetResolver(default_store(), progress), out, progress, findings)


def announce(bench: Bench, cases: Iterable[EffectiveCase]) -> None:
    """Says where it runs, what hurts there, what each case is told, and what of it was tuned.

    Every verb that measures begins with this.
    """
    cases = list(cases)
    bench.progress.note(describe_host(bench.host))
    for finding in bench.findings:
        bench.progress.warn(finding)
    for notice in dict.fromkeys(notice for case in cases for notice in case.notices):
        bench.progress.warn(notice)
    for case in cases:
        for words in describe_tuned(case):
            bench.progress.note(words)


def remember(outcome: Outcome, progress: Progress) -> None:
    """Adds a run to the history; a history that cannot be written costs no result."""
    try:
        with History(history_path()) as history:
            history.add(outcome.record, outcome.folder, outcome.block.kpis)
    except RunFailed as error:
        text = f"{outcome.folder} is not in the history: {error.message}"
        progress.warn(Notice("not-in-history", text, error.hint or ""))


def describe_host(host: Host) -> str:
    """Returns one line such as ``TURIN: AMD EPYC 9755 · 1 socket, 2 of 2 cores, 1 NUMA node``."""
    usable, nodes = len(usable_cores(host)), len(cores_by_node(host))
    return (
        f"{detect_platform(host)}: {host.model_name} · {counted(host.sockets, 'socket')}, "
        f"{usable} of {counted(host.cores_in_machine, 'core')}, {counted(nodes, 'NUMA node')}"
    )


def describe_tuned(effective: EffectiveCase) -> Iterator[str]:
    if words := tuned_values(effective.request):
        yield f"{effective.case.name}: {words}; --no-tuned takes the defaults"


def result_as_data(result: CaseResult) -> dict[str, Any]:
    """Returns the record with its folder and KPIs, or why there is no record."""
    name = result.planned.case.name
    if result.outcome is None:
        return {"name": name, "status": "failed", "reason": str(result.error)}
    data: dict[str, Any] = msgspec.to_builtins(result.outcome.record)
    figures = msgspec.to_builtins(result.outcome.block.kpis)
    return data | {"name": name, "folder": str(result.outcome.folder), "kpis": figures}


def raise_failures(results: Sequence[CaseResult]) -> None:
    """Ends in the first error, which tells of all of them; does nothing where there is none.

    Raises:
        R50BenchError: a case failed; of the first one's kind.
    """
    errors = [(result.planned.case.name, result.error) for result in results if result.error]
    if not errors:
        return
    first: R50BenchError = errors[0][1]
    if len(results) == 1:
        raise first
    reasons = "; ".join(f"{name}: {error.message}" for name, error in errors)
    raise type(first)(f"{len(errors)} of {len(results)} cases failed: {reasons}", hint=first.hint)
