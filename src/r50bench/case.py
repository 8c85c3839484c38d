"""The vocabulary of a case: what is run, how its name is spelled, and on which CPUs.

A name is ``<function>_<mode>_<precision>[_<case type>]``, such as
``inference_latency_avx_int8_gated``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from r50bench.errors import UsageError, did_you_mean
from r50bench.precision import NUMERICS, PRECISIONS, numerics_of, parse_precision

__all__ = [
    "CASE_TYPES",
    "FORMER_ENGINES",
    "FUNCTIONS",
    "MODES",
    "WORKLOADS",
    "Case",
    "CaseName",
    "FieldValue",
    "Placement",
    "Request",
    "Slot",
    "Sourced",
    "is_glob",
    "refuse_training",
    "setting_text",
    "strip_prefixes",
    "workload_of",
]

FUNCTIONS = ("inference", "training")
MODES = ("latency", "throughput", "accuracy")
CASE_TYPES = ("", "gated", "pkm")

FORMER_ENGINES = {"torch-aot": "torch"}
"""What an engine was called once, in commands and in records, and is called now."""

WORKLOADS = (
    "resnet50_pytorch_xeon_public",
    "resnet50_pytorch_arm",
    "resnet50v15_pytorch_arm",  # as the Arm workload calls itself where nobody names it
)
"""The original workloads, which may stand before a case's name."""


def refuse_training() -> UsageError:
    """Returns the one sentence with which training is refused."""
    return UsageError(
        "training is not supported: r50bench measures inference only",
        hint="replace 'training' by 'inference'",
    )


@dataclass(frozen=True)
class CaseName:
    """A case name taken apart. ``precision`` may still be a numerics, such as bf16.

    ``unspelled`` are the parts that nobody wrote in a name: they are from settings, or defaults.
    ``workload`` is the one of :data:`WORKLOADS` that stood before it, empty where none did.
    """

    function: str
    mode: str
    precision: str
    case_type: str = ""
    unspelled: frozenset[str] = field(default=frozenset(), compare=False)
    workload: str = field(default="", compare=False)

    @classmethod
    def of_parts(cls, mode: str, precision: str, case_type: str = "") -> CaseName:
        """Returns the name of an inference case that nobody named."""
        parts = frozenset(("function", "mode", "precision", "case_type"))
        return cls("inference", mode, precision, case_type, parts)

    def __str__(self) -> str:
        parts = (self.function, self.mode, self.precision, self.case_type)
        return "_".join(part for part in parts if part)

    @classmethod
    def parse(cls, text: str) -> CaseName:
        """Reads a name, with or without the prefixes of the original workloads.

        ``throughput_pkm``, the one case name of the ARM workload, says no precision: it means
        ``inference_throughput_fp32_pkm`` unless PRECISION is asked.

        Raises:
            UsageError: a part is misspelt or missing, or the function is training.
        """
        workload, word = _parted(text)
        if word == "throughput_pkm":
            unspelled = frozenset(("function", "precision"))
            return cls("inference", "throughput", "fp32", "pkm", unspelled, workload)
        body, _, last = word.rpartition("_")
        body, case_type = (body, last) if last in CASE_TYPES[1:] else (word, "")
        match = re.fullmatch(r"([a-z]+)_([a-z]+)_(\w+)", body)
        if match is None:
            raise _misspelt(text, word)
        function, mode, precision = match.groups()
        if function == "training":
            raise refuse_training()
        if function not in FUNCTIONS or mode not in MODES:
            raise _misspelt(text, word)
        try:
            named = parse_precision(precision)
        except UsageError:
            raise _misspelt(text, word) from None
        return cls(function, mode, named, case_type, workload=workload)


def is_glob(word: str) -> bool:
    """Whether a word chooses among names, or paths, rather than being one."""
    return any(sign in word for sign in "*?[")


def strip_prefixes(text: str) -> str:
    """Returns a case name or glob in lower case without the prefixes of the original workloads.

    Dashes become underscores, except within a glob's brackets.
    """
    return _parted(text)[1]


def workload_of(text: str) -> str:
    """Returns the one of :data:`WORKLOADS` that begins a name or glob, empty where none does."""
    return _parted(text)[0]


