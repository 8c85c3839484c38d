"""One LoadGen run of the house, planned from a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from r50bench.case import CaseName
from r50bench.errors import UsageError
from r50bench.host.topology import Host
from r50bench.load import LoadGen, LoadgenSettings
from r50bench.notices import Notice, no_effect
from r50bench.parameters import BY_NAME, Setting
from r50bench.parameters.workflow import without_effect
from r50bench.planning.effective_case import effective_case
from r50bench.planning.planned import Planned, plan_case

__all__ = ["DEFAULT_PRECISION", "plan_mlperf"]

DEFAULT_PRECISION = "fp32"
"""The precision where none is asked: that of MLPerf's reference model."""


def plan_mlperf(loadgen: LoadgenSettings, settings: Mapping[str, Setting], host: Host) -> Planned:
    """Returns the case that serves ``loadgen`` on this host, with everything filled in.

    ``settings`` are those of the parameter table (precision, engine, instances, dataset…), as
    :func:`r50bench.parameters.collect` gives them; precision is :data:`DEFAULT_PRECISION` where
    they do not say. Offline is laid out as throughput cases are; the other scenarios as latency
    cases, SingleStream with one instance.
    """
    wanted = {name: setting for name, setting in settings.items() if not _is_inert(name)}
    mode = "throughput" if loadgen.scenario == "Offline" else "latency"
    asked = wanted.get("precision")
    name = CaseName.of_parts(mode, str(asked.value) if asked else DEFAULT_PRECISION)
    chosen, why = _for_scenario(loadgen, wanted, name, host)
    effective = effective_case(name, chosen, host)
    for field, reason in why.items():
        effective = effective.became(reason, **{field: getattr(effective.case, field)})
    effective = (
        effective.became(
            f"{loadgen.scenario} {loadgen.mode}", mode=mode if loadgen.measures else "accuracy"
        )
        .became("LoadGen decides", steps=None, repeat=1)
        .became("LoadGen asks for pictures", data_type="real")
        .became("LoadGen hosts all instances in one process", weight_sharing=True)
    )
    if not loadgen.measures:
        effective = effective.became("accuracy times nothing", warmup_steps=0)
    if asked is None:
        effective = effective.became("default mlperf", precision=effective.case.precision)
    idle = (no_effect(*said) for said in without_effect(loadgen))
    effective = replace(effective, notices=(*effective.notices, *_inert(settings), *idle))
    return plan_case(effective, host, LoadGen(loadgen))


def _for_scenario(
    loadgen: LoadgenSettings, wanted: Mapping[str, Setting], name: CaseName, host: Host
) -> tuple[dict[str, Setting], dict[str, str]]:
    """Returns the settings with the scenario's own defaults, and where those come from.

    Raises:
        UsageError: SingleStream was asked to have several instances or batches of several.
    """
    chosen, why = dict(wanted) | {"data_type": Setting("real", "option")}, {}

    def default(field: str, value: int, reason: str) -> None:
        if field not in wanted:
            chosen[field] = Setting(value, "option")
            why[field] = reason

    if loadgen.scenario == "SingleStream":
        for field in ("instances", "batch_size"):
            default(field, 1, "SingleStream sends one sample at a time")
            if chosen[field].value != 1:
                raise UsageError(
                    f"SingleStream sends one sample at a time: {field} can only be 1, not"
                    f" {chosen[field].value}",
                    hint="leave it out; --cores-per-instance makes the one instance faster",
                )
    elif loadgen.scenario == "MultiStream":
        instances = effective_case(name, chosen, host).case.instances
        share = -(-loadgen.samples_per_query // instances)
        default("batch_size", share, f"{loadgen.samples_per_query} samples, {instances} instances")
    elif loadgen.scenario == "Server":
        default("batch_size", 1, "Server bounds the latency")
    return chosen, why


def _inert(settings: Mapping[str, Setting]) -> list[Notice]:
    return [
        no_effect(
            f"{BY_NAME[name].key}={settings[name].value} ({settings[name].source})",
            "LoadGen decides",
        )
        for name in settings
        if _is_inert(name)
    ]


def _is_inert(name: str) -> bool:
    """Whether a parameter is one of the closed loop, on which LoadGen decides."""
    return "loadgen" in BY_NAME[name].inert_under
