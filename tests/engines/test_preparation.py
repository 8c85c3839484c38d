from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from r50bench.assets.store import Store
from r50bench.engines import child, maker
from r50bench.engines import preparation as preparation_module
from r50bench.engines.child import ChildLog
from r50bench.engines.preparation import (
    INT8_RECIPE,
    Preparation,
    child_limit_s,
    prepare_engine,
)
from r50bench.engines.r50 import prepare as r50_prepare
from r50bench.engines.r50.prepare import plan_key
from r50bench.engines.torch.prepare import model_key
from r50bench.errors import EngineError, Unsupported
from r50bench.notices import Silent
from support import synthetic_hosts
from support.compilers import write_compiler

SHA256 = "00" * 32


def prepare(spec, host, store, environment):
    return prepare_engine(spec, Preparation(SHA256, host, store, Silent(), environment))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def environment(tmp_path):
    """Has a C++ compiler by name; no test here runs it."""
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    return {
        "PATH": str(compiler.parent),
        "OMP_NUM_THREADS": "1",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "LD_PRELOAD": "/lib/libtcmalloc_minimal.so.4",
    }


class Children:
    """Stands in for the compiling process; keeps what it was started with."""

    def __init__(self, act):
        self.act = act
        self.calls = []

    def __call__(self, words, environment, timeout_s):
        self.calls.append((words, environment))
        return self.act(Path(words[-1])) or ChildLog(None, "")


def compile_it(folder):
    folder.mkdir()
    (folder / "model.so").write_bytes(b"model")


@pytest.fixture
def children(monkeypatch):
    def install(act):
        stand_in = Children(act)
        monkeypatch.setattr(r50_prepare, "run_child", stand_in)
        monkeypatch.setattr(child, "run_child", stand_in)
        monkeypatch.setattr(maker, "run_child", stand_in)
        return stand_in

    return install


def test_a_model_is_compiled_once_and_then_found(spec, turin, store, environment, children):
    started = children(compile_it)
    first, compiled = prepare(spec, turin, store, environment)
    again, compiled_again = prepare(spec, turin, store, environment)
    assert (compiled, compiled_again) == (True, False)
    assert first == again == replace(spec, artifact=first.artifact)
    assert (Path(first.artifact) / "model.so").read_bytes() == b"model"
    assert {file.name for file in Path(first.artifact).parent.iterdir()} == {
        "model",
        "provenance.json",
    }
    ((_, given),) = started.calls
    assert given["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert "LD_PRELOAD" not in given


@pytest.mark.parametrize("engine", ["torch-eager", "torch-compile", "fake"])
def test_engines_that_compile_nothing_ahead_need_no_compiler(spec, turin, store, engine):
    asked = replace(spec, engine=engine)
    assert prepare(asked, turin, store, {"PATH": ""}) == (asked, False)


def test_without_a_compiler_the_engine_that_needs_none_is_named(spec, turin, store):
    with pytest.raises(EngineError, match=r"no C\+\+ compiler") as caught:
        prepare(spec, turin, store, {"PATH": "/nonexistent"})
    assert "--engine torch-eager" in caught.value.hint


def test_another_compiler_compiles_again(spec, turin, store, environment, children):
    children(compile_it)
    prepare(spec, turin, store, environment)
    (Path(environment["PATH"]) / "g++").write_text("#!/bin/sh\necho g++ 99\n")
    _, compiled = prepare(spec, turin, store, environment)
    assert compiled


def test_a_model_compiled_before_needs_no_compiler(spec, turin, store, environment, children):
    children(compile_it)
    prepare(spec, turin, store, environment)
    _, compiled = prepare(spec, turin, store, {**environment, "PATH": "/nonexistent"})
    assert not compiled


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (ChildLog("ended with status 1", "cc1plus: out of memory"), "status 1:\ncc1plus: out of"),
        (ChildLog(None, ""), "wrote nothing"),
    ],
)
def test_a_failed_compilation_shows_the_end_of_its_log_and_leaves_nothing(
    spec, turin, store, environment, children, log, said
):
    children(lambda folder: log)
    with pytest.raises(EngineError, match=said) as caught:
        prepare(spec, turin, store, environment)
    assert "torch-eager" in caught.value.hint
    assert store.entries() == ()


