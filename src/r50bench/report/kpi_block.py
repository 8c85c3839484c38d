"""The KPI block of a record: what was run and what came out, for people and for programs.

The lines are those of the original workloads' KPI scripts: ``## KEY: value`` for a setting,
``Name (unit): value`` for a figure, a leading ``*`` for the primary one, and ``#`` for all that a
program may skip. A figure that was not measured has no line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from r50bench.case import Request, setting_text
from r50bench.engines.registry import recorded_engine
from r50bench.parameters import BY_NAME, PARAMETERS
from r50bench.precision import PRECISIONS
from r50bench.results.kpi import (
    UNDISTURBED_BATCHES,
    Kpi,
    accuracy_line,
    by_name,
    kpis_if_valid,
)
from r50bench.results.record import GpuReport, Record
from r50bench.results.samples import Samples
from r50bench.wording import figure, first_few

__all__ = ["KpiBlock", "block_text", "blocks_text", "kpi_block", "tuned_values"]

_RULE = "#" + "=" * 48
_NAMED = 10  # skipped pictures named in a block; record.json names all

_WORKLOADS = {
    "x86_64": "resnet50_pytorch_xeon_public",
    "aarch64": "resnet50_pytorch_arm",
}


@dataclass(frozen=True)
class KpiBlock:
    """What is said of one record.

    ``settings`` are (key, value) pairs under the original workloads' names where they have one;
    ``kpis`` the figures, primary first, none for an invalid record; ``reason`` why it is invalid;
    ``notes`` lines for people.
    """

    record_id: str
    case_name: str
    settings: tuple[tuple[str, str], ...]
    kpis: tuple[Kpi, ...]
    reason: str | None
    notes: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether there are figures."""
        return self.reason is None


def kpi_block(record: Record, samples: Samples | None) -> KpiBlock:
    """Returns what is said of ``record``, whose samples are given where it timed anything."""
    valid = record.status == "valid"
    figures = kpis_if_valid(record, samples)
    return KpiBlock(
        record_id=record.id,
        case_name=record.name,
        settings=tuple((key, _one_line(value)) for key, value in _settings(record) if value),
        kpis=figures,
        reason=None if valid else _one_line(record.reason or "no reason given"),
        notes=tuple(_one_line(note) for note in _notes(record, by_name(figures))),
    )


def block_text(block: KpiBlock) -> str:
    """Returns the block as text, without a newline at its end."""
    lines = [*_section("Workload Configuration")]
    lines += [f"## {key}: {value}" for key, value in block.settings]
    if block.reason is not None:
        lines += ["", *_section("Invalid"), f"# {block.record_id} has no figures: {block.reason}"]
    else:
        primary, *others = block.kpis
        lines += ["", *_section("Metrics")]
        lines += [line for kpi in others for line in _kpi_lines(kpi)]
        lines += ["", *_section("Key KPI"), *_kpi_lines(primary)]
    lines += [f"# {note}" for note in block.notes]
    return "\n".join(lines)


def blocks_text(blocks: Sequence[KpiBlock]) -> str:
    """Returns one block after the other, ending in a newline."""
    return "\n\n".join(map(block_text, blocks)) + "\n"


def tuned_values(request: Request) -> str:
    """Returns ``BATCH_SIZE=16 CORES_PER_INSTANCE=1 (tuned 2026-01-31 for throughput)``, or nothing.

    ``request`` is that of an effective case or of a record.
    """
    tuned = {name: one for name, one in request.items() if one.source.startswith("tuned ")}
    if not tuned:
        return ""
    values = " ".join(
        f"{BY_NAME[name].key}={setting_text(one.value)}" for name, one in tuned.items()
    )
    return f"{values} ({next(iter(tuned.values())).source})"


def _section(title: str) -> tuple[str, str, str]:
    return _RULE, f"# {title}", _RULE


def _kpi_lines(kpi: Kpi) -> Iterator[str]:
    yield f"{'*' if kpi.primary else ''}{kpi.label}: {figure(kpi.value)}"
    # A line of its own: what follows a value on its line would reach a program that reads it.
    if kpi.low is not None and kpi.high is not None:
        yield f"#   95% interval: {figure(kpi.low)} to {figure(kpi.high)}"


