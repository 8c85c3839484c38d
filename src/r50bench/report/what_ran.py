"""What the figures of a table belong to: model, pictures, engines, placements, in three lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from r50bench.results.record import Record
from r50bench.wording import counted

__all__ = ["what_ran"]

_JOINT = " · "
_MOST_LINES = 3


def what_ran(records: Sequence[Record], width: int = 100) -> str:
    """Returns what ran, in at most three lines, of ``width`` columns where its parts allow that.

    ``ResNet-50 v1, weights v1 (…), 7.72 GFLOP/image · 20 pictures · torch (torch 2.13.0+cpu) on cpu
    · 1 instance × 2 cores``. Where models, engines or placements differ by mode or by precision,
    each is named with those it is true of. Empty without a record that knows its model.
    """
    if all(record.model is None for record in records):
        return ""
    parts = [
        *_named(records, _model),
        *_pictures(records),
        *_named(records, _engine),
        *_placements(records),
    ]
    lines = [parts[0]]
    for part in parts[1:]:
        longer = lines[-1] + _JOINT + part
        if len(longer) <= width or len(lines) == _MOST_LINES:
            lines[-1] = longer
        else:
            lines.append(_JOINT.lstrip() + part)
    return "\n".join(lines)


def _named(records: Sequence[Record], text_of: Callable[[Record], str]) -> list[str]:
    """Returns the different texts, each with the modes or precisions that it is true of.

    Without these where there is one text, and where neither modes nor precisions tell them apart.
    """
    told = [record for record in records if text_of(record)]
    texts = list(dict.fromkeys(map(text_of, told)))
    for key in (_mode, _precision):
        keys = {text: {key(record) for record in told if text_of(record) == text} for text in texts}
        if len(texts) > 1 and len(set().union(*keys.values())) == sum(map(len, keys.values())):
            names = {text: dict.fromkeys(map(key, told)) for text in texts}
            return [
                f"{text} ({', '.join(name for name in names[text] if name in keys[text])})"
                for text in texts
            ]
    return texts


def _mode(record: Record) -> str:
    return record.case.mode


def _precision(record: Record) -> str:
    return record.case.precision


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


def _placements(records: Sequence[Record]) -> list[str]:
    """Returns the placement, or that of each mode or precision; nothing where it is of neither."""
    texts = _named(records, _placement)
    return texts if len(texts) == 1 or all(text.endswith(")") for text in texts) else []


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