def test_an_error_of_the_child_meant_for_the_user_arrives_as_it_is(
    spec, turin, store, environment, children
):
    def refuse(folder):
        said = {"kind": "Unsupported", "message": "device cuda: no GPU", "hint": "take the cpu"}
        folder.with_name(f"{folder.name}.error").write_text(json.dumps(said))
        return ChildLog("ended with status 1", "")

    children(refuse)
    with pytest.raises(Unsupported, match="no GPU") as caught:
        prepare(spec, turin, store, environment)
    assert caught.value.hint == "take the cpu"


@pytest.mark.parametrize("left", ["", '{"kind": "Unsup', "[1]", '{"kind": "os", "message": "x"}'])
def test_an_error_that_the_child_did_not_finish_to_tell_leaves_its_log(
    spec, turin, store, environment, children, left
):
    def die(folder):
        folder.with_name(f"{folder.name}.error").write_text(left)
        return ChildLog("was killed by SIGKILL", "no space left")

    children(die)
    with pytest.raises(EngineError, match="was killed by SIGKILL:\nno space left"):
        prepare(spec, turin, store, environment)


def test_several_runners_get_a_loader_that_is_built_once(spec, turin, store, environment, children):
    def act(target):
        if target.suffix == ".so":
            target.write_bytes(b"loader")
        else:
            compile_it(target)

    started = children(act)
    for batch_size in (1, 2):
        asked = replace(spec, runners=2, batch_size=batch_size)
        shared, _ = prepare(asked, turin, store, environment)
        assert Path(shared.loader).read_bytes() == b"loader"
    modules = [words[0].rpartition(".")[2] for words, _ in started.calls]
    assert modules == ["shared_loader", "compile_model", "compile_model"]


def preparation(host, sha256=SHA256, environment=None):
    return Preparation(sha256, host, None, Silent(), environment or {})


@pytest.fixture
def calibrated(spec, tmp_path):
    file = tmp_path / "pictures.npy"
    file.write_bytes(b"pictures")
    return replace(spec, precision="avx_int8", calibration=str(file))


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 2},
        {"precision": "amx_int8"},
        {"graph": "v1"},
        {"device": "cuda"},
        {"convention": "caffe"},
    ],
)
def test_what_is_compiled_into_the_model_is_in_its_key(calibrated, turin, change):
    keys = {
        model_key(each, preparation(turin)) for each in (calibrated, replace(calibrated, **change))
    }
    assert len(keys) == 2


def test_weights_pictures_host_and_switches_are_in_the_key(calibrated, turin):
    def key(sha256=SHA256, host=turin, **environment):
        return model_key(calibrated, preparation(host, sha256, environment))

    keys = [
        key(),
        key(sha256="11" * 32),
        key(host=replace(turin, isa=turin.isa - {"avx512_bf16"})),
        key(ONEDNN_MAX_CPU_ISA="AVX2"),
        key(TORCHINDUCTOR_MAX_AUTOTUNE="1"),
    ]
    Path(calibrated.calibration).write_bytes(b"other pictures")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_what_only_matters_at_run_time_is_not_in_the_key(calibrated, turin):
    plain = model_key(calibrated, preparation(turin))
    other = replace(calibrated, runners=4, first_instance=3, state_dict="/another/place")
    environment = {"OMP_NUM_THREADS": "64", "LD_PRELOAD": "x", "FAKE_ANSWERS": "1", "HOME": "/"}
    assert model_key(other, preparation(turin, SHA256, environment)) == plain


