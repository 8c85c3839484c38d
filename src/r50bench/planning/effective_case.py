"""From a case name and what was asked to a case in which nothing is left open on this host.

Precedence, strongest first: option, ``--set``, environment, case type, what was tuned on this host,
the mode's default. Whatever was asked and has no effect is said in a note; what contradicts itself
or cannot fit is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeVar, cast

from r50bench.case import Case, CaseName, FieldValue, Request, Sourced
from r50bench.engines.base import EngineDescriptor
from r50bench.engines.registry import ENGINES, engine_named
from r50bench.errors import Unsupported, UsageError
from r50bench.host.isa import resolve_precision
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import BY_NAME, PARAMETERS, Setting, Value
from r50bench.planning.notices import FEW_CORES, notices_on
from r50bench.planning.placement import (
    LATENCY_CORES,
    cores_of_one_instance,
    instances_and_cores,
    place,
    refuse_batch,
)
from r50bench.precision import NUMERICS, PRECISIONS, means, numerics_of

__all__ = ["EffectiveCase", "TunedValues", "effective_case"]

_STEPS, _WARMUP_STEPS = 100, 20

_DEVICE_WORDS = {"cpu": "CPUs", "cuda": "GPUs"}

T = TypeVar("T")
E = TypeVar("E", bound="EffectiveCase")


@dataclass(frozen=True)
class EffectiveCase:
    """A case ready to run, what to tell the user about it, and where each of its values is from.

    ``request`` has an entry per effective field, and one per parameter that was asked and is no
    field, such as ``platform``.
    """

    case: Case
    notices: tuple[Notice, ...]
    request: Request

    def became(self: E, source: str, **values: FieldValue) -> E:
        """Returns the case with other ``values`` of some fields, and the ``source`` of these."""
        said = {field: Sourced(value, source) for field, value in values.items()}
        case = replace(self.case, **cast("dict[str, Any]", values))
        return replace(self, case=case, request={**self.request, **said})


@dataclass(frozen=True)
class TunedValues:
    """Better defaults, by field, and where they are from, such as ``tuned 2026-01-31``."""

    values: Mapping[str, Value]
    source: str


def effective_case(
    name: CaseName,
    settings: Mapping[str, Setting],
    host: Host,
    tuned: TunedValues | None = None,
) -> EffectiveCase:
    """Fills in every value of a case for this host.

    Raises:
        UsageError: settings contradict the name or each other, or batch, cores or instances cannot
            fit; the hint says what would.
        Unsupported: this CPU has no instructions for the precision, or the engine has no kernels
            for it.
    """
    named, overruled = _agree(name, settings)
    choice = _Choice(named, settings, _case_type_values(named, host), tuned)
    case = _fill_in(choice, host)
    _refuse_engine(case, host)
    _refuse_weight_sharing(case, settings)
    place(host, case)
    refuse_batch(case, host)
    request = {field.name: choice.request[field.name] for field in fields(Case)}
    few_cores = choice.request["cores_per_instance"].source == FEW_CORES
    about = notices_on(case, settings, host, few_cores=few_cores, workload=named.workload)
    notices = (*overruled, *about)
    return EffectiveCase(case, notices, {**request, **_asked_beside(settings)})


class _Choice:
    """Chooses values by precedence and keeps where each came from."""

    def __init__(
        self,
        name: CaseName,
        settings: Mapping[str, Setting],
        of_case_type: Mapping[str, Value],
        tuned: TunedValues | None,
    ) -> None:
        self.name = name
        self.request: dict[str, Sourced] = {}
        self._settings = settings
        self._layers = [
            {field: (setting.value, str(setting.source)) for field, setting in settings.items()},
            {
                field: (value, f"case type {name.case_type}")
                for field, value in of_case_type.items()
            },
            {field: (value, tuned.source) for field, value in tuned.values.items()}
            if tuned
            else {},
        ]

    def asked(self, field: str) -> Value | None:
        """Returns what was asked, the case type says or was tuned, None where nothing is said."""
        return next((layer[field][0] for layer in self._layers if field in layer), None)

    def take(self, field: str, default: T, source: str = "default") -> T:
        """Returns the value of the strongest layer that has one, else ``default``."""
        for layer in self._layers:
            if field in layer:
                value, origin = layer[field]
                return self.fix(field, cast(T, value), origin)
        return self.fix(field, default, source)

    def part(self, part: str, value: T) -> T:
        """Returns a part of the name, keeping who said it: the name itself, or the settings."""
        return self.fix(part, value, self.source_of_part(part))

    def source_of_part(self, part: str) -> str:
        if part not in self.name.unspelled:
            return "name"
        return str(self._settings[part].source) if part in self._settings else "default"

    def fix(self, field: str, value: T, source: str) -> T:
        """Returns ``value``, keeping its source."""
        self.request[field] = Sourced(cast(FieldValue, value), source)
        return value


def _agree(name: CaseName, settings: Mapping[str, Setting]) -> tuple[CaseName, list[Notice]]:
    """Returns the name, with what is asked where it says nothing, and what it overrules.

    Raises:
        UsageError: an option or ``--set`` contradicts the name.
    """
    if not name.case_type:
        case_type = str(settings["case_type"].value) if "case_type" in settings else ""
        name = replace(name, case_type=case_type, unspelled=name.unspelled | {"case_type"})
    if "precision" in name.unspelled and "precision" in settings:
        name = replace(name, precision=str(settings["precision"].value))
    overruled = []
    for parameter in PARAMETERS:
        setting = settings.get(parameter.name)
        if not parameter.in_name or setting is None:
            continue
        part, asked = getattr(name, parameter.name), str(setting.value)
        if part == asked or (parameter.name == "precision" and _same_numerics(part, asked)):
            continue
        if setting.source != "environment":
            raise UsageError(
                f"{parameter.key}={asked} ({setting.source}) contradicts the case name {name}",
                hint="leave one of the two out",
            )
        text = f"{parameter.key}={asked} (environment) is overruled by the name {name}"
        overruled.append(Notice("overruled", text, "unset it, or run no case by name"))
    return name, overruled


def _same_numerics(one: str, other: str) -> bool:
    """Whether one of two precisions is the other's numerics, such as fp32 and avx_fp32."""
    generic, precision = (one, other) if one in NUMERICS else (other, one)
    return precision in PRECISIONS and means(generic, precision)


