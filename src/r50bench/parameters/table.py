"""The table of parameters: what there is, what it is called, how its value is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from r50bench.case import ENGINES, MODES, PROFILES
from r50bench.parameters.values import (
    Value,
    dataset,
    free_text,
    function,
    name_of,
    one_of,
    precision,
    variables,
    weights,
    whole_number,
    yes_or_no,
)

__all__ = ["ENVIRONMENT_PREFIX", "PARAMETERS", "UNDERSTOOD_VARIABLES", "Parameter"]

ENVIRONMENT_PREFIX = "R50BENCH_"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a case.

    ``name`` is the field of :class:`r50bench.case.Case` where the case has one; ``key`` its
    upper-case name; ``parse`` turns a non-empty text into the value or raises ValueError with what
    would be right; ``bare`` says that its environment variable
    counts without the prefix too.
    """

    name: str
    key: str
    parse: Callable[[str], Value]
    help: str
    metavar: str
    bare: bool = False

    @property
    def is_flag(self) -> bool:
        """Whether the option stands alone, without a value."""
        return self.parse is yes_or_no

    @property
    def is_number(self) -> bool:
        """Whether its values are whole numbers."""
        return self.metavar in ("N", "SECONDS")

    @property
    def option(self) -> str:
        """The long option, such as ``--batch-size``."""
        return "--" + self.key.lower().replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the strongest first."""
        prefixed = ENVIRONMENT_PREFIX + self.key
        return (prefixed, self.key) if self.bare else (prefixed,)


_WORKLOADS = ("resnet50_pytorch_xeon_public", "resnet50_pytorch_arm")

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("mode", "MODE", one_of(*MODES), "What to measure.", "|".join(MODES), True),
    Parameter(
        "precision",
        "PRECISION",
        precision,
        "Such as avx_int8, or fp32, bf16, int8 for the best this host has.",
        "WORD",
        True,
    ),
    Parameter(
        "profile",
        "CASE_TYPE",
        one_of(*PROFILES[1:]),
        "gated: a short smoke run. pkm: the run for performance analysis.",
        "gated|pkm",
        True,
    ),
    Parameter("batch_size", "BATCH_SIZE", whole_number(1), "Pictures per batch.", "N", bare=True),
    Parameter(
        "cores_per_instance",
        "CORES_PER_INSTANCE",
        whole_number(1),
        "Cores of each instance.",
        "N",
        True,
    ),
    Parameter(
        "instances",
        "INSTANCES",
        whole_number(1),
        "Instances; by default as many as fit.",
        "N",
        bare=True,
    ),
    Parameter(
        "instance_mode",
        "INSTANCE_MODE",
        one_of("flex", "latency", "throughput"),
        "Cores per instance by default: flex as the mode says, or those of the other mode.",
        "flex|latency|throughput",
        True,
    ),
    Parameter(
        "across_nodes",
        "ACROSS_NODES",
        yes_or_no,
        "Let an instance span the NUMA nodes of the host.",
        "BOOL",
    ),
    Parameter(
        "steps",
        "STEPS",
        whole_number(1),
        "Measured batches per instance.",
        "N",
        True,
    ),
    Parameter(
        "warmup_steps",
        "WARMUP_STEPS",
        whole_number(0),
        "Batches per instance before the measurement.",
        "N",
        True,
    ),
    Parameter(
        "repeat",
        "REPEAT",
        whole_number(1),
        "Measured rounds of STEPS batches each.",
        "N",
        bare=True,
    ),
    Parameter(
        "timeout_s",
        "TIMEOUT",
        whole_number(1),
        "Seconds after which a worker that does nothing is taken to hang.",
        "SECONDS",
    ),
    Parameter(
        "data_type",
        "DATA_TYPE",
        one_of("dummy", "real"),
        "Seeded random input, or preprocessed pictures.",
        "dummy|real",
        True,
    ),
    Parameter(
        "dataset",
        "DATASET",
        dataset,
        "'sample' (20 pictures) or the folder of ImageNet's validation set.",
        "DIR",
        bare=True,
    ),
    Parameter(
        "skip_bad_pictures",
        "SKIP_BAD_PICTURES",
        yes_or_no,
        "Leave out pictures that cannot be decoded, instead of refusing to run.",
        "BOOL",
    ),
    Parameter(
        "weights",
        "WEIGHTS",
        weights,
        "auto, v1, v1.5, random, or the path of a state dict.",
        "WHICH",
        bare=True,
    ),
    Parameter(
        "weight_sharing",
        "WEIGHT_SHARING",
        yes_or_no,
        "Instances in one process share one copy of the weights.",
        "BOOL",
        True,
    ),
    Parameter(
        "force_weight_sharing",
        "FORCE_WEIGHT_SHARING",
        yes_or_no,
        "Allow --weight-sharing for fp32 and bf32 too.",
        "BOOL",
    ),
    Parameter(
        "engine", "ENGINE", one_of(*ENGINES), "What runs the model.", "|".join(ENGINES), bare=True
    ),
    Parameter(
        "device",
        "DEVICE",
        one_of("auto", "cpu", "cuda"),
        "Where the model runs; auto is the CPU.",
        "auto|cpu|cuda",
    ),
    Parameter(
        "allocator",
        "ALLOCATOR",
        one_of("auto", "tcmalloc", "system"),
        "The workers' memory allocator; auto takes the engine's best that is installed.",
        "auto|tcmalloc|system",
    ),
    Parameter(
        "seed",
        "SEED",
        whole_number(0, 2**32 - 1),
        "Seed of dummy input and random weights.",
        "N",
        bare=True,
    ),
    Parameter(
        "customer_env",
        "CUSTOMER_ENV",
        variables,
        "Environment of the workers, such as 'A=1 B=2'.",
        "VARS",
        True,
    ),
    Parameter(
        "matmul_min_dim",
        "TORCH_MKLDNN_MATMUL_MIN_DIM",
        whole_number(0),
        "Smallest matrix that oneDNN multiplies, on Arm.",
        "N",
        True,
    ),
    Parameter(
        "verbose",
        "VERBOSE",
        yes_or_no,
        "Keep the oneDNN log of the untimed evidence run beside the record.",
        "BOOL",
        True,
    ),
    Parameter("function", "FUNCTION", function, "Only inference.", "inference", True),
    Parameter("topology", "TOPOLOGY", one_of("resnet50"), "Only resnet50.", "resnet50", True),
    Parameter(
        "workload",
        "WORKLOAD",
        name_of(*_WORKLOADS),
        "The original workload's name; checked, without effect.",
        "NAME",
        True,
    ),
    Parameter(
        "platform",
        "PLATFORM",
        free_text,
        "The platform's name; checked against this host, without effect.",
        "NAME",
        True,
    ),
)
"""The table, in the order of the help."""

UNDERSTOOD_VARIABLES = frozenset(name for row in PARAMETERS for name in row.variables)
"""Environment variables that set a parameter."""
