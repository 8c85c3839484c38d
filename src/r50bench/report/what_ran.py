"""What the figures of a table belong to: model, engine, device, placement and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from r50bench.results.record import Record
from r50bench.wording import counted

__all__ = ["what_ran"]

_JOINT = " · "


def what_ran(records: Sequence[Record], width: int = 100) -> str:
    """Returns what ran, in lines of at most ``width`` columns where its parts allow that.

    ``ResNet-50 v1, weights v1 (…), 7.72 GFLOP/image · torch 2.13.0+cpu on cpu · 1 instance × 2
    cores · 20 pictures``. Where models or engines differ, each is named with its cases; the
    placement is left out where it differs. Empty without a record that knows its model.
    """
    if all(record.model is None for record in records):
        return ""
    parts = [
        *_each(records, _model),
        *_each(records, _engine),
        *_alike(records, _placement),
        *_pictures(records),
    ]
    lines = [parts[0]]
    for part in parts[1:]:
        longer = lines[-1] + _JOINT + part
        if len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(_JOINT.lstrip() + part)
    return "\n".join(lines)


def _each(records: Sequence[Record], text_of: Callable[[Record], str]) -> list[str]:
    """Returns the different texts, each with the cases that it is true of if there are several."""
    cases: dict[str, list[str]] = {}
    for record in records:
        if text := text_of(record):
            cases.setdefault(text, []).append(f"{record.case.mode} {record.case.precision}")
    if len(cases) == 1:
        return list(cases)
    return [f"{text} ({', '.join(dict.fromkeys(names))})" for text, names in cases.items()]


def _alike(records: Sequence[Record], text_of: Callable[[Record], str]) -> list[str]:
    texts = list(dict.fromkeys(map(text_of, records)))
    return texts if len(texts) == 1 else []


def _model(record: Record) -> str:
    model = record.model
    if model is None:
        return ""
    return (
        f"ResNet-50 {model.graph}, weights {model.weights} ({model.source}), "
        f"{model.gflop_per_image:.2f} GFLOP/image"
    )


def _engine(record: Record) -> str:
    engine = record.engine
    return "" if engine is None else f"{engine.name} ({engine.version}) on {engine.device}"


def _placement(record: Record) -> str:
    case = record.case
    return f"{counted(case.instances, 'instance')} × {counted(case.cores_per_instance, 'core')}"


def _pictures(records: Sequence[Record]) -> list[str]:
    """Returns how many real pictures there were, or that there were none."""
    data = [record.data for record in records if record.data is not None]
    counts = dict.fromkeys(one.pictures for one in data if one.kind == "real")
    if counts:
        return [counted(count, "picture") for count in counts]
    return ["dummy pictures"] if data else []
