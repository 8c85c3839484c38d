from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from r50bench.engines.evidence.kernel_log import Primitive, Shape, parse_kernel_log

CONVOLUTION = (
    "onednn_verbose,v1,1795385714374.011963,primitive,exec,cpu,convolution,"
    "brgconv_1x1:avx512_core_vnni,forward_inference,src:u8::blocked:acdb::f0"
    " wei:s8:a:blocked:AcdB64a4b::f0 bia:f32:a:blocked:a::f0 dst:u8::blocked:acdb::f0,"
    "attr-scratchpad:user attr-scales:src0:0:f32+dst:0:f32+wei:1:f32"
    " attr-post-ops:sum:0.0847919:120+eltwise_relu,alg:convolution_direct,"
    "mb8_ic64oc256_ih56oh56kh1sh1dh0ph0_iw56ow56kw1sw1dw0pw0,1.47998"
)
MATMUL = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_vnni,undef,"
    "src:u8:a:blocked:ab::f0 wei:s8:p:blocked:BA16a64b4a::f8:zpm2 dst:f32:a:blocked:ab::f0,"
    "attr-scratchpad:user attr-scales:src0:0:f32+wei:2:f32,,8x2048:2048x1000,0.134033"
)
ON_ARM = (  # of oneDNN 3.7.1
    "onednn_verbose,v1,primitive,exec,cpu,convolution,indirect_gemm:acl,forward_training,"
    "src:f32::blocked:acdb::f0 wei:f32:a:blocked:Acdb4a::f0 bia:undef::undef:::"
    " dst:f32::blocked:acdb::f0,attr-scratchpad:user,alg:convolution_direct,"
    "mb1_ic64oc64_ih56oh56kh3sh1dh0ph1_iw56ow56kw3sw1dw0pw1,2973.5"
)
REORDER = (
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:abcd::f0"
    " dst:f32::blocked:acdb::f0,,,8x3x224x224,0.5"
)


def test_a_convolution_is_read_with_shape_time_stamp_and_addition() -> None:
    (found,) = parse_kernel_log(CONVOLUTION)
    assert found.kind == "convolution"
    assert found.implementation == "brgconv_1x1:avx512_core_vnni"
    assert found.shape == Shape(8, 64, 256, 1, 1, 56, 56)
    assert found.ms == 1.47998
    assert found.start_ms == 1795385714374.011963
    assert found.adds


def test_a_convolution_of_arm_compute_library_is_read_alike() -> None:
    (found,) = parse_kernel_log(ON_ARM)
    assert found.implementation == "indirect_gemm:acl"
    assert found.shape == Shape(1, 64, 64, 3, 1, 56, 56)
    assert (found.ms, found.adds) == (2973.5, False)


def test_a_matrix_product_is_a_convolution_of_one_pixel() -> None:
    (found,) = parse_kernel_log(MATMUL)
    assert found.shape == Shape(8, 2048, 1000)
    assert found.start_ms is None
    assert not found.adds
    (inner,) = parse_kernel_log(
        MATMUL.replace("matmul,", "inner_product,").replace("8x2048:2048x1000", "mb8ic2048oc1000")
    )
    assert inner.shape == found.shape


def test_a_primitive_of_another_kind_has_a_time_and_no_shape() -> None:
    (found,) = parse_kernel_log(REORDER)
    assert (found.kind, found.shape, found.ms) == ("reorder", None, 0.5)


def test_what_was_only_created_and_what_others_print_is_passed_over() -> None:
    log = "\n".join(
        [
            "onednn_verbose,v1,info,oneDNN v3.7 (commit N/A)",
            CONVOLUTION.replace(",exec,", ",create:cache_hit,"),
            "a line of somebody else",
            MATMUL,
        ]
    )
    assert [one.kind for one in parse_kernel_log(log)] == ["matmul"]


def test_a_grouped_convolution_is_none_of_the_graph() -> None:
    (found,) = parse_kernel_log(CONVOLUTION.replace("mb8_ic64", "g32mb8_ic64"))
    assert found.shape is None


@given(st.text())
def test_no_text_crashes_the_reader(text: str) -> None:
    assert isinstance(parse_kernel_log(text), tuple)


@given(st.lists(st.sampled_from(CONVOLUTION.split(",")), max_size=20))
def test_no_mangled_line_crashes_the_reader(fields: list[str]) -> None:
    for found in parse_kernel_log("onednn_verbose," + ",".join(fields)):
        assert found.ms >= 0


SIZES = st.integers(1, 4096)


@given(
    st.integers(1, 512),
    SIZES,
    SIZES,
    st.sampled_from([1, 3, 7]),
    st.sampled_from([1, 2]),
    st.integers(1, 224),
    st.integers(1, 224),
    st.floats(0, 1e4),
)
def test_a_printed_convolution_is_read_back(
    images: int, ic: int, oc: int, kernel: int, stride: int, size_in: int, size_out: int, ms: float
) -> None:
    axes = "_".join(
        f"i{axis}{size_in}o{axis}{size_out}k{axis}{kernel}s{axis}{stride}d{axis}0p{axis}1"
        for axis in "hw"
    )
    line = CONVOLUTION.rsplit(",", 2)[0] + f",mb{images}_ic{ic}oc{oc}_{axes},{ms:g}"
    (found,) = parse_kernel_log(line)
    assert isinstance(found, Primitive)
    assert found.shape == Shape(images, ic, oc, kernel, stride, size_in, size_out)
    assert found.ms == float(f"{ms:g}")
