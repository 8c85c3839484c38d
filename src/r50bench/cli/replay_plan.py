"""A record's run, planned again as it was: the same effective values, nothing chosen anew."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import cast

from r50bench.case import Case, CaseName
from r50bench.errors import Unsupported, UsageError
from r50bench.host.topology import Host
from r50bench.load import Observe
from r50bench.mlperf.plan import plan_mlperf
from r50bench.notices import Notice
from r50bench.parameters import PARAMETERS, Setting, Value
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case
from r50bench.results.comparable import with_known_weights
from r50bench.results.record import Record

__all__ = ["plan_replay"]


def plan_replay(record: Record, host: Host) -> Planned:
    """Returns the run of ``record`` on this host, with the values that were in effect.

    Weights that were chosen automatically are those that it came to.

    Raises:
        Unsupported: this host cannot run the case as it was.
        UsageError: it is the record of a profile.
    """
    if isinstance(record.load, Observe):
        raise UsageError(
            f"{record.id} is a profile's record",
            hint=f"r50bench profile {record.case.name} makes another profile",
        )
    case = with_known_weights(record.case, record.model)
    try:
        planned = _plan(record, case, host)
    except (UsageError, Unsupported) as error:
        raise Unsupported(
            f"this host cannot repeat {record.id}: {error.message}",
            hint=f"it ran on {record.host.get('model_name', 'an unknown CPU')}; "
            "r50bench run takes the nearest case that fits here",
        ) from error
    _refuse_changes(record, case, planned.case)
    return planned


def _plan(record: Record, case: Case, host: Host) -> Planned:
    settings = {
        row.name: Setting(cast(Value, getattr(case, row.name)), "option")
        for row in PARAMETERS
        if row.in_case and not row.in_name and getattr(case, row.name) is not None
    }
    if case.weight_sharing:
        settings["force_weight_sharing"] = Setting(True, "option")
    said = (Notice("replay", f"this is a replay of {record.id}"),)
    if record.loadgen is not None:
        settings["precision"] = Setting(case.precision, "option")
        mlperf = plan_mlperf(record.loadgen.settings, settings, host)
        return replace(mlperf, request=record.request, notices=said)
    name = CaseName(case.function, case.mode, case.precision, case.case_type)
    effective = effective_case(name, settings, host)
    return plan_case(replace(effective, request=record.request, notices=said), host)


def _refuse_changes(record: Record, wanted: Case, found: Case) -> None:
    """Refuses a plan that would run something else.

    Raises:
        Unsupported: a value that was in effect has no effect on this host.
    """
    changed = [
        field.name
        for field in fields(Case)
        if getattr(wanted, field.name) != getattr(found, field.name)
    ]
    if changed:
        raise Unsupported(
            f"this host cannot repeat {record.id}: it would differ in {', '.join(changed)}",
            hint="r50bench run takes the nearest case that fits here",
        )
