"""What the verbs that measure share: the bench, what is said before it starts, and the history."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from r50bench.assets.store import default_store
from r50bench.cli.plan_text import describe_host, describe_tuned
from r50bench.errors import RunFailed
from r50bench.host.doctor import examine
from r50bench.host.topology import Host
from r50bench.measure.asset_resolver import AssetResolver
from r50bench.measure.bench import Bench
from r50bench.measure.session import Outcome
from r50bench.notices import Notice
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.planning.effective_case import EffectiveCase
from r50bench.progress import Progress
from r50bench.results.history import History, history_path

__all__ = ["announce", "bench_here", "remember"]


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
