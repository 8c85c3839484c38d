"""The precisions: a row says all that depends on one, so that a new precision is a new row.

A precision such as ``amx_int8`` is a numerics (int8) on an instruction set (AMX), or on GPUs. What
depends on the numerics alone stands in its own row. What one engine makes of a numerics is in its
folder.
"""

from __future__ import annotations

from dataclasses import dataclass

from r50bench.errors import Unsupported, UsageError, did_you_mean
from r50bench.numerics import BF16, BF32, FP16, FP32, INT8, NUMERICS, TF32, Numerics

__all__ = [
    "DEVICES",
    "NUMERICS",
    "PRECISIONS",
    "CudaKernels",
    "Numerics",
    "OnGpu",
    "OneDnnKernels",
    "Precision",
    "means",
    "needed_flags",
    "no_such_numerics",
    "numerics_of",
    "parse_precision",
    "precisions_by_numerics",
]

DEVICES = ("cpu", "cuda")
"""What a case can run on."""


@dataclass(frozen=True, kw_only=True)
class OneDnnKernels:
    """How oneDNN's log must name the kernels of a precision for it to be proved.

    ``sources`` are the types a convolution may read, ``isa`` is a regular expression for the
    instruction set behind the implementation's colon (oneDNN's cpu_isa_traits), ``usual`` is a
    kernel that fits: ``implementation source-type``. ``stem_exempt``: the stem may use another
    instruction set, since it reads three channels only, for which tiles need not pay.
    """

    sources: frozenset[str]
    isa: str
    usual: str
    stem_exempt: bool = False


@dataclass(frozen=True, kw_only=True)
class CudaKernels:
    """How torch's profiler must name the kernels of a precision on a GPU for it to be proved.

    ``names`` is a regular expression, searched for without regard to case, that the name of every
    multiplying kernel must contain: libraries and C++ templates spell their types in it.
    ``usual`` is a name that fits. ``finer``: so many may be of float32 by their names instead,
    where a precision only allows a coarser multiplication: for a layer or two the library's
    float32 kernel is the faster one.
    """

    names: str
    usual: str
    finer: int = 0


@dataclass(frozen=True, kw_only=True)
class OnGpu:
    """What a precision is on GPUs.

    ``capability`` is the least compute capability that has it in hardware (CUDA C++ programming
    guide, "Compute Capabilities"). ``best_batch`` is the batch size of throughput mode,
    ``images_per_s`` what a GPU is expected to do until something was measured, on the slow side.
    """

    capability: tuple[int, int]
    best_batch: int
    images_per_s: float


@dataclass(frozen=True, kw_only=True)
class Precision:
    """A numerics on an instruction set, or (``gpu`` is there) on GPUs.

    ``name`` begins with the family, such as ``avx_``, and ``arch`` is the architecture as uname(2)
    says it, empty for any. ``needs`` are sets of kernel flags any one of which will do: those that
    oneDNN's dispatcher (on Arm: Arm Compute Library's) asks for before it takes the instructions
    that the precision is named after.

    ``isa_caps`` are values of ONEDNN_MAX_CPU_ISA, each with the flags a host must have for it to be
    the one; the first that fits counts. A cap stops at the narrowest set that has the precision's
    own instructions: a lower one gives emulation (bfloat16 under AVX512_CORE_VNNI), a higher one
    other kernels (AMX under a name that says AVX). Source: oneDNN developer guide, "CPU Dispatcher
    Control". Empty on Arm, where oneDNN has no such control.

    ``peak_instructions`` are tests of ``host/peak_kernel.cpp`` that bound the precision: the first
    one that the CPU has does. On GPUs they are products of :mod:`r50bench.engines.torch.gpu_peak`.
    """

    name: str
    numerics: Numerics
    arch: str
    needs: tuple[frozenset[str], ...]
    isa_caps: tuple[tuple[frozenset[str], str], ...]
    peak_instructions: tuple[str, ...]
    kernels: OneDnnKernels | CudaKernels
    gpu: OnGpu | None = None

    @property
    def family(self) -> str:
        """What the name begins with: avx, amx, arm or cuda."""
        return self.name.rpartition("_")[0]

    @property
    def device(self) -> str:
        """Which of :data:`DEVICES` runs it."""
        return "cpu" if self.gpu is None else "cuda"

    @property
    def best_batch(self) -> int:
        """The batch size of throughput mode."""
        return self.numerics.best_batch if self.gpu is None else self.gpu.best_batch

    def expected_images_per_s(self, cores: int) -> float:
        """Returns what an instance of so many cores, or on a GPU, is expected to do at least."""
        if self.gpu is not None:
            return self.gpu.images_per_s
        return self.numerics.images_per_core_s * cores


