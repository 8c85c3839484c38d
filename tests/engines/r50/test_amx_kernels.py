"""The kernels for AMX over emulated tiles, on any x86-64; where there are tiles, over both."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from r50bench.assets.preprocess import dummy_pictures, normalise
from r50bench.engines.base import EngineSpec
from r50bench.engines.r50.amx_engine import AmxEngine, amx_plan_of
from r50bench.engines.r50.amx_plan import make_amx_plan
from r50bench.engines.r50.build import build_kernels
from r50bench.engines.r50.engine import R50Engine, load_library
from r50bench.engines.r50.kernel_sets import KERNEL_SETS, lacking
from r50bench.engines.r50.layers import float_arithmetic, int8_arithmetic
from r50bench.engines.r50.plan import make_plan, write_plan
from r50bench.engines.r50.runner import Pictures
from r50bench.engines.torch.recipes import build_module
from r50bench.errors import Unsupported
from r50bench.host.topology import read_host
from r50bench.models.architecture import CLASSES
from r50bench.models.resnet50 import build_model
from r50bench.models.strides import pull_strides_back
from support.amx_reference import (
    float_logits,
    int8_logits,
    random_int8,
    short_model,
    whole_quanta,
)

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="tiles are emulated on x86-64"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++"),
]

PRECISIONS = {"int8": "amx_int8", "bf16": "amx_bfloat16", "bf32": "amx_bfloat32"}
GRAPHS = ("v1", "v1.5")
IMAGES = 5
IMAGES_IN_FLOAT = 2  # emulation takes longer
EMULATED = ("-O3", "-std=c++20", "-shared", "-fPIC", "-fopenmp", "-march=native")
# Of the largest logit: other orders of sums, and where they fall between two values of bfloat16.
TOLERANCE = {"bf16": 1e-2, "bf32": 1e-2}
# Of the largest logit: 16 bits take a sum that lies between two quanta to the other one in one of
# ten cases, and layers after it follow. 0.011 was seen on random weights, 0.021 on trained ones.
BETWEEN_EPILOGUES = 2.5e-2


# A library as it is where the kernel grants no tiles.
REFUSED = """
#include <cstdint>
#include <cstdlib>
extern "C" {
int64_t r50_permitted() { return 0; }
void* r50_allocate(int64_t bytes) { return calloc(1, size_t(bytes)); }
void* r50_arena(const void*) { return nullptr; }
int64_t r50_misfit(const void*) { return -1; }
void r50_run() {}
}
"""


class Network:
    """A plan in a library, with arenas for some threads."""

    def __init__(self, plan, library, threads=1):
        self._arrays = {name: np.ascontiguousarray(array) for name, array in plan.items()}
        self._library = load_library(str(library))
        self._threads = threads
        assert self._library.r50_permitted()
        weights = self._arrays["weights"]
        kept = self._library.r50_allocate(weights.nbytes)
        ctypes.memmove(kept, weights.ctypes.data, weights.nbytes)
        self._plan = amx_plan_of(self._arrays, kept)
        assert self._library.r50_misfit(ctypes.byref(self._plan)) == -1
        self._arenas = (ctypes.c_void_p * threads)(
            *(self._library.r50_arena(ctypes.byref(self._plan)) for _ in range(threads))
        )

    def logits(self, pictures):
        found = np.full((len(pictures), CLASSES), np.nan, np.float32)
        self._library.r50_run(
            ctypes.byref(self._plan),
            self._arenas,
            self._threads,
            Pictures(pictures),
            len(pictures),
            found.ctypes.data,
            CLASSES,
            None,
        )
        return found


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """Gives the library of some numerics: of emulated tiles, or of this host's, None without."""
    folder = tmp_path_factory.mktemp("amx")

    @cache
    def build(numerics, emulated):
        kernels = KERNEL_SETS[PRECISIONS[numerics]]
        if not emulated and lacking(read_host(), PRECISIONS[numerics]):
            return None
        options = (
            (*EMULATED, "-ffp-contract=off", *kernels.options, "-DR50_EMULATED")
            if emulated
            else kernels.compiler_options
        )
        library = folder / f"{numerics}-{emulated}.so"
        subprocess.run(["g++", *options, str(kernels.source), "-o", str(library)], check=True)
        return library

    return build


@pytest.fixture(scope="session")
def pictures():
    """Channels last in memory, as an engine prepares them."""
    rng = np.random.default_rng(11)
    values = rng.normal(0, 1.5, (IMAGES, 224, 224, 3)).astype(np.float32)
    return values.transpose(0, 3, 1, 2)


@pytest.fixture(scope="session")
def planned():
    """Gives a short model's plan with what its logits are computed from."""

    @cache
    def make(graph, numerics):
        model = short_model(graph)
        arithmetic = random_int8(model, 3) if numerics == "int8" else float_arithmetic(model)
        return make_amx_plan(model, arithmetic, numerics), model, arithmetic

    return make


@pytest.fixture(scope="session")
def emulated(libraries, planned, pictures):
    """Gives the logits over emulated tiles, of pictures that are computed at once."""

    @cache
    def compute(graph, numerics):
        plan, _, _ = planned(graph, numerics)
        some = pictures if numerics == "int8" else pictures[:IMAGES_IN_FLOAT]
        return Network(plan, libraries(numerics, True)).logits(some)

    return compute


