"""Kernels of GPUs, by names as the profiler gave them on one: what they prove, and what not."""

from __future__ import annotations

import pytest

from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.cuda_kernels import judge_cuda, transforms
from r50bench.engines.evidence.judge import CUDA_PREFIX, count_kernels
from r50bench.engines.evidence.layer_match import evidence_of
from r50bench.models.layers import layers, operations_per_image
from r50bench.precision import PRECISIONS

XMMA = "_execute_segment_k_off_kernel__5x_cudnn"
BESIDE = {
    "Memset (Device)": 31,
    "void cudnn::engines_precompiled::nhwcToNchwKernel<float, float, float, true>(cudnn::x)": 68,
    "void cudnn::engines_precompiled::convertTensor_kernel<float, float, float>(float)": 2,
    "void cudnn::cnn::kern_precompute_indices<false>(int*, int, int, int)": 9,
    "void cask_plugin__5x_cudnn::xmma__5x_cudnn::init_device_workspace_kernel<xmma__5x_cudnn>": 4,
    "void at::native::elementwise_kernel<128, 4, at::native::CUDAFunctor_add<c10::BFloat16>>": 4,
    "triton_poi_fused_convolution_relu_3": 12,
    "void at::native::reduce_kernel<128, 4, at::native::ReduceOp<c10::BFloat16, MeanOps>>": 1,
}
"""They move, convert, sum up or make ready."""

KERNELS = {
    "cuda_fp32": {
        "sm80_xmma_fprop_implicit_gemm_f32f32_f32f32_f32_nchwkcrs_nchw_tilesize256x64x8_stage3"
        "_warpsize2x2x1_g1_ffma_aligna4_alignc4_execute_kernel__5x_cudnn": 40,
        "sm80_xmma_gemm_cf32cf32_f32f32_cf32_tn_n_tilesize64x64x8_stage3_ffma__5x_cublas": 8,
        "void precomputed_convolve_sgemm<float, 128, 6, 7, 3, 3, 5, 1, false>(int, int)": 5,
        "std::enable_if<!(false), void>::type internal::gemvx::kernel<int, int, float, float>": 1,
        "void fft2d_r2c_16x16<float>(float2*, float const*, int, int, int)": 10,
    },
    "cuda_tf32": {
        f"sm90_xmma_fprop_implicit_gemm_f32f32_tf32f32_f32_nhwckrsc_nhwc_tilesize128x128x32"
        f"_warpgroupsize1x1x1_g1{XMMA}": 49,
        "sm90_xmma_gemm_f32f32_tf32f32_f32_tn_n_tilesize64x256x32_warpgroupsize1x1x1__5x_cublas": 2,
        "void cutlass::Kernel2<cutlass_80_tensorop_s1688gemm_64x64_32x6_tn_align4>(Params)": 1,
        "void convolve_common_engine_float_NHWC<float, float, 128, 6, 7, 3, 3, 5, true>(int)": 1,
        "void gemv2T_kernel_val<int, int, float, float, float, float, 128, 16, 4, 4>": 1,
    },
    "cuda_bfloat16": {
        f"sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_tilesize128x128x64"
        f"_warpgroupsize1x1x1_g1{XMMA}": 25,
        "nvjet_sm90_tst_256x128_64x4_1x2_h_bx_coopA_relubias_TNT": 27,
        "sm80_xmma_fprop_implicit_gemm_indexed_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_tensor16x8": 1,
        "nvjet_sm90_tst_8x64_64x16_2x1_v_bz_bias_TNN": 1,
        "void convolve_common_engine_float_NHWC<__nv_bfloat16, __nv_bfloat16, 128, 5, 5>(int)": 1,
    },
    "cuda_fp16": {
        f"sm90_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc_tilesize128x128x64"
        f"_warpgroupsize1x1x1_g1{XMMA}": 30,
        "nvjet_sm90_hsh_256x128_64x4_1x2_h_ssched_bx_coopA_relubias_TNT": 23,
        "ampere_fp16_s16816gemm_fp16_64x64_ldg8_f2f_stages_64x5_tn": 1,
        "void cutlass__5x_cudnn::Kernel<cutlass_tensorop_f16_s16816fprop_optimized_f16_64x64>": 1,
        "sm90_xmma_fprop_image_first_layer_f16f16_f32_f16_nhwckrsc_nhwc_hmma_tensor1688": 1,
    },
}


def counted(*parts: dict[str, int]) -> dict[str, int]:
    return {f"cuda {name}": count for part in parts for name, count in part.items()}