def _flags(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ANY_HOST = frozenset[str]()
# What oneDNN calls AVX512_CORE: Linux flags of AVX-512 F, BW, DQ and VL.
_AVX512_CORE = _flags("avx512f avx512bw avx512dq avx512vl")
_TILES = r"\w*amx\w*"
# Behind the colon stands the library (Arm Compute Library, or KleidiAI as "arm") or the set.
_ARM = "acl|arm|sve_128|sve_256|sve_512|asimd"

_AVX = (
    Precision(
        name="avx_fp32",
        numerics=FP32,
        arch="x86_64",
        needs=(_flags("avx2"),),
        isa_caps=((_AVX512_CORE, "AVX512_CORE_VNNI"), (_ANY_HOST, "AVX2")),
        peak_instructions=("fma_512", "fma_256"),
        kernels=OneDnnKernels(
            sources=_flags("f32"), isa="avx512_core|avx2", usual="brgconv:avx512_core f32"
        ),
    ),
    Precision(
        name="avx_bfloat16",
        numerics=BF16,
        arch="x86_64",
        needs=(_flags("avx512_bf16"),),
        isa_caps=((_ANY_HOST, "AVX512_CORE_BF16"),),
        peak_instructions=("vdpbf16ps_512",),
        kernels=OneDnnKernels(
            sources=_flags("bf16"), isa="avx512_core_bf16", usual="brgconv:avx512_core_bf16 bf16"
        ),
    ),
    Precision(
        name="avx_int8",
        numerics=INT8,
        arch="x86_64",
        needs=(_flags("avx512_vnni"), _flags("avx_vnni")),
        isa_caps=((_AVX512_CORE, "AVX512_CORE_VNNI"), (_ANY_HOST, "AVX2_VNNI")),
        peak_instructions=("vpdpbusd_512", "vpdpbusd_256"),
        kernels=OneDnnKernels(
            sources=_flags("u8 s8"),
            isa="avx512_core_vnni|avx2_vnni|avx2_vnni_2",
            usual="brgconv:avx512_core_vnni u8",
        ),
    ),
)
_AMX = (
    Precision(
        name="amx_bfloat16",
        numerics=BF16,
        arch="x86_64",
        needs=(_flags("amx_tile amx_bf16"),),
        isa_caps=((_ANY_HOST, "AVX512_CORE_AMX"),),
        peak_instructions=("tdpbf16ps",),
        kernels=OneDnnKernels(
            sources=_flags("bf16"),
            isa=_TILES,
            usual="brgconv:avx512_core_amx bf16",
            stem_exempt=True,
        ),
    ),
    Precision(
        name="amx_bfloat32",
        numerics=BF32,
        arch="x86_64",
        needs=(_flags("amx_tile amx_bf16"),),
        isa_caps=((_ANY_HOST, "AVX512_CORE_AMX"),),
        peak_instructions=("tdpbf16ps",),
        kernels=OneDnnKernels(
            sources=frozenset({"f32", "f32 fpmath:bf16"}),
            isa=_TILES,
            usual="brgconv:avx512_core_amx f32",
            stem_exempt=True,
        ),
    ),
    Precision(
        name="amx_int8",
        numerics=INT8,
        arch="x86_64",
        needs=(_flags("amx_tile amx_int8"),),
        isa_caps=((_ANY_HOST, "AVX512_CORE_AMX"),),
        peak_instructions=("tdpbusd",),
        kernels=OneDnnKernels(
            sources=_flags("u8 s8"),
            isa=_TILES,
            usual="brgconv:avx512_core_amx u8",
            stem_exempt=True,
        ),
    ),
)
_ARMS = (
    Precision(
        name="arm_fp32",
        numerics=FP32,
        arch="aarch64",
        needs=(_flags("asimd"),),
        isa_caps=(),
        peak_instructions=("fmla_128",),
        kernels=OneDnnKernels(sources=_flags("f32"), isa=_ARM, usual="indirect_gemm:acl f32"),
    ),
    Precision(
        name="arm_bf16",
        numerics=BF16,
        arch="aarch64",
        needs=(_flags("bf16"),),
        isa_caps=(),
        peak_instructions=("bfmmla_128",),
        kernels=OneDnnKernels(sources=_flags("bf16"), isa=_ARM, usual="indirect_gemm:acl bf16"),
    ),
    Precision(
        name="arm_int8",
        numerics=INT8,
        arch="aarch64",
        needs=(_flags("asimddp"), _flags("i8mm")),
        isa_caps=(),
        peak_instructions=("smmla_128", "sdot_128"),
        kernels=OneDnnKernels(sources=_flags("u8 s8"), isa=_ARM, usual="brgconv:sve_256 s8"),
    ),
)

# Of 32, 64, 128 and 256 pictures on an H200, 128 had the highest throughput in fp16 and was within
# 6 % of that of 256 in bf16 and tf32; fp32 was measured at 64 alone. Until something was measured,
# a tenth of what that GPU does is expected.
_GPUS = (
    Precision(
        name="cuda_fp32",
        numerics=FP32,
        arch="",
        needs=(),
        isa_caps=(),
        peak_instructions=("product_fp32",),
        # FFMA is the instruction, sgemm and cgemm (in a transformed convolution) the BLAS routine.
        kernels=CudaKernels(
            names=r"^(?!.*(tf32|tensorop|bf16|bfloat|half|f16|s8|nvjet)).*"
            r"(ffma|simt|[sc]gemm|f32f32_f32f32|float)",
            usual="sm80_xmma_fprop_implicit_gemm_f32f32_f32f32_f32_nchwkcrs_nchw_ffma",
        ),
        gpu=OnGpu(capability=(5, 0), best_batch=64, images_per_s=500.0),
    ),
    Precision(
        name="cuda_tf32",
        numerics=TF32,
        arch="",
        needs=(),
        isa_caps=(),
        peak_instructions=("product_tf32",),
        kernels=CudaKernels(
            # cuBLAS names its TF32 kernels of CUTLASS by their instruction, s1688.
            names=r"tf32|s1688gemm(?!_(f16|bf16))|nvjet_\w*_sss_",
            usual="sm90_xmma_fprop_implicit_gemm_f32f32_tf32f32_f32_nhwckrsc_nhwc_warpgroup",
            # At batch 1 cuDNN 9.19 leaves the stem and another convolution in float32 on an H200,
            # and cuBLAS the classifier. Nine in ten make the precision.
            finer=5,
        ),
        gpu=OnGpu(capability=(8, 0), best_batch=128, images_per_s=2000.0),
    ),
    Precision(
        name="cuda_bfloat16",
        numerics=BF16,
        arch="",
        needs=(),
        isa_caps=(),
        peak_instructions=("product_bf16",),
        kernels=CudaKernels(
            names=r"bf16|bfloat16|nvjet_\w*_t[st]t_",
            usual="sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_warpgroup",
        ),
        gpu=OnGpu(capability=(8, 0), best_batch=128, images_per_s=3000.0),
    ),
    Precision(
        name="cuda_fp16",
        numerics=FP16,
        arch="",
        needs=(),
        isa_caps=(),
        peak_instructions=("product_fp16",),
        kernels=CudaKernels(
            names=r"(?<!b)f16|(?<!b)fp16|half|hgemm|h16816|h1688|nvjet_\w*_h[sh]h_",
            usual="sm90_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc_warpgroup",
        ),
        gpu=OnGpu(capability=(7, 0), best_batch=128, images_per_s=3000.0),
    ),
)

PRECISIONS: dict[str, Precision] = {row.name: row for row in (*_AVX, *_AMX, *_ARMS, *_GPUS)}
"""Every precision a record can carry, by name; of one numerics and architecture the best is last.
"""


def numerics_of(precision: str) -> str:
    """Returns the name of the numerics, such as bf16, of a precision of :data:`PRECISIONS`."""
    return PRECISIONS[precision].numerics.name


def means(word: str, precision: str) -> bool:
    """Whether ``word``, a precision or the name of a numerics, is ``precision`` or its numerics."""
    return word in (precision, numerics_of(precision))


def needed_flags() -> frozenset[str]:
    """Returns the kernel flags that some precision asks for."""
    return frozenset[str]().union(*(flags for row in PRECISIONS.values() for flags in row.needs))


def precisions_by_numerics() -> list[Precision]:
    """Returns all rows in the order of their numerics: fp32, bf16, bf32, int8; avx before amx."""
    order = list(NUMERICS)
    return sorted(PRECISIONS.values(), key=lambda row: order.index(row.numerics.name))


def no_such_numerics(numerics: str, device: str) -> Unsupported:
    """Returns the sentence with which a numerics is refused that a device has no precision of."""
    rows = [row.name for row in PRECISIONS.values() if row.device == device]
    others = [row.name for row in PRECISIONS.values() if row.numerics.name == numerics]
    return Unsupported(
        f"no engine has {numerics} convolutions on {device.upper()}",
        hint=f"{device.upper()} has {', '.join(rows)}; {numerics} is {', '.join(others)}",
    )


def parse_precision(text: str) -> str:
    """Returns a key of :data:`PRECISIONS`, or one of :data:`NUMERICS` for the host's best.

    Case is ignored; ``avx_bf16`` means ``avx_bfloat16``, and so on.

    Raises:
        UsageError: the word is no precision.
        Unsupported: it is made of a family and a numerics that do not go together.
    """
    word = text.strip().lower()
    family, underscore, kind = word.rpartition("_")
    for numerics in NUMERICS.values():
        if kind in (numerics.name, *numerics.spellings):
            kind = numerics.name
    if not underscore and kind in NUMERICS:
        return kind
    for row in PRECISIONS.values():
        if row.family == family and row.numerics.name == kind:
            return row.name
    if kind in NUMERICS and family == "cuda":
        raise no_such_numerics(kind, "cuda")
    known = (*PRECISIONS, *NUMERICS)
    raise UsageError(
        f"unknown precision {text!r}",
        hint=did_you_mean(word, known) or f"known: {', '.join(known)}",
    )
