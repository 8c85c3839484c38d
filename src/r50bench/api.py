"""Measuring from Python, as ``import r50bench`` shows it: plan a case, run it, read its record.

What is printed is an error's message or nothing at all: notices are in the plan and in the record.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from r50bench.case import CaseName
from r50bench.errors import UsageError, did_you_mean
from r50bench.host import topology
from r50bench.measure.bench import announce_cases, announce_host, bench_here
from r50bench.measure.remembering import remember
from r50bench.measure.session import run_session
from r50bench.notices import Silent
from r50bench.parameters import BY_NAME, PARAMETERS, Setting, collect
from r50bench.planning.planned import Planned, effective_cases, plan_case
from r50bench.report.terminal import TerminalProgress
from r50bench.results.kpi import Kpi, figures_by_name
from r50bench.results.record import RUNS, Record, read_record
from r50bench.results.samples import Samples, samples_of

__all__ = ["StoredRecord", "plan", "read", "run"]

Given = str | int | float | bool | Path | Mapping[str, str | int | float] | None
"""What a parameter may be set to; None stands for its default, a mapping for CUSTOMER_ENV."""


@dataclass(frozen=True)
class StoredRecord(Record):
    """A record and the folder it lies in, with what is derived from both when it is asked for."""

    folder: Path = Path()

    @cached_property
    def samples(self) -> Samples | None:
        """The raw samples, None where nothing was timed.

        Raises:
            RunFailed: they are missing or damaged.
        """
        return samples_of(self, self.folder)

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The figures by name, such as ``Average Throughput``, the primary one first.

        Raises:
            RunFailed: the record is invalid, or its samples are missing or damaged.
        """
        return figures_by_name(self, self.samples)


def plan(case: str, *, tuned: bool = True, **settings: Given) -> Planned:
    """Returns ``case`` as it would run on this host: all values, the CPUs, and what to know of it.

    Args:
        case: a name, such as ``inference_throughput_int8`` or ``inference_latency_avx_fp32_gated``.
        tuned: take what was tuned for the case on this host as its defaults.
        settings: parameters by the names of :class:`.Case`: ``batch_size=8``, ``engine="r50"``…
            The environment is not asked.

    Raises:
        UsageError: an unknown name or parameter, or values that contradict each other.
        Unsupported: this host cannot run the case.
    """
    host = topology.read_host()
    effective = effective_cases(host, tuned=tuned)(CaseName.parse(case), _asked(settings))
    return plan_case(effective, host)


def run(
    case: str | Planned,
    *,
    out: str | Path = RUNS,
    progress: bool = False,
    tuned: bool = True,
    **settings: Given,
) -> StoredRecord:
    """Measures a case and returns its record, which is left in a new folder below ``out``.

    ``case``, ``tuned`` and ``settings`` are as for :func:`plan`; what that returned can be given
    alone. With ``progress`` the terminal shows what goes on.

    Raises:
        UsageError, Unsupported: as for :func:`plan`, or ``out`` cannot be written.
        RunFailed: the run could not start, or is invalid: then its record is left, and says why.
    """
    if isinstance(case, Planned) and settings:
        raise UsageError("a planned case has its settings", hint="give them to r50bench.plan")
    planned = case if isinstance(case, Planned) else plan(case, tuned=tuned, **settings)
    with TerminalProgress(quiet=not progress) as shown:
        told = shown if progress else Silent()
        bench = bench_here(topology.read_host(), Path(out), told)
        announce_host(bench)
        announce_cases([planned], told)
        outcome = run_session(planned, bench)
        remember(outcome, told)
    if outcome.error is not None:
        raise outcome.error
    return _stored(outcome.record, outcome.folder)


def read(folder: str | Path) -> StoredRecord:
    """Returns the record in a run's folder (or a record.json), of this or an older version.

    Raises:
        UsageError: there is none, or it is damaged.
    """
    path = Path(folder)
    record = read_record(path)
    return _stored(record, path if path.is_dir() else path.parent)


def _stored(record: Record, folder: Path) -> StoredRecord:
    values = {field.name: getattr(record, field.name) for field in fields(Record)}
    return StoredRecord(**values, folder=folder)


def _asked(settings: Mapping[str, Given]) -> dict[str, Setting]:
    for name in settings:
        if name not in BY_NAME:
            known = [parameter.name for parameter in PARAMETERS]
            raise UsageError(
                f"unknown parameter {name!r}",
                hint=did_you_mean(name, known) or f"known: {' '.join(known)}",
            )
    return collect({name: _text(value) for name, value in settings.items()}, (), {})


def _text(value: Given) -> str | None:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={shlex.quote(str(text))}" for name, text in value.items())
    return None if value is None else str(value)