def _case_type_values(name: CaseName, host: Host) -> dict[str, Value]:
    """Returns what the case type says, as the documents of the original workloads have it."""
    if name.case_type == "gated":
        # STEPS=10 below the usual 20 steps of warm-up would measure nothing.
        return {"steps": 10, "warmup_steps": 5, "batch_size": 1}
    if name.case_type == "pkm" and host.arch == "aarch64":
        return {"batch_size": 1, "cores_per_instance": 1}
    return {}


def _lacking(host: Host, precision: str) -> str:
    """Returns what the default engine, which is not read before, has no kernels for."""
    return ENGINES[Case.engine].lacking(host, precision)


def _fill_in(choice: _Choice, host: Host) -> Case:
    name = choice.name
    device = _fill_in_device(choice)
    word = resolve_precision(name.precision, host, device, _lacking)
    said = choice.source_of_part("precision")
    if word != name.precision:
        said = "best here" if said == "name" else f"{said}, best here"
    precision = choice.fix("precision", word, said)
    batch = 1 if name.mode == "latency" else PRECISIONS[precision].best_batch
    across_nodes = choice.take("across_nodes", False)
    host = host.with_slow_cores(bool(choice.asked("slow_cores")))
    instances, cores = _fill_in_layout(choice, host, device, across_nodes)
    steps, warmup_steps, repeat, data_type = _fill_in_load(choice)
    chosen: dict[str, Any] = {
        "function": choice.part("function", name.function),
        "mode": choice.part("mode", name.mode),
        "precision": precision,
        "case_type": choice.part("case_type", name.case_type),
        "batch_size": choice.take("batch_size", batch, f"default {name.mode}"),
        "cores_per_instance": cores,
        "instances": instances,
        "steps": steps,
        "warmup_steps": warmup_steps,
        "repeat": repeat,
        "data_type": data_type,
        "device": device,
        "across_nodes": across_nodes,
        "matmul_min_dim": _matmul_min_dim(choice, host),
        "cuda_graph": _cuda_graph(choice, device),
    }
    # The others have a default that depends on nothing; one without is missed by Case itself.
    for field in fields(Case):
        if field.name not in chosen and field.default is not MISSING:
            chosen[field.name] = choice.take(field.name, field.default)
    return Case(**chosen)


def _fill_in_device(choice: _Choice) -> str:
    """Returns the precision's own device where the name has it, else what was asked.

    Raises:
        UsageError: the two contradict each other.
    """
    word, asked = choice.name.precision, choice.take("device", "auto")
    if word in NUMERICS:
        return choice.fix("device", "cpu", "auto") if asked == "auto" else asked
    own = PRECISIONS[word].device
    if asked == "auto":
        return choice.fix(
            "device", own, "auto" if own == "cpu" else choice.source_of_part("precision")
        )
    if asked != own:
        raise UsageError(
            f"DEVICE={asked} ({choice.request['device'].source}) contradicts {word}, which runs on "
            f"{_DEVICE_WORDS[own]}",
            hint=f"leave --device out, or say {numerics_of(word)}, which means the best of the "
            "device",
        )
    return asked


