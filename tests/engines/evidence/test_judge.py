from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.engines.evidence.judge import (
    CUDA_PREFIX,
    PEER_PREFIX,
    count_kernels,
    judge,
)
from r50bench.precision import PRECISIONS

LOG = """\
onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost
onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind
onednn_verbose,v1,primitive,create:cache_miss,cpu,convolution,brgconv:avx512_core,forward,src:f32,1
onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,forward_inference,\
src:u8::blocked:acdb::f0 wei:s8:ap:blocked:AcdB64a4b::f8:zpm1 bia:f32:a:blocked:a::f0,,,mb8,27.9
onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,forward_inference,\
src:u8::blocked:acdb::f0 wei:s8:ap:blocked:AcdB64a4b::f8:zpm1 bia:f32:a:blocked:a::f0,,,mb8,2.1
onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_vnni,undef,\
src:u8:a:blocked:ab::f0 wei:s8:p:blocked:BA16a64b4a::f8:zpm2 dst:f32:a:blocked:ab::f0,,,8x2048,0.1
onednn_verbose,v1,1700000000000.123,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::x dst:s8,1
"""

# oneDNN 3.7.1 with Arm Compute Library on a Neoverse N1: a bias that there is none of has three
# colons more, weights are blocked by the library's own choice.
ON_ARM = """\
onednn_verbose,v1,info,cpu,isa:AArch64 (with Advanced SIMD & floating-point)
onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:acdb::f0 \
dst:f32::blocked:Acdb4a::f0,attr-scratchpad:user,,64x3x7x7,0.199951
onednn_verbose,v1,primitive,exec,cpu,convolution,indirect_gemm:acl,forward_training,\
src:f32::blocked:acdb::f0 wei:f32:a:blocked:Acdb4a::f0 bia:undef::undef::: \
dst:f32::blocked:acdb::f0,attr-scratchpad:user,alg:convolution_direct,\
mb1_ic3oc64_ih224oh112kh7sh2dh0ph3_iw224ow112kw7sw2dw0pw3,3367.35
"""


def kernels_of(*pairs):
    return {f"convolution {kernel}": count for kernel, count in pairs}


def test_executed_primitives_are_counted_by_implementation_and_source_type():
    assert count_kernels(LOG) == {
        "convolution brg_conv_fwd:avx512_core_vnni u8": 2,
        "matmul brg_matmul:avx512_core_vnni u8": 1,
        "reorder jit:uni f32": 1,
    }


def test_the_log_of_arm_compute_library_proves_fp32_on_arm(spec):
    kernels = count_kernels(ON_ARM * 53)
    assert kernels == {"convolution indirect_gemm:acl f32": 53, "reorder jit:uni f32": 53}
    evidence = judge(kernels, replace(spec, precision="arm_fp32"))
    assert (evidence.proved, evidence.summary) == (True, "indirect_gemm acl")


def test_float32_that_is_computed_in_bfloat16_inside_does_not_pass_for_fp32(spec):
    line = (
        "onednn_verbose,v1,primitive,exec,cpu,convolution,{},forward_inference,"
        "src:f32::blocked:acdb::f0,attr-scratchpad:user attr-fpmath:bf16,alg:convolution_direct,1\n"
    )
    kernels = count_kernels(line.format("indirect_gemm:acl") * 53)
    assert kernels == {"convolution indirect_gemm:acl f32 fpmath:bf16": 53}
    assert not judge(kernels, replace(spec, precision="arm_fp32")).proved
    kernels = count_kernels(line.format("brgconv:avx512_core_amx") * 53)
    assert judge(kernels, replace(spec, precision="amx_bfloat32")).proved


@given(st.text())
def test_any_text_can_be_read(text):
    assert all(count > 0 for count in count_kernels(text).values())


@pytest.mark.parametrize(
    "precision", [name for name, row in PRECISIONS.items() if row.device == "cpu"]
)
def test_a_precisions_own_kernels_prove_it(spec, precision):
    evidence = judge(
        {f"convolution {PRECISIONS[precision].kernels.usual}": 53},
        replace(spec, precision=precision),
    )
    assert evidence.proved
    assert evidence.kernels == {f"convolution {PRECISIONS[precision].kernels.usual}": 53}