@pytest.mark.parametrize("precision", KERNELS)
@pytest.mark.parametrize("shown", KERNELS)
def test_kernels_prove_their_own_precision_and_no_other(precision: str, shown: str) -> None:
    assert judge_cuda(counted(KERNELS[shown], BESIDE), precision).proved is (precision == shown)


@pytest.mark.parametrize("precision", KERNELS)
def test_a_usual_name_fits(precision: str) -> None:
    kernels = PRECISIONS[precision].kernels
    assert judge_cuda({f"cuda {kernels.usual}": 53}, precision).proved


@pytest.mark.parametrize("precision", KERNELS)
def test_a_convolution_that_is_missing_proves_nothing(precision: str) -> None:
    name = f"cuda {PRECISIONS[precision].kernels.usual}"
    found = judge_cuda({name: 52, **counted(BESIDE)}, precision)
    assert not found.proved
    assert "52 multiplying kernels as they should be" in found.summary


# As cuDNN and cuBLAS chose them at batch 1 on an H200.
FLOAT32_AT_BATCH_1 = {
    "void convolve_common_engine_float_NHWC<float, float, 128, 6, 7, 3, 3, 5, true>(int)": 1,
    "void convolve_common_engine_float_NHWC<float, float, 1024, 5, 5, 3, 3, 3, true>(int)": 1,
    "std::enable_if<!(false), void>::type internal::gemvx::kernel<int, int, float, float>": 1,
}


def test_a_few_layers_may_be_finer_than_tf32_and_are_counted() -> None:
    tf32 = {PRECISIONS["cuda_tf32"].kernels.usual: 51}
    found = judge_cuda(counted(tf32, FLOAT32_AT_BATCH_1), "cuda_tf32")
    assert found.proved
    assert found.summary == "cuDNN tensor cores, 3 kernels in float32"
    assert "of which 5 at most are of float32" in found.expected


@pytest.mark.parametrize(
    ("tf32", "fp32", "proved"), [(49, 5, True), (48, 6, False), (0, 54, False)]
)
def test_nine_in_ten_make_tf32(tf32: int, fp32: int, proved: bool) -> None:
    kernels = {
        PRECISIONS["cuda_tf32"].kernels.usual: tf32,
        PRECISIONS["cuda_fp32"].kernels.usual: fp32,
    }
    assert judge_cuda(counted(kernels), "cuda_tf32").proved is proved


def test_nothing_coarser_than_tf32_passes_for_it() -> None:
    kernels = {
        PRECISIONS["cuda_tf32"].kernels.usual: 53,
        PRECISIONS["cuda_bfloat16"].kernels.usual: 1,
    }
    assert not judge_cuda(counted(kernels), "cuda_tf32").proved


def test_what_does_not_multiply_counts_for_nothing() -> None:
    assert not judge_cuda({**counted(BESIDE), "convolution x f32": 53}, "cuda_fp32").proved


def test_a_kernel_of_triton_that_tells_no_type_does_not_fit() -> None:
    kernels = {f"cuda {PRECISIONS['cuda_fp16'].kernels.usual}": 53, "cuda triton_tem_fused_mm": 1}
    found = judge_cuda(kernels, "cuda_fp16")
    assert not found.proved
    assert found.summary.startswith("1 × triton_tem_fused_mm")


@pytest.mark.parametrize(
    ("precision", "summary"),
    [
        ("cuda_fp32", "cuBLAS/cuDNN no tensor cores"),
        ("cuda_tf32", "cuBLAS/cuDNN tensor cores, 2 kernels in float32"),
        ("cuda_bfloat16", "cuBLAS/cuDNN tensor cores (54 of 55)"),
    ],
)
def test_the_summary_says_whose_kernels_and_whether_on_tensor_cores(precision, summary) -> None:
    assert judge_cuda(counted(KERNELS[precision]), precision).summary == summary


def test_operations_are_those_of_the_graph_unless_a_transform_saves_some() -> None:
    spec = EngineSpec("torch", "cuda", "cuda_tf32", "v1.5", "torchvision", "random:1", 8, 2)
    log = "".join(f"{CUDA_PREFIX}{name}\n" * count for name, count in KERNELS["cuda_tf32"].items())
    done = operations_per_image(layers("v1.5")) / 1e9
    assert evidence_of(log, spec).gop_per_image == pytest.approx(done)
    with_fft = log + f"{CUDA_PREFIX}void fft2d_r2c_16x16<float>(float2*)\n"
    assert evidence_of(with_fft, spec).gop_per_image is None
    assert transforms(count_kernels(with_fft))