def _settings(record: Record) -> Iterator[tuple[str, str]]:
    case = record.case
    arch = PRECISIONS[case.precision].arch or str(record.host.get("arch", ""))
    yield "WORKLOAD", _WORKLOADS.get(arch, "")
    yield "TESTCASE", record.name
    yield "PLATFORM", str(record.host.get("platform", ""))
    if record.engine is not None:
        yield "FRAMEWORK", recorded_engine(record.engine.name).framework
        yield "FRAMEWORK_VERSION", record.engine.version
    if record.gpus:
        yield "GPU", ", ".join(dict.fromkeys(gpu.name for gpu in record.gpus))
        yield "GPU_DRIVER", ", ".join(dict.fromkeys(gpu.driver for gpu in record.gpus))
    if record.model is not None:
        yield "MODEL_NAME", f"ResNet50 {record.model.graph}"
        yield "MODEL_SOURCE", record.model.source
        yield "WEIGHTS", record.model.weights
    if record.data is not None:
        yield "DATASET", record.data.name
    if record.energy is not None:
        yield "ENERGY_SOURCE", record.energy.source
    for parameter in PARAMETERS:
        if parameter.block:
            yield parameter.block, _value(record, parameter.name)
    if record.loadgen is not None:
        from r50bench.report.loadgen import loadgen_settings  # most runs are not LoadGen's

        yield from loadgen_settings(record.loadgen)
    yield "RECORD", record.id
    yield "CREATED", record.created


def _value(record: Record, name: str) -> str:
    """Returns the value of a field of the case, or what it came to; empty where it has none."""
    if name == "allocator":
        return "" if record.engine is None else record.engine.allocator
    if name == "cuda_graph" and record.case.device != "cuda":
        return ""  # no effect there, and former records know nothing of it
    value = getattr(record.case, name)
    return "" if value in (None, "", ()) else setting_text(value)


_WITHIN_ONE = (
    "95% intervals cover what varied while this process ran, not what the next one will differ by:"
    " run --processes 5 shows that"
)
"""The intervals of single processes on restless machines hold the mean of many in far fewer than
95 of 100 (benchmarks/compare_aa.py; docs/method.md has the figures)."""


def _notes(record: Record, figures: Mapping[str, Kpi]) -> Iterator[str]:
    if record.loadgen is not None:
        from r50bench.report.loadgen import loadgen_notes

        yield from loadgen_notes(record.loadgen)
    if record.status == "valid" and record.accuracy is not None:
        yield accuracy_line(record.accuracy)
    if record.evidence is not None:
        proof = "proved" if record.evidence.proved else "not proved"
        yield f"kernels {proof}: {record.evidence.summary}"
    if UNDISTURBED_BATCHES in figures:
        from r50bench.report.core_speed import core_speed_sentence  # not every run has a canary

        yield core_speed_sentence(figures) or ""
    if record.canary is not None and record.canary.missing:
        yield f"no canary: {record.canary.missing}"
    for gpu in record.gpus:
        if words := _at_the_end(gpu):
            yield words
    if record.model is not None and record.model.why:
        yield f"weights: {record.model.why}"
    if record.data is not None and record.data.skipped:
        yield _skipped(record.data.skipped)
    if words := tuned_values(record.request):
        yield words
    if any(one.high is not None and one.primary for one in figures.values()):
        yield _WITHIN_ONE
    for notice in record.notices:
        yield f"! {notice}"


def _at_the_end(gpu: GpuReport) -> str:
    """Returns ``GPU 0000:01:00.0 at the end: 1980 of 1980 MHz, 412 of 700 W, 51 °C``."""
    state = gpu.after
    parts = (
        f"{state.clock_mhz} of {state.max_clock_mhz} MHz" if state.clock_mhz else "",
        f"{state.power_w:.0f} of {state.power_limit_w or 0:.0f} W" if state.power_w else "",
        f"{state.temperature_c} °C" if state.temperature_c else "",
        f"slowed by {', '.join(gpu.slowdowns)}" if gpu.slowdowns else "",
    )
    said = ", ".join(part for part in parts if part)
    return f"GPU {gpu.pci} at the end: {said}" if said else ""


def _skipped(pictures: Sequence[str]) -> str:
    named = first_few(pictures, _NAMED)
    return f"pictures skipped, since they cannot be read: {len(pictures)}: {named}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
