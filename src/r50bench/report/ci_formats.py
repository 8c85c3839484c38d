"""KPIs in the formats that CI systems and monitors read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from r50bench.report.junit import CheckedCase, junit_xml
from r50bench.report.kpi_block import KpiBlock, block_text
from r50bench.results.kpi import Kpi
from r50bench.wording import figure

__all__ = ["github_benchmark", "junit_kpis", "openmetrics"]

_LABELS = {
    "ENGINE": "engine",
    "PRECISION": "precision",
    "BATCH_SIZE": "batch_size",
    "INSTANCE_NUMBER": "instances",
    "CORES_PER_INSTANCE": "cores_per_instance",
    "DEVICE": "device",
}

# OpenMetrics 1.0 asks for base units, said at the end of the name.
_UNITS = {
    "img/s": ("images_per_second", 1.0),
    "samples/s": ("samples_per_second", 1.0),
    "ms": ("seconds", 1e-3),
    "s": ("seconds", 1.0),
    "%": ("ratio", 0.01),
    "MiB": ("bytes", 2.0**20),
    "GFLOP": ("operations", 1e9),
    "GOP": ("operations", 1e9),
    "GFLOP/s": ("operations_per_second", 1e9),
    "GOP/s": ("operations_per_second", 1e9),
    "GB/s": ("bytes_per_second", 1e9),
    "": ("", 1.0),
}

Labels = tuple[tuple[str, str], ...]


def junit_kpis(blocks: Sequence[KpiBlock]) -> str:
    """Returns JUnit's XML: a test for each run, which an invalid one fails."""
    return junit_xml("r50bench", [_checked(block) for block in blocks])


def openmetrics(blocks: Sequence[KpiBlock]) -> str:
    """Returns OpenMetrics text of gauges, as node exporter's textfile collector reads it too.

    Of several runs with the same labels the one that began last is given. ``r50bench_valid`` is 0
    for a run without figures. Figures with an interval have its ends under names with ``_low`` and
    ``_high``.
    """
    by_time = sorted(blocks, key=lambda block: dict(block.settings)["CREATED"])
    newest = {_labels(block): block for block in by_time}
    families: dict[str, list[str]] = {}
    heads: dict[str, _Family] = {}
    for labels, block in newest.items():
        for family, value in _gauges(block):
            heads.setdefault(family.name, family)
            families.setdefault(family.name, []).append(f"{family.name}{_braced(labels)} {value!r}")
    lines = [line for name, rows in families.items() for line in (*heads[name].head(), *rows)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def github_benchmark(blocks: Sequence[KpiBlock], *, bigger: bool) -> str:
    """Returns what benchmark-action/github-action-benchmark reads as a custom benchmark.

    The figures of which more is better (its tool ``customBiggerIsBetter``), or those of which less
    is (``customSmallerIsBetter``); the action takes one kind a file.
    """
    entries = [
        _github_entry(block, kpi)
        for block in blocks
        for kpi in block.kpis
        if kpi.more_is_better is bigger
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class _Family:
    """One metric: its name, which ends in its unit, and what it is."""

    name: str
    unit: str
    help: str

    def head(self) -> Iterator[str]:
        yield f"# TYPE {self.name} gauge"
        if self.unit:
            yield f"# UNIT {self.name} {self.unit}"
        yield f"# HELP {self.name} {self.help}"


def _gauges(block: KpiBlock) -> Iterator[tuple[_Family, float]]:
    yield _Family("r50bench_valid", "", "Whether the run has figures."), float(block.valid)
    for kpi in block.kpis:
        yield _family(kpi, ""), _scaled(kpi, kpi.value)
        if kpi.low is not None and kpi.high is not None:
            yield _family(kpi, "low"), _scaled(kpi, kpi.low)
            yield _family(kpi, "high"), _scaled(kpi, kpi.high)


def _family(kpi: Kpi, end: str) -> _Family:
    unit, _ = _UNITS[kpi.unit]
    words = re.sub(r"\W+", "_", kpi.name.lower()).strip("_")
    name = "_".join(part for part in ("r50bench", words, end, unit) if part)
    what = f"The {end} end of the 95 % interval of {kpi.name}." if end else f"{kpi.name}."
    return _Family(name, unit, what)


def _scaled(kpi: Kpi, value: float) -> float:
    return float(value) * _UNITS[kpi.unit][1]


def _labels(block: KpiBlock) -> Labels:
    settings = dict(block.settings)
    known = [(label, settings[key]) for key, label in _LABELS.items() if key in settings]
    return (("case", block.case_name), *known)


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _checked(block: KpiBlock) -> CheckedCase:
    name = " ".join([block.case_name, *_beside_name(dict(block.settings))])
    text = block_text(block)
    if block.reason is not None:
        return CheckedCase(name, "error", block.reason, text)
    primary = next(kpi for kpi in block.kpis if kpi.primary)
    return CheckedCase(name, message=f"{primary.label}: {figure(primary.value)}", text=text)


def _github_entry(block: KpiBlock, kpi: Kpi) -> dict[str, str | float]:
    settings = dict(block.settings)
    where = " ".join([block.case_name, *_beside_name(settings)])
    entry: dict[str, str | float] = {
        "name": f"{where}: {kpi.name}",
        "unit": kpi.unit,
        "value": kpi.value,
        "extra": f"record {block.record_id}",
    }
    if kpi.half_width is not None:
        entry["range"] = f"± {figure(kpi.half_width)}"
    return entry


def _beside_name(settings: Mapping[str, str]) -> list[str]:
    words = {"ENGINE": "", "BATCH_SIZE": "BS ", "INSTANCE_NUMBER": "×"}
    return [f"{word}{settings[key]}" for key, word in words.items() if key in settings]
