"""A profile as text: where a batch's time goes, by kind of layer and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from r50bench.profile.roofline import Breakdown, LayerTime
from r50bench.profile.run import Profile
from r50bench.report.table import Column, Table
from r50bench.wording import counted, fixed

__all__ = ["Group", "groups", "profile_heading", "profile_tables", "profile_text"]


@dataclass(frozen=True)
class Group:
    """Layers of one kind, together."""

    name: str
    count: int
    ms: float
    least_ms: float

    @property
    def share(self) -> float:
        """The least time as a share of the time taken."""
        return self.least_ms / self.ms


def groups(breakdown: Breakdown) -> list[Group]:
    """Returns the kinds of layers, the one that loses most time first."""
    found: dict[str, list[LayerTime]] = {}
    for layer in breakdown.layers:
        found.setdefault(layer.group, []).append(layer)
    merged = [
        Group(
            name,
            len(alike),
            sum(layer.ms for layer in alike),
            sum(layer.least_ms for layer in alike),
        )
        for name, alike in found.items()
    ]
    return sorted(merged, key=lambda group: group.least_ms - group.ms)


def profile_text(profile: Profile, *, all_layers: bool) -> str:
    """Returns heading, sum, and the table of the kinds; with ``all_layers`` that of layers too."""
    tables = profile_tables(profile, all_layers=all_layers)
    sections = [profile_heading(profile), *(table.text() for table in tables)]
    sections += ["\n".join(f"! {warning}" for warning in profile.warnings)]
    return "\n\n".join(section for section in sections if section) + "\n"


def profile_heading(profile: Profile) -> str:
    """Returns what was profiled, and against which limit."""
    case, model, limit = profile.case, profile.model, profile.limit
    return (
        f"{case.name} · ResNet-50 {model.graph}, weights {model.weights} · batch"
        f" {case.batch_size}, {case.instances} × {counted(case.cores_per_instance, 'core')} ·"
        f" {profile.engine.name} ({profile.engine.version})\n"
        f"limit of an instance: {fixed(profile.roof.gop_per_s, 4)} GOP/s ({limit.instruction}),"
        f" {fixed(profile.roof.gb_per_s, 3)} GB/s · median of {profile.rounds} rounds"
    )


def profile_tables(profile: Profile, *, all_layers: bool) -> Iterator[Table]:
    """Yields the sum of a batch, the kinds of layers, and with ``all_layers`` every layer."""
    parts = profile.breakdown
    yield Table.of((Column("one batch", "left"), "ms", "% of time"), _summary(profile))
    head = ("count", "ms", "% of time", "least ms", "% of limit", "lost ms")
    rows = [
        (
            group.name,
            str(group.count),
            _ms(group.ms),
            _percent(group.ms / parts.batch_ms),
            _ms(group.least_ms),
            _percent(group.share),
            _ms(group.ms - group.least_ms),
        )
        for group in groups(parts)
    ]
    yield Table.of((Column("layers", "left"), *head), rows)
    if all_layers:
        yield Table.of(_LAYER_HEAD, map(_layer_row, parts.layers))


_LAYER_HEAD = (
    Column("layer", "left"),
    Column("kind", "left"),
    "ms",
    "least ms",
    "% of limit",
    Column("bound", "left"),
    Column("then ms", "right"),
    Column("kernel", "left"),
)


def _summary(profile: Profile) -> list[tuple[str, ...]]:
    parts = profile.breakdown
    lost = parts.kernels_ms - parts.other_kernels_ms - parts.least_ms
    rows = [
        ("least that the limit allows", parts.least_ms),
        ("lost inside the layers' kernels", lost),
        ("other kernels", parts.other_kernels_ms),
        ("outside of kernels", parts.outside_ms),
        ("all", parts.batch_ms),
    ]
    kept = [row for row in rows if row[0] != "other kernels" or row[1]]
    return [(name, _ms(ms), _percent(ms / parts.batch_ms)) for name, ms in kept]


def _layer_row(layer: LayerTime) -> tuple[str, ...]:
    return (
        layer.name,
        layer.group,
        _ms(layer.ms),
        _ms(layer.least_ms),
        _percent(layer.share),
        layer.bound,
        "-" if layer.gap_ms is None else _ms(layer.gap_ms),
        layer.kernel,
    )


def _ms(value: float) -> str:
    return f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
