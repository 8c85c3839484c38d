"""Which environment variables numeric libraries, their threads and their allocators obey."""

from __future__ import annotations

__all__ = ["decides_numerics"]

_PREFIXES = (
    "ACL_",
    "ATEN_",
    "DNNL_",
    "GOMP_",
    "KMP_",
    "MALLOC_",
    "MKLDNN_",
    "MKL_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "TCMALLOC_",
    "TORCHAO_",
    "TORCHDYNAMO_",
    "TORCHINDUCTOR_",
    "TORCH_",
)
_NAMES = frozenset(
    {
        "GLIBC_TUNABLES",
        "LD_PRELOAD",
        "LRU_CACHE_CAPACITY",
        "NVIDIA_TF32_OVERRIDE",
        "THP_MEM_ALLOC_ENABLE",
    }
)


def decides_numerics(name: str) -> bool:
    """Says whether a variable of that name can change figures behind a case's back.

    Workers start without those that the shell exports; their values are kept in the record.
    """
    return name.startswith(_PREFIXES) or name in _NAMES
