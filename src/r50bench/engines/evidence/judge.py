"""Which kernels an inference really used, and whether they are those of its precision.

oneDNN prints one line per primitive when it is told to; on CUDA, torch's profiler names the
kernels; peers say what their introspection knows. The worker captures, reads and judges; the parent
has the verdict in the record, or ends the session.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name

from r50bench.engines.base import EngineSpec
from r50bench.engines.registry import ENGINES
from r50bench.models.architecture import GRAPHS, tensor_shapes
from r50bench.precision import PRECISIONS, OneDnnKernels
from r50bench.results.record import Evidence

__all__ = [
    "CONVOLUTIONS",
    "CUDA_PREFIX",
    "PEER_PREFIX",
    "R50_PREFIX",
    "Rule",
    "count_kernels",
    "judge",
    "onednn_rule",
]

CONVOLUTIONS = sum(len(shape) == 4 for shape in tensor_shapes(GRAPHS[0]).values())
"""53, in both graphs."""

CUDA_PREFIX = "cuda_kernel,"
"""Begins each line of the log of a CUDA inference; the kernel's name follows."""

R50_PREFIX = "r50bench_verbose,"
"""Begins each line of the log of our own kernels, which is otherwise as oneDNN's."""

PEER_PREFIX = "peer_kernel,"
"""Begins each line of a peer's log: ``primitive,implementation:isa,source-type`` follows."""


@dataclass(frozen=True)
class Rule:
    """What must have run for a precision to be proved, by one engine.

    ``sources`` are source types, ``isa`` a pattern for what follows the implementation's colon,
    ``code`` one for what precedes it. ``stem_exempt``: the stem reads three channels only, for
    which tiles need not pay; it may use another instruction set. ``unseen`` says who computes
    convolutions that no log shows, None where all are in the log.
    """

    sources: frozenset[str]
    isa: str
    code: str = ".*"
    stem_exempt: bool = False
    unseen: str | None = None

    def says(self) -> str:
        source = "/".join(sorted(self.sources))
        most = CONVOLUTIONS - self.stem_exempt
        whole = f"{most} convolutions on {source} by an implementation of {self.isa}"
        return f"{whole}; {self.unseen} may compute some itself" if self.unseen else whole

    def fits(self, implementation: str, source: str) -> bool:
        code, _, isa = implementation.partition(":")
        if code.startswith("ref") or source not in self.sources:
            return False
        return bool(re.fullmatch(self.isa, isa) and re.fullmatch(self.code, code))


def onednn_rule(precision: str) -> Rule:
    """Returns what all convolutions must be where oneDNN computes them."""
    kernels = PRECISIONS[precision].kernels
    assert isinstance(kernels, OneDnnKernels), f"{precision} is for GPUs"
    return Rule(kernels.sources, kernels.isa, stem_exempt=kernels.stem_exempt)


_EXECUTED = re.compile(
    r"^(?:onednn|r50bench)_verbose,.*?exec,cpu,([^,]+),([^,]+),[^,]*,src:(\w+)(?:.*attr-(fpmath:\w+))?",
    re.MULTILINE,
)
_CONVOLUTION = "convolution "


def count_kernels(log: str) -> dict[str, int]:
    """Counts ``primitive implementation source-type`` over the lines of a kernel log.

    ``fpmath:bf16`` follows where float32 may be computed in bfloat16 inside. Kernels of CUDA are
    counted as ``cuda name``. Other lines are passed over.
    """
    counts = Counter(
        " ".join(part for part in match.groups() if part) for match in _EXECUTED.finditer(log)
    )
    counts.update(
        f"cuda {line.removeprefix(CUDA_PREFIX).strip()}"
        for line in log.splitlines()
        if line.startswith(CUDA_PREFIX)
    )
    counts.update(
        line.removeprefix(PEER_PREFIX).strip().replace(",", " ")
        for line in log.splitlines()
        if line.startswith(PEER_PREFIX)
    )
    return dict(counts)


def judge(kernels: Mapping[str, int], spec: EngineSpec) -> Evidence:
    """Says whether the kernels that were counted are those of the spec's precision.

    All 53 convolutions must have been seen, on the precision's source type, by implementations of
    its own instruction set: emulated bfloat16, reference code and kernels without AMX under an amx
    name prove nothing. A rule with ``unseen`` is exempt from the number alone: what was seen must
    fit even then, and there must be something; the summary says how much.
    """
    if spec.device == "cuda":
        from r50bench.engines.evidence.cuda_kernels import judge_cuda

        return judge_cuda(kernels, spec.precision)
    rule: Rule = resolve_name(ENGINES[spec.engine].evidence)(spec.precision)
    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for kernel, count in kernels.items():
        if kernel.startswith(_CONVOLUTION):
            _, implementation, source = kernel.split(" ", 2)
            fits = rule.fits(implementation, source)
            (good if fits else bad)[f"{implementation} {source}"] += count
    seen = good.total() + bad.total()
    if rule.unseen:
        proved = 0 < seen <= CONVOLUTIONS and not bad
    else:
        proved = seen == CONVOLUTIONS and bad.total() <= rule.stem_exempt
    summary = _families(good) if proved else _what_else(good, bad)
    if proved and seen < CONVOLUTIONS:
        summary = f"{summary} ({seen} of {CONVOLUTIONS} seen)"
    return Evidence(proved, summary, rule.says(), dict(kernels))


def _families(kernels: Mapping[str, int]) -> str:
    """Names the kernels in a few words: code families, then instruction sets."""
    pairs = [kernel.split(" ")[0].partition(":") for kernel in kernels]
    codes = {_family(code) for code, _, _ in pairs}
    return " ".join(["/".join(sorted(codes)), *sorted({isa for _, _, isa in pairs})]).strip()


def _family(code: str) -> str:
    return "brgconv" if code.startswith(("brgconv", "brg_conv")) else code


def _what_else(good: Mapping[str, int], bad: Mapping[str, int]) -> str:
    found = [f"{count} × {kernel}" for kernel, count in sorted(bad.items())]
    proper = sum(good.values())
    missing = CONVOLUTIONS - proper - sum(bad.values())
    if proper and found:
        found.append(f"{proper} as they should be")
    if missing > 0:
        found.append(f"{missing} of {CONVOLUTIONS} convolutions are not in the kernel log")
    elif missing < 0:
        found.append(f"{-missing} convolutions more than the graph has")
    return ", ".join(found)