@pytest.fixture
def asked_of_children(children):
    """Has children make what they are asked for; gives the module of each, with its spec."""
    asked = []

    def act(target):
        if target.suffix == ".so":
            target.write_bytes(b"kernels")
            return
        request = json.loads(target.with_name("spec.json").read_bytes())
        asked.append((started.calls[-1][0][0].rpartition(".")[2], request))
        compile_it(target)

    started = children(act)
    return asked


def test_int8_is_quantised_once_for_both_engines_for_any_batch_and_any_cores(
    calibrated, turin, store, environment, asked_of_children
):
    for change in ({"batch_size": 8, "threads": 2}, {}, {"engine": "r50"}):
        found, _ = prepare(replace(calibrated, **change), turin, store, environment)
        assert found.quantised is None  # a worker has no use for it
    modules = [module for module, _ in asked_of_children]
    assert modules == ["quantise_model", "compile_model", "compile_model", "make_plan"]
    (entry,) = (entry for entry in store.entries() if entry.kind == "quantised")
    given = {request["quantised"] for _, request in asked_of_children[1:]}
    assert given == {str(entry.path / "model")}
    assert entry.source["calibration"] == calibrated.calibration


def test_engines_that_compile_as_they_load_get_the_quantised_model_of_those_that_do_before(
    calibrated, turin, store, environment, asked_of_children
):
    prepare(calibrated, turin, store, environment)
    asked = replace(calibrated, engine="torch-compile")
    found, made = prepare(asked, turin, store, environment)
    assert not made
    assert found == replace(asked, quantised=asked_of_children[-1][1]["quantised"])


def test_nothing_is_quantised_for_other_numerics(
    spec, turin, store, environment, asked_of_children
):
    prepare(spec, turin, store, environment)
    ((module, request),) = asked_of_children
    assert (module, request["quantised"]) == ("compile_model", None)


def test_a_model_quantises_on_one_thread_whatever_the_cores_of_an_instance(
    calibrated, turin, store, environment, children
):
    started = children(compile_it)
    prepare(calibrated, turin, store, {**environment, "OMP_NUM_THREADS": "8"})
    threads = [given["OMP_NUM_THREADS"] for _, given in started.calls]
    assert threads == ["1", "8"]


def test_a_compiled_model_is_found_though_the_quantised_one_is_gone(
    calibrated, turin, store, environment, children
):
    started = children(compile_it)
    prepare(calibrated, turin, store, environment)
    (entry,) = (entry for entry in store.entries() if entry.kind == "quantised")
    store.remove(entry.kind, entry.key)
    assert not prepare(calibrated, turin, store, environment)[1]
    assert len(started.calls) == 2


def test_other_pictures_or_weights_are_quantised_anew(
    calibrated, turin, store, environment, asked_of_children
):
    prepare(calibrated, turin, store, environment)
    Path(calibrated.calibration).write_bytes(b"other pictures")
    prepare(calibrated, turin, store, environment)
    other = Preparation("11" * 32, turin, store, Silent(), environment)
    prepare_engine(calibrated, other)
    assert [module for module, _ in asked_of_children] == ["quantise_model", "compile_model"] * 3


def test_a_quantisation_that_fails_is_told_and_leaves_nothing(
    calibrated, turin, store, environment, children
):
    children(lambda folder: ChildLog("ended with status 1", "no torchao"))
    with pytest.raises(EngineError, match=r"quantising the model ended with status 1:\nno torch"):
        prepare(calibrated, turin, store, environment)
    assert store.entries() == ()


