"""What a case should be told about itself: what was asked and does nothing, or works against it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from r50bench.case import Case
from r50bench.engines.registry import notice_of_former_name
from r50bench.host.isa import detect_platform
from r50bench.host.topology import Host, cores_by_node, usable_cores
from r50bench.notices import Notice, no_effect
from r50bench.parameters import PARAMETERS, LoadWord, Parameter, Setting
from r50bench.planning.placement import LATENCY_CORES
from r50bench.precision import PRECISIONS
from r50bench.wording import counted

__all__ = ["FEW_CORES", "notices_on"]

FEW_CORES = f"default latency: {LATENCY_CORES} do not fit"
"""The source of the cores per instance where latency mode's do not fit."""


def notices_on(
    case: Case,
    settings: Mapping[str, Setting],
    host: Host,
    *,
    few_cores: bool = False,
    workload: str = "",
) -> tuple[Notice, ...]:
    """Returns a notice for everything asked that has no effect on ``case`` or disturbs it.

    ``workload`` is the original one that stood before the case's name, if any did. ``few_cores``:
    its instances have fewer cores than latency mode gives them, for want of more.
    """
    return (
        *_on_engine(settings),
        *_on_workload(case, workload, settings, host),
        *(_on_few_cores(case, host) if few_cores else ()),
        *_on_host(settings, host),
        *_on_load(case, settings),
        *_on_weight_sharing(case, settings),
        *_on_device(case, settings, host),
        *_on_environment(case),
    )


def _on_engine(settings: Mapping[str, Setting]) -> Iterator[Notice]:
    asked = settings.get("engine")
    notice = notice_of_former_name(asked.text) if asked is not None and asked.text else None
    if notice is not None:
        yield notice


def _on_workload(
    case: Case, before_name: str, settings: Mapping[str, Setting], host: Host
) -> Iterator[Notice]:
    here = f"this host is {host.arch}"
    if before_name and _is_for_others(before_name, host):
        asked = f"{before_name} before the case's name"
        yield no_effect(asked, f"{here}, and {case.name} is measured on it")
    asked_for = settings.get("workload")
    if asked_for is not None and _is_for_others(str(asked_for.value), host):
        yield no_effect(f"WORKLOAD={asked_for.value}", here)


def _is_for_others(workload: str, host: Host) -> bool:
    """Whether an original workload is for CPUs of another architecture."""
    return workload.endswith("_arm") != (host.arch == "aarch64")


def _on_host(settings: Mapping[str, Setting], host: Host) -> Iterator[Notice]:
    here = detect_platform(host)
    platform = settings.get("platform")
    if platform is not None and str(platform.value).lower() != here.lower():
        from r50bench.planning.nominal import platform_named  # seldom asked

        if platform_named(str(platform.value)) != here:
            yield no_effect(f"PLATFORM={platform.value}", f"this host is {here}")
    if "matmul_min_dim" in settings and host.arch != "aarch64":
        yield no_effect(
            "TORCH_MKLDNN_MATMUL_MIN_DIM", "on x86 ResNet-50 has no product that asks for it"
        )
    slow = _is_on("slow_cores", settings)
    if slow and not host.slow_cores:
        yield no_effect("SLOW_CORES", "the usable cores are all of one kind")
    if host.slow_cores and not slow:
        fast, others = len(host.cores), len(host.slow_cores)
        yield Notice(
            "mixed-cores",
            f"this CPU has two kinds of cores: the {fast} fast ones are used, {others} slow ones"
            " are not",
            "--slow-cores uses all; an instance goes at the pace of its slowest core",
        )
    if _is_on("across_nodes", settings) and len(cores_by_node(host)) == 1:
        yield no_effect("ACROSS_NODES", "the usable cores are all on one NUMA node")