def _parted(text: str) -> tuple[str, str]:
    word = re.sub(r"-(?![^\[]*\])", "_", text.strip().lower()).removeprefix("test_")
    for workload in WORKLOADS:
        if word.startswith(f"{workload}_"):
            return workload, word.removeprefix(f"{workload}_")
    return "", word


def _misspelt(text: str, word: str) -> UsageError:
    names = [
        "_".join(part for part in ("inference", mode, precision, case_type) if part)
        for mode in MODES
        for precision in (*PRECISIONS, *NUMERICS)
        for case_type in CASE_TYPES
    ]
    return UsageError(
        f"unknown case {text!r}",
        hint=did_you_mean(word, names)
        or "a case is <function>_<mode>_<precision>[_<case type>]; see 'r50bench list'",
    )


@dataclass(frozen=True)
class Case:
    """One effective case: nothing is left to defaults, everything is validated for the host.

    ``steps`` and ``warmup_steps`` count batches per instance; in accuracy mode ``steps`` is None,
    since every picture is run exactly once. ``weights`` is ``auto``, ``v1``, ``v1.5``, ``random``
    or the path of a state dict; ``dataset`` is ``sample`` (the 20 pictures) or a folder.
    ``repeat`` counts the measured rounds, of ``steps`` batches each; ``timeout_s`` is for how many
    seconds a worker may neither answer nor finish a batch before it is taken to hang.
    ``customer_env`` holds (name, value) pairs for the workers; ``matmul_min_dim`` is
    TORCH_MKLDNN_MATMUL_MIN_DIM for the workers, None where it has no effect (x86). ``cuda_graph``:
    the GPU is given the whole inference at once, as a graph that was captured before.
    ``python`` is the interpreter of the workers, empty for the one that r50bench itself runs under.
    """

    mode: str
    precision: str
    batch_size: int
    cores_per_instance: int
    instances: int
    steps: int | None
    warmup_steps: int
    case_type: str = ""
    function: str = "inference"
    engine: str = "torch"
    device: str = "cpu"
    weights: str = "auto"
    dataset: str = "sample"
    data_type: str = "dummy"
    repeat: int = 1
    seed: int = 2020
    weight_sharing: bool = False
    across_nodes: bool = False
    slow_cores: bool = False
    allocator: str = "auto"
    skip_bad_pictures: bool = False
    verbose: bool = False
    customer_env: tuple[tuple[str, str], ...] = ()
    timeout_s: int = 120
    matmul_min_dim: int | None = None
    cuda_graph: bool = False
    python: str = ""

    @property
    def name(self) -> str:
        """The canonical name, such as ``inference_throughput_avx_int8_gated``."""
        return str(CaseName(self.function, self.mode, self.precision, self.case_type))

    @property
    def numerics(self) -> str:
        """The name of the precision's numerics, such as bf16."""
        return numerics_of(self.precision)


FieldValue = str | int | float | bool | tuple[tuple[str, str], ...] | None
"""What a field of a case, or a parameter beside it, can hold."""


@dataclass(frozen=True)
class Sourced:
    """A value that was in effect, and where it is from, such as ``option`` or ``default latency``.

    As text: ``16 (default throughput)``.
    """

    value: FieldValue
    source: str

    def __str__(self) -> str:
        return f"{setting_text(self.value)} ({self.source})"


Request = Mapping[str, Sourced]
"""An entry for every field of a case, and for every parameter that was asked and is no field."""


def setting_text(value: object) -> str:
    """Returns a value in the words of ``--set``; none where there is nothing."""
    if isinstance(value, tuple) and value:
        return " ".join(f"{name}={shlex.quote(text)}" for name, text in value)
    return "none" if value in (None, "", ()) else str(value)


@dataclass(frozen=True)
class Slot:
    """The CPUs of one instance (one per core, SMT siblings unused) and its memory nodes.

    ``gpu`` is the PCI address of the GPU that it has to itself, empty on CPUs.
    """

    instance: int
    cpus: tuple[int, ...]
    nodes: tuple[int, ...]
    gpu: str = ""


@dataclass(frozen=True)
class Placement:
    """One slot per instance; ``leftover`` are the first CPUs of usable cores in no slot."""

    slots: tuple[Slot, ...]
    leftover: tuple[int, ...] = ()