@pytest.mark.parametrize("graph", GRAPHS)
def test_int8_is_the_documented_formula_bit_for_bit(graph, emulated, planned, pictures):
    _, model, arithmetic = planned(graph, "int8")
    expected = int8_logits(model, arithmetic, pictures)
    assert expected.std() > 0.1
    np.testing.assert_allclose(emulated(graph, "int8"), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("numerics", ["bf16", "bf32"])
def test_bfloat16_differs_by_rounding_only(numerics, graph, emulated, planned, pictures):
    _, model, arithmetic = planned(graph, numerics)
    found = emulated(graph, numerics)
    expected = float_logits(model, arithmetic, pictures[: len(found)], wide=numerics == "bf32")
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert error < TOLERANCE[numerics]


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (1, 2), (2, 3), (3, 2), (5, 4)])
def test_batch_size_and_threads_change_no_bit(
    batch_size, threads, libraries, planned, emulated, pictures
):
    plan, _, _ = planned("v1.5", "int8")
    network = Network(plan, libraries("int8", True), threads)
    found = network.logits(pictures[:batch_size])
    assert np.array_equal(found, emulated("v1.5", "int8")[:batch_size])


def test_a_group_that_is_not_full_leaves_its_pictures_as_they_are(
    libraries, planned, emulated, pictures
):
    plan, _, _ = planned("v1", "int8")
    many = np.concatenate([pictures, pictures, pictures[:3]])
    found = Network(plan, libraries("int8", True)).logits(many)
    whole = emulated("v1", "int8")
    assert np.array_equal(found, np.concatenate([whole, whole, whole[:3]]))


def test_pictures_are_read_as_they_lie(libraries, planned, emulated, pictures):
    plan, _, _ = planned("v1", "int8")
    channels_first = np.ascontiguousarray(pictures[:1])
    found = Network(plan, libraries("int8", True)).logits(channels_first)
    assert np.array_equal(found, emulated("v1", "int8")[:1])


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("numerics", list(PRECISIONS))
def test_tiles_give_the_bits_of_their_emulation(
    numerics, graph, libraries, planned, emulated, pictures
):
    library = libraries(numerics, False)
    if library is None:
        pytest.skip("this CPU has no tiles")
    plan, _, _ = planned(graph, numerics)
    expected = emulated(graph, numerics)
    for threads in (1, 2):
        found = Network(plan, library, threads).logits(pictures[: len(expected)])
        assert np.array_equal(found, expected)


def test_tiles_serve_groups_of_every_size(libraries, planned, pictures):
    library = libraries("int8", False)
    if library is None:
        pytest.skip("this CPU has no tiles")
    plan, _, _ = planned("v1.5", "int8")
    network = Network(plan, library)
    alone = np.concatenate([network.logits(picture[None]) for picture in pictures])
    many = np.concatenate([pictures] * 7)
    for batch_size in (2, 3, 4, 6, 8, 11, 16, 17, 35):
        found = network.logits(many[:batch_size])
        assert np.array_equal(found, np.concatenate([alone] * 7)[:batch_size])


def spec_of(precision, folder, library):
    return EngineSpec(
        engine="r50",
        device="cpu",
        precision=precision,
        graph="v1",
        convention="torchvision",
        state_dict="random:7",
        batch_size=1,
        threads=1,
        artifact=str(folder),
        kernels=str(library),
    )


@pytest.fixture(scope="session")
def by_avx512(tmp_path_factory):
    """Gives the logits of int8 layers by the kernels for AVX-512."""
    if reason := lacking(read_host(), "avx_int8"):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("avx512")
    library = folder / "kernels.so"
    build_kernels("avx_int8", library, ["g++"])

    def compute(model, arithmetic, pictures):
        plan = folder / f"plan-{len(list(folder.iterdir()))}"
        write_plan(make_plan(model, arithmetic, "int8"), plan)
        engine = R50Engine(spec_of("avx_int8", plan, library))
        runner = engine.runner(0)
        return runner.logits(runner.infer(runner.prepare(pictures)))

    return compute


@pytest.mark.real_engine
@pytest.mark.parametrize("graph", GRAPHS)
def test_where_no_sum_needs_rounding_int8_on_tiles_has_the_bits_of_int8_on_avx512(
    graph, libraries, by_avx512, pictures
):
    model = short_model(graph)
    arithmetic = whole_quanta(model, 5)
    plan = make_amx_plan(model, arithmetic, "int8")
    found = Network(plan, libraries("int8", True)).logits(pictures)
    expected = by_avx512(model, arithmetic, pictures)
    assert expected.std() > 0.1
    assert np.array_equal(found, expected)


@pytest.mark.real_engine
def test_int8_on_tiles_takes_a_quantised_model_for_what_int8_on_avx512_does(
    libraries, by_avx512, tmp_path
):
    raw = dummy_pictures(3, 3)
    np.save(tmp_path / "raw.npy", raw)
    spec = replace(spec_of("avx_int8", "", ""), calibration=str(tmp_path / "raw.npy"))
    model = pull_strides_back(build_model(spec.graph, spec.state_dict))
    arithmetic = int8_arithmetic(model, build_module(spec))
    plan = make_amx_plan(model, arithmetic, "int8")
    pictures = normalise(raw, spec.convention)
    found = Network(plan, libraries("int8", True), threads=2).logits(pictures)
    expected = by_avx512(model, arithmetic, pictures)
    assert np.abs(found - expected).max() < BETWEEN_EPILOGUES * np.abs(expected).max()
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_a_kernel_that_grants_no_tiles_is_refused_by_a_sentence(planned, tmp_path):
    plan, _, _ = planned("v1", "int8")
    write_plan(plan, tmp_path / "plan")
    (tmp_path / "refused.cpp").write_text(REFUSED)
    library = tmp_path / "refused.so"
    command = ["g++", "-shared", "-fPIC", str(tmp_path / "refused.cpp"), "-o", str(library)]
    subprocess.run(command, check=True)
    with pytest.raises(Unsupported, match="arch_prctl") as refusal:
        AmxEngine(spec_of("amx_int8", tmp_path / "plan", library))
    assert "avx_int8" in refusal.value.hint