# oneDNN's names, as DECLARE_COMMON_PD_T in its src/cpu/aarch64 has them.
@pytest.mark.parametrize(
    ("precision", "kernel", "summary"),
    [
        ("arm_fp32", "indirect_gemm:acl f32", "indirect_gemm acl"),
        ("arm_fp32", "gemm:acl f32", "gemm acl"),
        ("arm_fp32", "wino:acl f32", "wino acl"),
        ("arm_fp32", "indirect_gemm:arm f32", "indirect_gemm arm"),
        ("arm_fp32", "wino:arm f32", "wino arm"),
        ("arm_fp32", "brgconv_1x1:sve_256 f32", "brgconv sve_256"),
        ("arm_fp32", "brgconv:sve_512 f32", "brgconv sve_512"),
        ("arm_fp32", "jit_1x1:sve_128 f32", "jit_1x1 sve_128"),
        ("arm_bf16", "indirect_gemm:arm bf16", "indirect_gemm arm"),
        ("arm_bf16", "brgconv:sve_128 bf16", "brgconv sve_128"),
        ("arm_int8", "brgconv:sve_128 s8", "brgconv sve_128"),
        ("arm_int8", "brgconv_1x1:sve_256 u8", "brgconv sve_256"),
    ],
)
def test_on_arm_libraries_and_generated_code_prove_a_precision(spec, precision, kernel, summary):
    evidence = judge({f"convolution {kernel}": 53}, replace(spec, precision=precision))
    assert (evidence.proved, evidence.summary) == (True, summary)


def test_the_summary_names_code_and_instruction_set(spec):
    kernels = kernels_of(
        ("brg_conv_fwd:avx512_core_vnni u8", 17), ("brgconv_1x1:avx512_core_vnni u8", 36)
    )
    assert judge(kernels, replace(spec, precision="avx_int8")).summary == "brgconv avx512_core_vnni"


@pytest.mark.parametrize(
    ("precision", "kernel"),
    [
        ("avx_bfloat16", "jit_bf16:avx512_core bf16"),
        ("avx_bfloat16", "brgconv:avx512_core f32"),
        ("avx_fp32", "brgconv:avx512_core_bf16 bf16"),
        ("avx_fp32", "ref:any f32"),
        ("avx_fp32", "jit:sse41 f32"),
        ("avx_fp32", "gemm:jit f32"),
        ("avx_int8", "brgconv:avx512_core u8"),
        ("avx_int8", "jit_uni_int8:avx2 u8"),
        ("avx_int8", "brgconv:avx512_core f32"),
        ("amx_int8", "brgconv:avx512_core_vnni u8"),
        ("amx_bfloat16", "brgconv:avx512_core_bf16 bf16"),
        ("amx_bfloat32", "brgconv:avx512_core f32"),
        ("arm_bf16", "indirect_gemm:acl f32"),
        ("arm_fp32", "gemm:ref f32"),
        ("arm_int8", "ref_int8:any s8"),
        ("arm_int8", "gemm_s8u8s32:ref u8"),
        ("arm_int8", "gemm_s8s8s32:ref s8"),
    ],
)
def test_kernels_of_another_kind_prove_nothing_and_are_named(spec, precision, kernel):
    evidence = judge({f"convolution {kernel}": 53}, replace(spec, precision=precision))
    assert not evidence.proved
    assert evidence.summary == f"53 × {kernel}"


@pytest.mark.parametrize("seen", [0, 52, 54, 106])
def test_every_convolution_must_have_been_seen_once(spec, seen):
    kernel = PRECISIONS["avx_int8"].kernels.usual
    evidence = judge({f"convolution {kernel}": seen}, replace(spec, precision="avx_int8"))
    assert not evidence.proved
    assert str(abs(53 - seen)) in evidence.summary


def test_one_convolution_of_another_kind_is_enough_to_refuse(spec):
    kernels = kernels_of(
        (PRECISIONS["avx_bfloat16"].kernels.usual, 52), ("jit_bf16:avx512_core bf16", 1)
    )
    evidence = judge(kernels, replace(spec, precision="avx_bfloat16"))
    assert not evidence.proved
    assert evidence.summary == "1 × jit_bf16:avx512_core bf16, 52 as they should be"


@pytest.mark.parametrize(("without_tiles", "proved"), [(1, True), (2, False)])
def test_under_amx_the_stem_alone_may_do_without_tiles(spec, without_tiles, proved):
    kernels = kernels_of(
        (PRECISIONS["amx_int8"].kernels.usual, 53 - without_tiles),
        ("brgconv:avx512_core_vnni u8", without_tiles),
    )
    assert judge(kernels, replace(spec, precision="amx_int8")).proved is proved


