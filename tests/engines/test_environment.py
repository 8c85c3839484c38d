from __future__ import annotations

import os
from dataclasses import replace

import pytest

from r50bench.engines import environment
from r50bench.engines.environment import (
    allocator_of,
    inert_settings,
    recorded_environment,
    worker_environment,
)
from r50bench.errors import Unsupported
from support import synthetic_hosts

TCMALLOC = "/usr/lib/libtcmalloc_minimal.so.4"


@pytest.mark.parametrize(
    "name",
    [
        "OMP_NUM_THREADS",
        "KMP_BLOCKTIME",
        "MKL_NUM_THREADS",
        "ONEDNN_VERBOSE",
        "DNNL_MAX_CPU_ISA",
        "MKLDNN_VERBOSE",
        "GOMP_CPU_AFFINITY",
        "TORCHINDUCTOR_FREEZING",
        "TORCH_LOGS",
        "ATEN_CPU_CAPABILITY",
        "LD_PRELOAD",
        "MALLOC_MMAP_THRESHOLD_",
        "THP_MEM_ALLOC_ENABLE",
    ],
)
def test_what_the_shell_exports_for_numeric_libraries_does_not_reach_the_worker(case, turin, name):
    passed = worker_environment(case, turin, {name: "from the shell", "PATH": "/bin"})
    assert passed.get(name) != "from the shell"
    assert passed["PATH"] == "/bin"


def test_threads_and_instruction_sets_are_those_of_the_case(case, turin):
    passed = worker_environment(case, turin, {})
    assert passed.pop("PYTHONSAFEPATH") == "1"
    assert passed.pop("OPENBLAS_NUM_THREADS") == "1"
    assert passed == {"OMP_NUM_THREADS": "2", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}