def _fill_in_layout(
    choice: _Choice, host: Host, device: str, across_nodes: bool
) -> tuple[int, int]:
    """Returns (instances, cores per instance)."""
    mode, case_type = choice.name.mode, choice.name.case_type
    asked_instances = cast("int | None", choice.asked("instances"))
    asked_cores = cast("int | None", choice.asked("cores_per_instance"))
    if device == "cuda":
        from r50bench.planning.gpu_placement import gpu_cores, gpu_instances

        instances = choice.take("instances", gpu_instances(host), "one per GPU")
        cores = choice.take("cores_per_instance", gpu_cores(host, instances), "default cuda")
        return instances, cores
    style = choice.asked("instance_mode")
    if style not in ("latency", "throughput"):
        # gated has CORES_PER_INSTANCE be the cores of one socket in every mode.
        style = "latency" if mode == "latency" and case_type != "gated" else "throughput"
    default_cores = cores_of_one_instance(host, str(style), across_nodes)
    instances, cores = instances_and_cores(
        host,
        instances=asked_instances,
        cores=asked_cores,
        default_cores=default_cores,
        across_nodes=across_nodes,
    )
    if asked_instances is None:
        choice.fix("instances", instances, "all that fit")
    else:
        choice.take("instances", instances)
    if asked_cores is None and cores != default_cores:
        choice.fix("cores_per_instance", cores, f"to fit {instances} instances")
    elif asked_cores is None and case_type == "gated":
        choice.fix("cores_per_instance", cores, "case type gated")
    else:
        few = style == "latency" and default_cores < LATENCY_CORES
        choice.take("cores_per_instance", cores, FEW_CORES if few else f"default {mode}")
    return instances, cores


def _fill_in_load(choice: _Choice) -> tuple[int | None, int, int, str]:
    """Returns (steps, warm-up steps, repeat, data type)."""
    if choice.name.mode != "accuracy":
        return (
            choice.take("steps", _STEPS),
            choice.take("warmup_steps", _WARMUP_STEPS),
            choice.take("repeat", Case.repeat),
            choice.take("data_type", Case.data_type),
        )
    return (
        choice.fix("steps", None, "accuracy runs the data set once"),
        choice.fix("warmup_steps", 0, "accuracy times nothing"),
        choice.fix("repeat", 1, "accuracy runs the data set once"),
        choice.fix("data_type", "real", "accuracy needs pictures"),
    )


def _matmul_min_dim(choice: _Choice, host: Host) -> int | None:
    if host.arch != "aarch64":
        return choice.fix("matmul_min_dim", None, f"no effect on {host.arch}")
    return choice.take("matmul_min_dim", 1024)  # the original Arm workload's default


def _cuda_graph(choice: _Choice, device: str) -> bool:
    if device != "cuda":
        return choice.fix("cuda_graph", False, "no effect on CPUs")
    return choice.take("cuda_graph", True, "default cuda")


def _refuse_engine(case: Case, host: Host) -> None:
    """Refuses what the engine has no code for, or this host no instructions.

    Raises:
        Unsupported: the hint says what works instead.
    """
    engine = engine_named(case.engine)
    numerics = engine.numerics.get(case.device)
    if numerics is None:
        raise Unsupported(
            f"engine {engine.name} is run on {_devices(engine)} only here",
            hint="leave --device out",
        )
    if case.numerics not in numerics:
        raise Unsupported(
            f"engine {engine.name} has no {case.numerics} convolutions on {case.device.upper()}",
            hint=f"take --engine {Case.engine}, or another precision",
        )
    if missing := engine.lacking(host, case.precision):
        raise Unsupported(
            f"engine {engine.name} cannot run {case.precision} on {_where(case, host)}: {missing}",
            hint=_what_runs(case, host),
        )
    if case.weight_sharing and not engine.shares_weights:
        raise Unsupported(
            f"engine {engine.name} keeps a copy of the weights for every instance",
            hint="leave WEIGHT_SHARING out",
        )
    if case.allocator == "tcmalloc" and engine.allocator == "system":
        raise Unsupported(f"{engine.framework} aborts under tcmalloc", hint="leave ALLOCATOR out")


def _where(case: Case, host: Host) -> str:
    return host.model_name if case.device == "cpu" else host.gpus[0].name


def _devices(engine: EngineDescriptor) -> str:
    return " and ".join("CPUs" if device == "cpu" else device.upper() for device in engine.numerics)


def _what_runs(case: Case, host: Host) -> str:
    if not ENGINES[Case.engine].lacking(host, case.precision):
        return f"--engine {Case.engine} runs it here"
    from r50bench.planning.designed_cases import runnable_precisions  # few cases are refused

    others = ", ".join(runnable_precisions(host, "cpu"))
    return f"mend that, or take what --engine {Case.engine} runs on this CPU: {others}"


def _refuse_weight_sharing(case: Case, settings: Mapping[str, Setting]) -> None:
    forced = settings.get("force_weight_sharing")
    supported = PRECISIONS[case.precision].numerics.shares_weights
    if case.weight_sharing and not supported and not (forced and forced.value):
        raise UsageError(
            f"weight sharing is not supported for {case.precision}",
            hint="leave WEIGHT_SHARING out, or add --force-weight-sharing",
        )


def _asked_beside(settings: Mapping[str, Setting]) -> dict[str, Sourced]:
    """Returns what was asked by parameters that are no fields of a case."""
    return {
        name: Sourced(setting.value, setting.source)
        for name, setting in settings.items()
        if not BY_NAME[name].in_case
    }