def test_eager_fp32_may_leave_convolutions_to_aten_but_not_run_others(spec):
    eager = replace(spec, engine="torch-eager", precision="avx_fp32")
    partly = judge({"convolution brgconv:avx512_core f32": 20}, eager)
    assert partly.proved
    assert partly.summary == "brgconv avx512_core (20 of 53 seen)"
    assert not judge({"convolution ref:any f32": 1}, eager).proved
    mixed = {"convolution brgconv:avx512_core f32": 52, "convolution ref:any f32": 1}
    assert not judge(mixed, eager).proved
    assert not judge(
        {"convolution brgconv:avx512_core f32": 20}, replace(eager, engine="torch")
    ).proved


@pytest.mark.parametrize("kernels", [{}, {"matmul brg_matmul:avx512_core f32": 1}])
def test_eager_fp32_of_which_no_convolution_was_seen_is_not_proved(spec, kernels):
    eager = replace(spec, engine="torch-eager", precision="avx_fp32")
    evidence = judge(kernels, eager)
    assert not evidence.proved
    assert evidence.summary == "53 of 53 convolutions are not in the kernel log"


def test_eager_fp32_with_more_convolutions_than_the_graph_has_is_not_proved(spec):
    eager = replace(spec, engine="torch-eager", precision="avx_fp32")
    evidence = judge({"convolution brgconv:avx512_core f32": 54}, eager)
    assert not evidence.proved
    assert evidence.summary == "1 convolutions more than the graph has"


@pytest.mark.parametrize(
    ("precision", "name", "proved"),
    [
        ("cuda_bfloat16", "sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwc", True),
        ("cuda_bfloat16", "sm80_xmma_fprop_implicit_gemm_f32f32_f32f32_f32_nhwc", False),
        ("cuda_fp32", "sm80_xmma_fprop_implicit_gemm_f32f32_f32f32_f32_nhwc", True),
        ("cuda_fp32", "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwc", False),
        ("cuda_fp32", "elementwise_kernel", False),
    ],
)
def test_on_cuda_the_names_of_53_multiplying_kernels_must_fit(spec, precision, name, proved):
    kernels = count_kernels(f"{CUDA_PREFIX}{name}\n" * 53)
    assert kernels == {f"cuda {name}": 53}
    assert judge(kernels, replace(spec, device="cuda", precision=precision)).proved is proved


@pytest.mark.parametrize(
    ("engine", "precision", "kernel", "proved"),
    [
        ("openvino", "avx_fp32", "brgconv:avx512,f32", True),
        ("openvino", "avx_bfloat16", "brgconv_1x1:avx512,bf16", True),
        ("openvino", "avx_bfloat16", "jit_1x1:avx512,bf16", False),  # emulated
        ("openvino", "avx_bfloat16", "brgconv:avx512,f32", False),
        ("openvino", "avx_int8", "brgconv:avx512,u8", True),
        ("openvino", "avx_int8", "brgconv:avx512_amx,u8", False),
        ("openvino", "amx_int8", "brgconv:avx512_amx,s8", True),
        ("openvino", "avx_fp32", "ref_any:,f32", False),
        ("onnxruntime", "avx_fp32", "Conv:mlas,f32", True),
        ("onnxruntime", "avx_int8", "QLinearConv:mlas,u8", True),
        ("onnxruntime", "avx_int8", "Conv:mlas,f32", False),
        ("zentorch", "avx_int8", "brgconv:avx512_core_vnni,u8", True),
        ("r50", "avx_int8", "direct:avx512_core_vnni,u8", True),
        ("r50", "avx_int8", "brgconv:avx512_core_vnni,u8", False),
        ("r50", "avx_fp32", "direct:avx512_core_vnni,u8", False),
    ],
)
def test_a_peer_is_judged_by_its_own_words_for_kernels(spec, engine, precision, kernel, proved):
    kernels = count_kernels(f"{PEER_PREFIX}convolution,{kernel}\n" * 53)
    asked = replace(spec, engine=engine, precision=precision)
    assert judge(kernels, asked).proved is proved


def test_a_peer_that_leaves_one_convolution_in_float_proves_no_int8(spec):
    log = f"{PEER_PREFIX}convolution,QLinearConv:mlas,u8\n" * 52
    log += f"{PEER_PREFIX}convolution,Conv:mlas,f32\n"
    asked = replace(spec, engine="onnxruntime", precision="avx_int8")
    evidence = judge(count_kernels(log), asked)
    assert not evidence.proved
    assert "1 × Conv:mlas f32" in evidence.summary