def test_a_user_whom_the_system_has_no_name_for_gets_one(case, turin, monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert worker_environment(case, turin, {})["USER"] == f"uid_{os.getuid()}"
    assert worker_environment(case, turin, {"USER": "me"})["USER"] == "me"
    assert "USER" not in worker_environment(case, turin, {"LOGNAME": "me"})


def test_instruction_sets_are_not_capped_for_cuda_or_on_arm(case, turin):
    graviton = synthetic_hosts.host_of([[2]], model="graviton3")
    on_arm = worker_environment(replace(case, precision="arm_bf16"), graviton, {})
    on_cuda = worker_environment(replace(case, precision="avx_fp32", device="cuda"), turin, {})
    assert "ONEDNN_MAX_CPU_ISA" not in on_arm
    assert "ONEDNN_MAX_CPU_ISA" not in on_cuda


def test_float32_may_be_computed_in_bfloat16_for_bf32_alone(case, turin):
    spr = synthetic_hosts.host_of([[2]], model="spr")

    def passed(precision: str, **other: str) -> dict[str, str]:
        return worker_environment(replace(case, precision=precision, **other), spr, {})

    assert passed("amx_bfloat32")["ONEDNN_DEFAULT_FPMATH_MODE"] == "BF16"
    for precision in ("avx_fp32", "amx_bfloat16", "amx_int8"):
        assert "ONEDNN_DEFAULT_FPMATH_MODE" not in passed(precision)


def test_customer_env_wins_over_everything(case, turin):
    asked = replace(
        case, customer_env=(("OMP_NUM_THREADS", "1"), ("ONEDNN_MAX_CPU_ISA", "AVX2"), ("A", "b"))
    )
    passed = worker_environment(asked, turin, {"A": "shell"})
    wanted = {"OMP_NUM_THREADS": "1", "ONEDNN_MAX_CPU_ISA": "AVX2", "A": "b"}
    assert wanted.items() <= passed.items()


def test_the_least_matrix_size_for_onednn_is_passed_on_where_it_was_given(case):
    graviton = synthetic_hosts.host_of([[2]], model="graviton2")
    asked = replace(case, precision="arm_fp32", matmul_min_dim=1024)
    passed = worker_environment(asked, graviton, {})
    assert passed["TORCH_MKLDNN_MATMUL_MIN_DIM"] == "1024"


@pytest.mark.parametrize(
    ("allocator", "engine", "found", "preloaded"),
    [
        ("auto", "torch", TCMALLOC, TCMALLOC),
        ("auto", "torch", None, None),
        ("auto", "fake", TCMALLOC, None),
        ("system", "torch", TCMALLOC, None),
        ("tcmalloc", "fake", TCMALLOC, TCMALLOC),
    ],
)
def test_the_allocator_is_preloaded(case, turin, monkeypatch, allocator, engine, found, preloaded):
    monkeypatch.setattr(environment, "find_tcmalloc", lambda: found)
    asked = replace(case, allocator=allocator, engine=engine)
    assert worker_environment(asked, turin, {}).get("LD_PRELOAD") == preloaded


def test_an_allocator_that_is_not_there_is_refused(case, turin, monkeypatch):
    monkeypatch.setattr(environment, "find_tcmalloc", lambda: None)
    with pytest.raises(Unsupported, match="none") as caught:
        worker_environment(replace(case, allocator="tcmalloc"), turin, {})
    assert "libtcmalloc-minimal4" in caught.value.hint


@pytest.mark.parametrize(
    ("preload", "name"),
    [
        (TCMALLOC, "tcmalloc"),
        ("/usr/lib/libjemalloc.so.2", "jemalloc"),
        ("/opt/libiomp5.so:/opt/libtcmalloc.so.4", "tcmalloc"),
        ("/opt/libiomp5.so", "system"),
        (None, "system"),
    ],
)
def test_the_allocator_is_named_by_what_is_preloaded(preload, name):
    assert allocator_of({"LD_PRELOAD": preload} if preload else {}) == name


def test_the_record_holds_the_variables_that_can_change_figures():
    environ = {"OMP_NUM_THREADS": "2", "HOME": "/root", "FAKE_ANSWERS": "1", "KMP_BLOCKTIME": "1"}
    assert list(recorded_environment(environ)) == [
        "FAKE_ANSWERS",
        "KMP_BLOCKTIME",
        "OMP_NUM_THREADS",
    ]


def test_the_record_holds_all_that_customer_env_names(case, turin):
    asked = replace(case, customer_env=(("A", "1"), ("HOME", "/tmp")))
    passed = worker_environment(asked, turin, {"HOME": "/root", "USER": "me"})
    recorded = recorded_environment(passed)
    assert {"A": "1", "HOME": "/tmp"}.items() <= recorded.items()
    assert not {"USER", "R50BENCH_RECORDED"} & set(recorded)


def test_the_shell_cannot_have_more_recorded(case, turin):
    passed = worker_environment(case, turin, {"HOME": "/root", "R50BENCH_RECORDED": "HOME"})
    assert "HOME" not in recorded_environment(passed)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KMP_BLOCKTIME", "1", "libgomp"),
        ("TORCH_MKLDNN_MATMUL_MIN_DIM", "64", "batched"),
        ("LRU_CACHE_CAPACITY", "1024", "convolutions"),
        ("THP_MEM_ALLOC_ENABLE", "true", "exactly 1"),
        ("ONEDNN_MAX_CPU_ISA", "AVX512", "knows no such value"),
        ("DNNL_MAX_CPU_ISA", "AVX2", "goes before"),
    ],
)
def test_a_setting_without_effect_is_said(case, turin, name, value, said):
    (notice,) = inert_settings(replace(case, customer_env=((name, value),)), turin)
    assert notice.code == "no-effect"
    assert name in notice.text
    assert said in str(notice)


@pytest.mark.parametrize(
    "settings",
    [
        (("KMP_BLOCKTIME", "1"), ("LD_PRELOAD", "/opt/libiomp5.so")),
        (("THP_MEM_ALLOC_ENABLE", "1"),),
        (("ONEDNN_MAX_CPU_ISA", "avx2"),),
        (("OMP_WAIT_POLICY", "ACTIVE"),),
    ],
)
def test_a_setting_with_effect_is_not_complained_about(case, turin, settings):
    assert inert_settings(replace(case, customer_env=settings), turin) == ()


def test_matmul_min_dim_is_live_on_arm(case):
    graviton = synthetic_hosts.host_of([[2]], model="graviton2")
    asked = replace(
        case, precision="arm_fp32", customer_env=(("TORCH_MKLDNN_MATMUL_MIN_DIM", "64"),)
    )
    assert inert_settings(asked, graviton) == ()


def test_settings_of_onednn_do_not_reach_our_own_kernels(case, turin):
    ours = replace(
        case, engine="r50", customer_env=(("ONEDNN_VERBOSE", "1"), ("GOMP_SPINCOUNT", "1"))
    )
    (notice,) = inert_settings(ours, turin)
    assert notice.text.startswith("ONEDNN_VERBOSE has no effect")
    assert notice.mend == "--engine torch"