def test_another_recipe_of_int8_makes_int8_anew_and_nothing_else(
    calibrated, spec, turin, monkeypatch
):
    def keys():
        here = preparation(turin)
        ours = replace(calibrated, engine="r50")
        return model_key(calibrated, here), plan_key(ours, "library", here), model_key(spec, here)

    before = keys()
    monkeypatch.setattr(preparation_module, "INT8_RECIPE", INT8_RECIPE + 1)
    after = keys()
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_a_plan_for_our_own_kernels_serves_any_batch_and_any_cores(spec, turin):
    ours = replace(spec, engine="r50")
    keys = {
        plan_key(replace(ours, batch_size=batch, threads=threads), "library", preparation(turin))
        for batch in (1, 8)
        for threads in (1, 2)
    }
    assert len(keys) == 1


def test_a_model_for_onednn_is_laid_out_for_its_cores(spec, turin):
    keys = {model_key(replace(spec, threads=n), preparation(turin)) for n in (1, 2)}
    assert len(keys) == 2


def test_kernels_are_built_once_and_named_in_the_spec(spec, turin, store, environment, children):
    def act(target):
        target.write_bytes(b"kernels")

    built = children(act)
    made = []

    def make(module, asked, out, *_, task):
        made.append(asked)
        compile_it(out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "make_in_child", make)
        for graph in ("v1", "v1.5"):
            asked = replace(spec, engine="r50", graph=graph)
            found, now = prepare(asked, turin, store, environment)
            assert now
            assert Path(found.kernels).read_bytes() == b"kernels"
    assert len(built.calls) == 1
    assert [one.graph for one in made] == ["v1", "v1.5"]


def build_with_a_compiler_that_says(said, precision, spec, store, folder):
    """Asks for kernels of our own where the compiler fails; it speaks as its locale has it."""
    (folder / "said").write_text(f"{said}\n")
    compiler = folder / "old g++"
    write_compiler(compiler, f'[ "$LC_ALL" = C ] && cat "{folder}/said" >&2; exit 1')
    environment = {**os.environ, "CXX": str(compiler), "LC_ALL": "de_DE.UTF-8"}
    spr = synthetic_hosts.host_of([[2]], model="spr")
    return prepare(replace(spec, engine="r50", precision=precision), spr, store, environment)


@pytest.mark.parametrize(
    ("precision", "said", "unknown"),
    [
        ("amx_int8", "/tmp/ccA.s:7: Error: no such instruction: `tilezero %tmm0'", "tilezero"),
        ("amx_bfloat32", "tile.h:9: error: invalid instruction mnemonic 'tdpbf16ps'", "tdpbf16ps"),
        ("avx_bfloat16", "g++: error: unrecognized command line option '-mavx512bf16'", "-mavx512"),
        ("avx_int8", "/tmp/ccA.s:7: Error: no such instruction: `vpdpbusd %zmm1'", "vpdpbusd"),
    ],
)
def test_a_toolchain_too_old_for_our_kernels_is_refused_with_what_it_lacks_and_what_works(
    spec, store, tmp_path, precision, said, unknown
):
    with pytest.raises(Unsupported, match=f"kernels of {precision} here") as caught:
        build_with_a_compiler_that_says(said, precision, spec, store, tmp_path)
    assert f"compiler 1.0, or the assembler it uses, does not know {unknown}" in str(caught.value)
    assert "name a newer compiler in CXX (g++ 11" in caught.value.hint
    assert "--engine torch-eager" in caught.value.hint
    assert store.entries() == ()


def test_a_compiler_that_fails_otherwise_shows_what_it_said_and_no_traceback(spec, store, tmp_path):
    said = "fatal error: omp.h: No such file or directory"
    with pytest.raises(EngineError, match=r"kernels of amx_int8 ended with status 1") as caught:
        build_with_a_compiler_that_says(said, "amx_int8", spec, store, tmp_path)
    assert said in caught.value.message
    assert "old g++ ended with status 1" in caught.value.message
    assert "Traceback" not in caught.value.message


def test_a_compiler_has_ten_minutes_and_more_where_a_slow_machine_is_granted_more():
    assert child_limit_s(20) == child_limit_s(120) == 600
    assert child_limit_s(3600) == 18000
