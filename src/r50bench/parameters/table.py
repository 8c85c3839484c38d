"""The table of parameters: what there is, what it is called, how it is read, what it decides.

A row says all that is asked of a parameter. Options, ``--set``, environment variables, help texts,
KPI blocks, queries, what was tuned and what a load leaves without effect are all made from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal

from r50bench.case import CASE_TYPES, MODES, Case
from r50bench.parameters.values import (
    Reader,
    Value,
    dataset,
    engine,
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

__all__ = [
    "BY_NAME",
    "ENVIRONMENT_PREFIX",
    "PARAMETERS",
    "UNDERSTOOD_VARIABLES",
    "LoadWord",
    "Parameter",
]

ENVIRONMENT_PREFIX = "R50BENCH_"

LoadWord = Literal["loadgen", "score", "trials", "dummy"]
"""What leaves a parameter without effect: LoadGen, which decides on it itself; the one pass over
all pictures; the trials of a search, which are as long as it needs; dummy input."""

_CASE_FIELDS = frozenset(field.name for field in fields(Case))


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter.

    ``name`` is the field of :class:`r50bench.case.Case` where the case has one, ``key`` its name
    for ``--set``, ``reader`` turns a non-empty text into the value.

    Attributes:
        bare: its environment variable counts without the prefix too.
        in_name: it is a part of the case's name.
        decides_speed: what was tuned is used only where it was asked for in the same way.
        tuned: ``r50bench tune`` chooses it.
        of_peers: it may be chosen for all engines that are compared at once.
        checked_only: it is compared with this host or program, and changes nothing.
        inert_under: what leaves it without effect.
        block: its name in KPI blocks; empty where it has no line there, or its line comes from
            what the record says it came to.
        unswept: why no sweep compares its values; empty where a sweep may.
    """

    name: str
    key: str
    reader: Reader[Value]
    help: str
    bare: bool = False
    in_name: bool = False
    decides_speed: bool = False
    tuned: bool = False
    of_peers: bool = False
    checked_only: bool = False
    inert_under: tuple[LoadWord, ...] = ()
    block: str = ""
    unswept: str = ""
    unit: str = ""

    def parse(self, text: str) -> Value:
        """Returns the value that a non-empty text means.

        Raises:
            ValueError: with what would be right, worded to follow ``BATCH_SIZE=abc:``.
            UsageError: a misspelt precision, or training.
        """
        if self.reader.kind not in ("path", "text") and re.search(r"\s|\.\.\.|…|/", text):
            raise ValueError("takes one value; 'r50bench sweep' takes lists and ranges")
        return self.reader(text)

    @property
    def metavar(self) -> str:
        """What stands for the value in a help text."""
        return self.unit or self.reader.metavar

    @property
    def in_case(self) -> bool:
        """Whether it is a field of the case."""
        return self.name in _CASE_FIELDS

    @property
    def of_mlperf(self) -> bool:
        """Whether it means something to a LoadGen run."""
        return not self.checked_only and "loadgen" not in self.inert_under

    @property
    def is_flag(self) -> bool:
        """Whether the option stands alone, without a value."""
        return self.reader.kind == "flag"

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.reader.kind == "number"

    @property
    def option(self) -> str:
        """The long option, such as ``--batch-size``."""
        return "--" + self.key.lower().replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the strongest first."""
        prefixed = ENVIRONMENT_PREFIX + self.key
        return (prefixed, self.key) if self.bare else (prefixed,)


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="function",
        key="FUNCTION",
        reader=function,
        help="Only inference.",
        bare=True,
        in_name=True,
        checked_only=True,
        block="FUNCTION",
    ),
    Parameter(
        name="mode",
        key="MODE",
        reader=one_of(*MODES),
        help="What to measure.",
        bare=True,
        in_name=True,
        of_peers=True,
        inert_under=("loadgen",),
        block="MODE",
    ),
    Parameter(
        name="case_type",
        key="CASE_TYPE",
        reader=one_of(*CASE_TYPES[1:]),
        help="gated: a short smoke run. pkm: the run for performance analysis.",
        bare=True,
        in_name=True,
        inert_under=("loadgen",),
        block="CASE_TYPE",
    ),
    Parameter(
        name="precision",
        key="PRECISION",
        reader=precision,
        help="Such as avx_int8, or fp32, bf16, int8 for the best this host has.",
        bare=True,
        in_name=True,
        of_peers=True,
        block="PRECISION",
    ),
    Parameter(
        name="data_type",
        key="DATA_TYPE",
        reader=one_of("dummy", "real"),
        help="Seeded random input, or preprocessed pictures.",
        bare=True,
        of_peers=True,
        inert_under=("loadgen", "score"),
        block="DATA_TYPE",
    ),
    Parameter(
        name="dataset",
        key="DATASET",
        reader=dataset,
        help="'sample' (20 pictures) or the folder of ImageNet's validation set.",
        bare=True,
        of_peers=True,
        inert_under=("dummy",),
        unswept="figures on different pictures are never set side by side: one sweep for each",
    ),
    Parameter(
        name="skip_bad_pictures",
        key="SKIP_BAD_PICTURES",
        reader=yes_or_no,
        help="Leave out pictures that cannot be decoded, instead of refusing to run.",
        of_peers=True,
        inert_under=("dummy",),
    ),
    Parameter(
        name="batch_size",
        key="BATCH_SIZE",
        reader=whole_number(1),
        help="Pictures per batch.",
        bare=True,
        decides_speed=True,
        tuned=True,
        of_peers=True,
        block="BATCH_SIZE",
    ),
    Parameter(
        name="steps",
        key="STEPS",
        reader=whole_number(1),
        help="Measured batches per instance.",
        bare=True,
        of_peers=True,
        inert_under=("loadgen", "score", "trials"),
        block="STEPS",
    ),
    Parameter(
        name="warmup_steps",
        key="WARMUP_STEPS",
        reader=whole_number(0),
        help="Batches per instance before the measurement.",
        bare=True,
        of_peers=True,
        inert_under=("score", "trials"),
        block="WARMUP_STEPS",
    ),
    Parameter(
        name="repeat",
        key="REPEAT",
        reader=whole_number(1),
        help="Measured rounds of STEPS batches each.",
        bare=True,
        of_peers=True,
        inert_under=("loadgen", "score", "trials"),
        block="REPEAT",
        unswept="it is how many passes the whole sweep makes: --repeat N",
    ),
    Parameter(
        name="timeout_s",
        key="TIMEOUT",
        reader=whole_number(1),
        help="Seconds after which a worker that does nothing is taken to hang.",
        unit="SECONDS",
        of_peers=True,
    ),
    Parameter(
        name="instances",
        key="INSTANCES",
        reader=whole_number(1),
        help="Instances; by default as many as fit.",
        bare=True,
        decides_speed=True,
        of_peers=True,
        block="INSTANCE_NUMBER",
    ),
    Parameter(
        name="cores_per_instance",
        key="CORES_PER_INSTANCE",
        reader=whole_number(1),
        help="Cores of each instance.",
        bare=True,
        decides_speed=True,
        tuned=True,
        of_peers=True,
        block="CORES_PER_INSTANCE",
    ),
    Parameter(
        name="instance_mode",
        key="INSTANCE_MODE",
        reader=one_of("flex", "latency", "throughput"),
        help="Cores per instance by default: flex as the mode says, or those of the other mode.",
        bare=True,
        decides_speed=True,
        of_peers=True,
        inert_under=("loadgen",),
    ),
    Parameter(
        name="across_nodes",
        key="ACROSS_NODES",
        reader=yes_or_no,
        help="Let an instance span the NUMA nodes of the host.",
        decides_speed=True,
        of_peers=True,
    ),
    Parameter(
        name="weights",
        key="WEIGHTS",
        reader=weights,
        help="auto, v1, v1.5, random, or the path of a state dict.",
        bare=True,
        of_peers=True,
        unswept="figures of different graphs are never set side by side: one sweep for each",
    ),
    Parameter(
        name="weight_sharing",
        key="WEIGHT_SHARING",
        reader=yes_or_no,
        help="Instances in one process share one copy of the weights.",
        bare=True,
        decides_speed=True,
        tuned=True,
        inert_under=("loadgen",),
        block="WEIGHT_SHARING",
    ),
    Parameter(
        name="force_weight_sharing",
        key="FORCE_WEIGHT_SHARING",
        reader=yes_or_no,
        help="Allow --weight-sharing for fp32 and bf32 too.",
        inert_under=("loadgen",),
    ),
    Parameter(
        name="engine",
        key="ENGINE",
        reader=engine,
        help="What runs the model.",
        bare=True,
        decides_speed=True,
        tuned=True,
        block="ENGINE",
    ),
    Parameter(
        name="device",
        key="DEVICE",
        reader=one_of("auto", "cpu", "cuda"),
        help="Where the model runs; auto is the CPU.",
        decides_speed=True,
        block="DEVICE",
    ),
    Parameter(
        name="allocator",
        key="ALLOCATOR",
        reader=one_of("auto", "tcmalloc", "system"),
        help="The workers' memory allocator; auto takes the engine's best that is installed.",
        decides_speed=True,
        tuned=True,
        block="ALLOCATOR",
    ),
    Parameter(
        name="seed",
        key="SEED",
        reader=whole_number(0, 2**32 - 1),
        help="Seed of dummy input and random weights.",
        bare=True,
        of_peers=True,
        block="SEED",
    ),
    Parameter(
        name="verbose",
        key="VERBOSE",
        reader=yes_or_no,
        help="Keep the oneDNN log of the untimed evidence run beside the record.",
        bare=True,
        of_peers=True,
        block="VERBOSE",
    ),
    Parameter(
        name="customer_env",
        key="CUSTOMER_ENV",
        reader=variables,
        help="Environment of the workers, such as 'A=1 B=2'.",
        bare=True,
        decides_speed=True,
        block="CUSTOMER_ENV",
    ),
    Parameter(
        name="matmul_min_dim",
        key="TORCH_MKLDNN_MATMUL_MIN_DIM",
        reader=whole_number(0),
        help="Smallest matrix that oneDNN multiplies, on Arm.",
        bare=True,
        decides_speed=True,
    ),
    Parameter(
        name="topology",
        key="TOPOLOGY",
        reader=one_of("resnet50"),
        help="Only resnet50.",
        bare=True,
        checked_only=True,
    ),
    Parameter(
        name="workload",
        key="WORKLOAD",
        reader=name_of("resnet50_pytorch_xeon_public", "resnet50_pytorch_arm", metavar="NAME"),
        help="The original workload's name; checked, without effect.",
        bare=True,
        checked_only=True,
    ),
    Parameter(
        name="platform",
        key="PLATFORM",
        reader=free_text("NAME"),
        help="The platform's name; checked against this host, without effect.",
        bare=True,
        checked_only=True,
    ),
)
"""The parameters of a case, in the order of the help and of KPI blocks."""

BY_NAME: dict[str, Parameter] = {row.name: row for row in PARAMETERS}

UNDERSTOOD_VARIABLES = frozenset(name for row in PARAMETERS for name in row.variables)
"""Environment variables that set a parameter."""
