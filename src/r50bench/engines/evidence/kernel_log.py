"""What oneDNN's log says of each primitive that ran: which, on what shape, and for how long."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Primitive", "Shape", "parse_kernel_log"]

_PREFIXES = ("onednn_verbose,", "r50bench_verbose,")
_SQUARE = re.compile(
    r"(?:g(?P<groups>\d+))?mb(?P<images>\d+)_(?:g\d+)?ic(?P<ic>\d+)oc(?P<oc>\d+)"
    r"_ih(?P<size_in>\d+)oh(?P<size_out>\d+)kh(?P<kernel>\d+)sh(?P<stride>\d+)\w*"
)
_PRODUCT = re.compile(r"(?P<images>\d+)x(?P<ic>\d+):(?P=ic)x(?P<oc>\d+)")
_INNER = re.compile(r"mb(?P<images>\d+)ic(?P<ic>\d+)oc(?P<oc>\d+)")
_PATTERNS = {"convolution": (_SQUARE,), "matmul": (_PRODUCT,), "inner_product": (_INNER,)}


@dataclass(frozen=True)
class Shape:
    """A convolution of square pictures, or a matrix product as a 1×1 one of one pixel."""

    images: int
    channels_in: int
    channels_out: int
    kernel: int = 1
    stride: int = 1
    size_in: int = 1
    size_out: int = 1


@dataclass(frozen=True)
class Primitive:
    """One line of the log.

    ``kind`` and ``implementation`` as oneDNN names them, ``attributes`` the fields between the
    memory formats and the problem, ``shape`` None for what is no convolution and no product.
    ``start_ms`` is oneDNN's own time stamp, None where the log has none.
    """

    kind: str
    implementation: str
    attributes: str
    shape: Shape | None
    ms: float
    start_ms: float | None

    @property
    def adds(self) -> bool:
        """Whether what it computes is added to something that is there."""
        return (
            "post-ops:" in self.attributes
            and re.search(r"\b(sum|binary_add)", self.attributes) is not None
        )


def parse_kernel_log(log: str) -> tuple[Primitive, ...]:
    """Returns the executed primitives of an oneDNN log in their order; other lines are passed over.

    A line is ``onednn_verbose,v1[,STAMP],primitive,exec,cpu,KIND,IMPLEMENTATION,PROPAGATION,
    FORMATS,ATTRIBUTES,AUXILIARY,PROBLEM,MS``.
    """
    found = (_primitive(line) for line in log.splitlines() if line.startswith(_PREFIXES))
    return tuple(primitive for primitive in found if primitive is not None)


def _primitive(line: str) -> Primitive | None:
    fields = line.split(",")
    if "exec" not in fields[:5]:
        return None
    at = fields.index("exec")
    if len(fields) < at + 9:
        return None
    kind, implementation = fields[at + 2 : at + 4]
    problem, duration = fields[-2:]
    milliseconds = _number(duration)
    if milliseconds is None:
        return None
    stamp = fields[at - 2] if fields[at - 1] == "primitive" else fields[at - 1]
    return Primitive(
        kind,
        implementation,
        ",".join(fields[at + 6 : -2]),
        _shape(kind, problem),
        milliseconds,
        _number(stamp),
    )


def _number(text: str) -> float | None:
    """Returns a decimal number; None for anything else, such as ``v1`` or ``nan``."""
    return float(text) if re.fullmatch(r"\d+(\.\d*)?(e[+-]?\d+)?", text) else None


def _shape(kind: str, problem: str) -> Shape | None:
    for pattern in _PATTERNS.get(kind, ()):
        match = pattern.fullmatch(problem)
        if match is not None:
            words = {name: int(text) for name, text in match.groupdict(default="1").items()}
            words["channels_in"], words["channels_out"] = words.pop("ic"), words.pop("oc")
            return Shape(**words) if words.pop("groups", 1) == 1 else None
    return None