def _on_few_cores(case: Case, host: Host) -> Iterator[Notice]:
    has = counted(case.cores_per_instance, "core")
    nodes = cores_by_node(host)
    where = "are usable here" if len(nodes) == 1 else "are usable on one NUMA node here"
    mend = "compare it with instances of as many cores only"
    if len(nodes) > 1 and sum(map(len, nodes.values())) >= LATENCY_CORES:
        mend = f"--across-nodes, or {mend}"
    yield Notice(
        "few-cores",
        f"an instance has {has}, and not the {LATENCY_CORES} of latency mode: no more {where}",
        mend,
    )


def _on_load(case: Case, settings: Mapping[str, Setting]) -> Iterator[Notice]:
    if case.mode == "accuracy":
        for row in _asked_in_vain(settings, "score"):
            if row.name != "data_type":
                yield no_effect(row.key, "accuracy runs every picture once")
            elif settings[row.name].value == "dummy":
                yield no_effect("DATA_TYPE=dummy", "accuracy needs real pictures")
    elif case.data_type == "dummy":
        for row in _asked_in_vain(settings, "dummy"):
            yield no_effect(row.key, "input is dummy", "add DATA_TYPE=real")


def _asked_in_vain(settings: Mapping[str, Setting], load: LoadWord) -> list[Parameter]:
    return [row for row in PARAMETERS if load in row.inert_under and row.name in settings]


def _on_weight_sharing(case: Case, settings: Mapping[str, Setting]) -> Iterator[Notice]:
    if case.weight_sharing and case.instances == 1:
        yield no_effect("WEIGHT_SHARING", "there is one instance")
    if _is_on("force_weight_sharing", settings):
        if not case.weight_sharing:
            yield no_effect("FORCE_WEIGHT_SHARING", "weights are not shared", "add WEIGHT_SHARING")
        elif PRECISIONS[case.precision].numerics.shares_weights:
            yield no_effect(
                "FORCE_WEIGHT_SHARING", f"{case.precision} supports weight sharing without it"
            )


def _on_device(case: Case, settings: Mapping[str, Setting], host: Host) -> Iterator[Notice]:
    if case.device != "cuda":
        if _is_on("cuda_graph", settings):
            yield no_effect("CUDA_GRAPH", "the case runs on CPUs")
        return
    if case.verbose:
        yield no_effect("VERBOSE", "on CUDA there is no oneDNN log")
    if case.weight_sharing:
        yield no_effect("WEIGHT_SHARING", "every GPU holds a copy of its own")
    nodes = {core.node for core in usable_cores(host)}
    far = [gpu.pci for gpu in host.gpus if gpu.node is not None and gpu.node not in nodes]
    if far:
        yield Notice(
            "gpu-far",
            f"no usable CPU is on the NUMA node of GPU {', '.join(far)}",
            "widen the affinity mask (taskset) or the container's CPU set by CPUs of that node",
        )


_EFFECTS = (
    (r"ONEDNN_MAX_CPU_ISA", "replaces the ISA cap that makes {case.precision} what its name says"),
    (r"\w+_DEFAULT_FPMATH_MODE", "may have fp32 computed in a lower precision"),
    (r"LD_PRELOAD", "replaces the preloaded allocator (ALLOCATOR={case.allocator})"),
    (r"OMP_PROC_BIND|OMP_PLACES|GOMP_CPU_AFFINITY", "competes with the pinning of the instances"),
)
"""Variables, by regular expression, that reach the engine and work against the case.

Those that do not reach it at all are :func:`r50bench.engines.environment.inert_settings`'s.
"""


def _on_environment(case: Case) -> Iterator[Notice]:
    for name, value in case.customer_env:
        if name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") and value != str(case.cores_per_instance):
            yield _against_case(
                f"{name}={value} contradicts CORES_PER_INSTANCE={case.cores_per_instance}"
            )
        for pattern, effect in _EFFECTS:
            if re.fullmatch(pattern, name):
                yield _against_case(f"{name} {effect.format(case=case)}")


def _against_case(what: str) -> Notice:
    return Notice(
        "customer-env", f"CUSTOMER_ENV: {what}", "leave it out, unless it is what you measure"
    )


def _is_on(name: str, settings: Mapping[str, Setting]) -> bool:
    return name in settings and settings[name].value is True
