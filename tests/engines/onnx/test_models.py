"""What peers load is made once, in children, and found again; an absent package is named."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from r50bench.assets.store import Store
from r50bench.engines import maker, registry
from r50bench.engines.child import ChildLog
from r50bench.engines.preparation import Preparation, prepare_engine
from r50bench.errors import AssetError, EngineError
from r50bench.notices import Silent

SHA256 = "00" * 32
VERSIONS = {"torch": "2.13.0", "onnx": "1", "onnxruntime": "2", "openvino": "3", "nncf": "4"}
EXPORT = "r50bench.engines.onnx.export"
QUANTISATION = "r50bench.engines.onnxruntime.quantise"
CONVERSION = "r50bench.engines.openvino.convert"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def versions(monkeypatch):
    """Has exactly these packages be installed."""
    installed = dict(VERSIONS)

    def version(package):
        if package not in installed:
            raise PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(registry, "version", version)
    return installed


@pytest.fixture
def children(monkeypatch):
    """Stands in for the children: makes the folder, and keeps what they were started with."""
    calls = []

    def run_child(words, environment, timeout_s):
        module, request, out = words
        calls.append((module, json.loads(Path(request).read_bytes()), environment))
        Path(out).mkdir()
        (Path(out) / "model").write_bytes(module.encode())
        return ChildLog(None, "")

    monkeypatch.setattr(maker, "run_child", run_child)
    return calls


@pytest.fixture
def calibrated(spec, tmp_path):
    pictures = tmp_path / "pictures.npy"
    pictures.write_bytes(b"pictures")
    return replace(spec, precision="avx_int8", calibration=str(pictures))


def ensure(spec, store, turin, environment=None):
    return prepare_engine(spec, Preparation(SHA256, turin, store, Silent(), environment or {}))


def test_onnxruntime_loads_the_export_itself_in_fp32(spec, turin, store, versions, children):
    wanted = replace(spec, engine="onnxruntime")
    found, made = ensure(wanted, store, turin, {"LD_PRELOAD": "x", "ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert made
    assert [module for module, _, _ in children] == [EXPORT]
    assert children[0][2] == {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    assert (Path(found.artifact) / "model").read_bytes() == EXPORT.encode()
    assert ensure(wanted, store, turin) == (found, False)
    assert len(children) == 1


@pytest.mark.parametrize(
    ("engine", "module"), [("onnxruntime", QUANTISATION), ("openvino", CONVERSION)]
)
def test_int8_is_quantised_from_the_export_by_the_peers_own_tool(
    calibrated, turin, store, versions, children, engine, module
):
    found, made = ensure(replace(calibrated, engine=engine), store, turin)
    assert made
    assert [name for name, _, _ in children] == [EXPORT, module]
    export = Path(children[1][1]["artifact"])
    assert (export / "model").read_bytes() == EXPORT.encode()
    assert (Path(found.artifact) / "model").read_bytes() == module.encode()


def test_one_export_serves_all_batch_sizes_peers_and_precisions(
    spec, calibrated, turin, store, versions, children
):
    for wanted in (
        replace(spec, engine="onnxruntime"),
        replace(spec, engine="openvino", batch_size=16),
        replace(spec, engine="openvino", precision="avx_bfloat16"),
        replace(calibrated, engine="onnxruntime"),
    ):
        ensure(wanted, store, turin)
    assert [module for module, _, _ in children] == [EXPORT, CONVERSION, QUANTISATION]


def test_other_pictures_another_tool_or_other_weights_are_another_model(
    calibrated, turin, store, versions, children
):
    def artifact(sha256=SHA256):
        wanted = replace(calibrated, engine="openvino")
        preparation = Preparation(sha256, turin, store, Silent(), {})
        return prepare_engine(wanted, preparation)[0].artifact

    found = [artifact(), artifact("11" * 32)]
    versions["nncf"] = "5"
    found.append(artifact())
    Path(calibrated.calibration).write_bytes(b"other pictures")
    found.append(artifact())
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("engine", "absent", "hint"),
    [
        ("openvino", "openvino", "r50bench[peers]"),
        ("openvino", "nncf", "r50bench[peers]"),
        ("onnxruntime", "onnx", "r50bench[peers]"),
        ("zentorch", "zentorch", "zentorch==2.13"),
    ],
)
def test_an_absent_package_is_named_with_what_to_type(
    calibrated, turin, store, versions, children, engine, absent, hint
):
    versions.pop(absent, None)
    with pytest.raises(EngineError, match=f"{absent} is not installed") as caught:
        ensure(replace(calibrated, engine=engine), store, turin)
    assert hint in caught.value.hint
    assert not children


def test_a_failed_child_shows_the_end_of_its_log_and_leaves_nothing(
    spec, turin, store, versions, monkeypatch
):
    monkeypatch.setattr(
        maker, "run_child", lambda *_: ChildLog("ended with status 1", "no such operator")
    )
    with pytest.raises(EngineError, match=r"to ONNX ended with status 1:\nno such"):
        ensure(replace(spec, engine="openvino"), store, turin)
    assert store.entries() == ()


def test_what_the_child_says_to_the_user_arrives_as_it_is(
    spec, turin, store, versions, monkeypatch
):
    def refuse(words, environment, timeout_s):
        out = Path(words[2])
        said = {"kind": "AssetError", "message": "no state dict", "hint": "take another"}
        out.with_name(f"{out.name}.error").write_text(json.dumps(said))
        return ChildLog("ended with status 1", "")

    monkeypatch.setattr(maker, "run_child", refuse)
    with pytest.raises(AssetError, match="no state dict") as caught:
        ensure(replace(spec, engine="openvino"), store, turin)
    assert caught.value.hint == "take another"
