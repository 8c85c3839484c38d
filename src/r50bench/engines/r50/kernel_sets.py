"""Which kernels of our own serve a precision, what they need of a CPU, and who makes their plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from r50bench.host import topology
from r50bench.host.topology import Host

__all__ = ["COMPILERS", "KERNEL_SETS", "KernelSet", "lacking"]

_KERNELS = Path(__file__).parent / "kernels"
_TILES = Path(topology.__file__).with_name("amx_tiles.h")


COMPILERS = "g++ 11 with binutils of its time, or clang 12"
"""The oldest that know all instructions here; AMX is the newest of them."""


@dataclass(frozen=True)
class KernelSet:
    """The kernels of one precision, built into one library.

    ``source`` is the C++ file, which includes headers of its folder, of the one above, and
    ``headers`` from elsewhere. ``needs`` are the CPU flags by Linux' name, each with the compiler
    option that allows its use (None: another one implies it, or none is needed); ``options`` what
    else the compiler is told. ``isa``, ``types`` and ``attributes`` are what the kernel log says of
    each kernel. ``plan`` is the import string of what makes a model's plan, and ``engine`` of what
    runs that plan by the library.
    """

    source: Path
    needs: tuple[tuple[str, str | None], ...]
    options: tuple[str, ...]
    isa: str
    types: str
    plan: str
    engine: str
    attributes: str = ""
    headers: tuple[Path, ...] = ()

    @property
    def sources(self) -> tuple[Path, ...]:
        """All that the library is built from, the file that is compiled first."""
        beside = (*self.source.parent.glob("*.h"), *_KERNELS.glob("*.h"), *self.headers)
        return (self.source, *sorted(beside))

    @property
    def compiler_options(self) -> tuple[str, ...]:
        """What the compiler is told, in the order of its command line.

        The instruction sets are named one by one: what an inference runs is then known, wherever
        the library was built. The compiler's warnings about its own intrinsics are not ours to
        mend.
        """
        return (
            *("-O3", "-std=c++20", "-shared", "-fPIC", "-fopenmp", "-mtune=native"),
            *(option for _, option in self.needs if option),
            *self.options,
        )


_AVX512 = (
    ("avx512f", "-mavx512f"),
    ("avx512bw", "-mavx512bw"),
    ("avx512dq", "-mavx512dq"),
    ("avx512vl", "-mavx512vl"),
    ("fma", "-mfma"),
)


_AMX_BF16 = (("amx_tile", None), ("amx_bf16", None), ("avx512_bf16", "-mavx512bf16"))


def _avx512(define: str, isa: str, types: str, *beside: tuple[str, str | None]) -> KernelSet:
    return KernelSet(
        source=_KERNELS / "avx512" / "kernels.cpp",
        needs=(*_AVX512, *beside),
        options=(f"-D{define}",),
        isa=isa,
        types=types,
        plan="r50bench.engines.r50.plan:make_plan",
        engine="r50bench.engines.r50.engine:R50Engine",
    )


def _amx(define: str, isa: str, types: str, *beside: tuple[str, str | None]) -> KernelSet:
    return replace(
        _avx512(define, isa, types, *beside),
        source=_KERNELS / "amx" / "network.cpp",
        plan="r50bench.engines.r50.amx_plan:make_amx_plan",
        engine="r50bench.engines.r50.amx_engine:AmxEngine",
        headers=(_TILES,),
    )


KERNEL_SETS: dict[str, KernelSet] = {
    "avx_fp32": _avx512("R50_FP32", "avx512_core", "src:f32 wei:f32 dst:f32"),
    "avx_bfloat16": _avx512(
        "R50_BF16",
        "avx512_core_bf16",
        "src:bf16 wei:bf16 dst:bf16",
        ("avx512_bf16", "-mavx512bf16"),
    ),
    "avx_int8": _avx512(
        "R50_INT8", "avx512_core_vnni", "src:u8 wei:s8 dst:u8", ("avx512_vnni", "-mavx512vnni")
    ),
    "amx_int8": _amx(
        "R50_INT8", "amx_int8", "src:u8 wei:s8 dst:u8", ("amx_tile", None), ("amx_int8", None)
    ),
    "amx_bfloat16": _amx("R50_BF16", "amx_bf16", "src:bf16 wei:bf16 dst:bf16", *_AMX_BF16),
    "amx_bfloat32": replace(
        _amx("R50_BF32", "amx_bf16", "src:f32 wei:f32 dst:f32", *_AMX_BF16),
        attributes="attr-fpmath:bf16",
    ),
}
"""By precision; what is not here has no kernels of our own."""


def lacking(host: Host, precision: str) -> str:
    """Returns, as a clause, what keeps the kernels of ``precision`` from ``host``; else nothing."""
    kernels = KERNEL_SETS.get(precision)
    if kernels is None:
        return f"r50bench has kernels of its own for {', '.join(KERNEL_SETS)} only"
    missing = [flag for flag, _ in kernels.needs if flag not in host.isa]
    if "avx512f" in missing:  # the foundation of the other subsets, which nobody need read then
        return "the CPU has no AVX-512"
    return f"the CPU lacks {' and '.join(missing)}" if missing else ""
