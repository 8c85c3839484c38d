from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from r50bench.errors import AssetError  # noqa: E402
from r50bench.models.checkpoint import read_checkpoint  # noqa: E402

State = dict[str, Any]


@pytest.fixture(scope="module")
def state(torch_file: Path) -> State:
    return torch.load(torch_file, weights_only=True)


def saved(content: object, path: Path, **how: Any) -> Path:
    torch.save(content, path, **how)
    return path


def assert_read(path: Path, state: State, dtype: torch.dtype = torch.float32) -> None:
    arrays = read_checkpoint(path, "v1.5")
    expected = {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")}
    assert arrays.keys() == expected.keys()
    for name, array in arrays.items():
        assert array.dtype == np.float32
        assert array.flags.writeable
        assert np.array_equal(array, expected[name].to(dtype).float().numpy()), name


@pytest.mark.parametrize("name", ["a.pth", "a.pth.tar", "a.bin", "a.ckpt", "no suffix", "ü 'x'.PT"])
def test_a_state_dict_is_read_whatever_its_file_is_called(state, name, tmp_path):
    assert_read(saved(state, tmp_path / name), state)


def test_a_file_of_torch_before_16_is_read(state, tmp_path):
    path = tmp_path / "old.pth.tar"
    assert_read(saved(state, path, _use_new_zipfile_serialization=False), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("zipped", [True, False])
def test_other_floating_point_types_become_float32(state, dtype, zipped, tmp_path):
    other = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    path = saved(other, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert_read(path, state, dtype)


def test_tensors_of_any_strides_and_tensors_that_share_their_bytes_are_read(state, tmp_path):
    flat = torch.cat([state["bn1.weight"], state["bn1.bias"]])
    other = {
        **{
            name: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t
            for name, t in state.items()
        },
        "bn1.weight": flat[:64],
        "bn1.bias": flat[64:],
        "fc.weight": state["fc.weight"].T.contiguous().T,
    }
    assert_read(saved(other, tmp_path / "a.pth"), state)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 90, "arch": "resnet50"},
        lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
        lambda state: {"model": {"state_dict": OrderedDict(state)}},
        lambda state: {"state_dict_ema": state, "args": SimpleNamespace(model="resnet50")},
        lambda state: {"state_dict": state, "state_dict_ema": {"conv1.weight": torch.zeros(1)}},
        lambda state: {f"module.{name}": t for name, t in state.items()},
        lambda state: {f"_orig_mod.module.{name}": t for name, t in state.items()},
        lambda state: {"state_dict": {f"model.{name}": t for name, t in state.items()}},
        lambda state: (
            {f"module.{name}": t for name, t in state.items()} | {"n_averaged": torch.tensor(7)}
        ),
        lambda state: {name: torch.nn.Parameter(t, False) for name, t in state.items()},
    ],
)
def test_a_state_dict_is_found_where_training_programs_put_it(state, wrap, tmp_path):
    assert_read(saved(wrap(state), tmp_path / "checkpoint.pth.tar"), state)


def transformers_name(name: str) -> str:
    """The name of the tensor in transformers' ResNetForImageClassification."""
    parts = name.split(".")
    kinds = {"conv": "convolution", "bn": "normalization"}
    if parts[0] in ("conv1", "bn1"):
        return f"resnet.embedder.embedder.{kinds[parts[0][:-1]]}.{parts[1]}"
    if parts[0] == "fc":
        return f"classifier.1.{parts[1]}"
    block = f"resnet.encoder.stages.{int(parts[0][-1]) - 1}.layers.{parts[1]}"
    if parts[2] == "downsample":
        kind = ("convolution", "normalization")[int(parts[3])]
        return f"{block}.shortcut.{kind}.{parts[4]}"
    kind, number = kinds[parts[2][:-1]], int(parts[2][-1]) - 1
    return f"{block}.layer.{number}.{kind}.{parts[3]}"


def mmpretrain_name(name: str) -> str:
    return f"head.{name}" if name.startswith("fc.") else f"backbone.{name}"


@pytest.mark.parametrize("renamed", [transformers_name, mmpretrain_name])
def test_tensors_by_other_projects_names_are_read(state, renamed, tmp_path):
    other = {renamed(name): tensor for name, tensor in state.items()}
    assert_read(saved({"state_dict": other}, tmp_path / "pytorch_model.bin"), state)


def safetensors(path: Path, state: State, change: Any = None) -> Path:
    header: State = {"__metadata__": {"format": "pt"}}
    data = io.BytesIO()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            begin = data.tell()
            data.write(tensor.contiguous().numpy().tobytes())
            header[name] = {
                "dtype": "F32",
                "shape": list(tensor.shape),
                "data_offsets": [begin, data.tell()],
            }
    if change is not None:
        change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data.getvalue())
    return path


def test_safetensors_are_read(state, tmp_path):
    assert_read(safetensors(tmp_path / "model.safetensors", state), state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header["fc.bias"].update(data_offsets=[0, 4]), "fc.bias has 4 bytes for"),
        (lambda header: header["fc.bias"].update(shape=[-1000]), "it is damaged: fc.bias"),
        (lambda header: header["fc.bias"].update(data_offsets=[2**62, 2**62 + 4000]), "cut short"),
        (lambda header: header["fc.bias"].pop("dtype"), "it is damaged at fc.bias"),
        (lambda header: header["fc.bias"].update(dtype="F8_E4M3"), "fc.bias is F8_E4M3, not a"),
        (lambda header: header.pop("fc.bias"), r"fc.bias \(1000,\) is missing"),
    ],
)
def test_damaged_safetensors_are_refused_by_their_header(state, change, message, tmp_path):
    path = safetensors(tmp_path / "model.safetensors", state, change)
    with pytest.raises(AssetError, match=message):
        read_checkpoint(path, "v1.5")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["HOSTILE_FOLDER"],)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_pickle_is_run(state, zipped, tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "made"))
    content = {"state_dict": state, "extra": Hostile()}
    path = saved(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert_read(path, state)
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(AssetError, match=r"it holds posix\.mkdir, not a state dict"):
        read_checkpoint(path, "v1.5")
    assert not (tmp_path / "made").exists()


def test_a_pickle_made_to_exhaust_memory_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")
    with pytest.raises(AssetError, match="exhaust memory"):
        read_checkpoint(path, "v1.5")


def test_a_whole_model_is_named_and_not_built(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with pytest.raises(AssetError, match=r"torch\.nn\.modules\.container\.Sequential.*state_dict"):
        read_checkpoint(saved(model, tmp_path / "a.pth"), "v1.5")
    with pytest.raises(AssetError, match=r"torch\.nn\.modules\.container\.Sequential.*state_dict"):
        read_checkpoint(saved({"model": model}, tmp_path / "a.pth"), "v1.5")


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        (torch.zeros(1000, device="meta"), "fc.bias is torch.*meta"),
        (torch.zeros(1000).to_sparse(), "fc.bias is torch.*_sparse"),
        (torch.full((1000,), float("nan")), "fc.bias has 1000 of 1000 values that are not finite"),
        (torch.tensor([float("inf")] + [0.0] * 999), "fc.bias has 1 of 1000 values"),
        (torch.full((1000,), 1e300, dtype=torch.float64), "fc.bias has 1000 of 1000 values"),
        (torch.zeros(1000, dtype=torch.complex64), "fc.bias is"),
        (torch.zeros(1001), r"fc.bias has the shape \(1001,\) instead of \(1000,\)"),
        (torch.zeros(0).expand(0), r"fc.bias has the shape \(0,\)"),
    ],
)
def test_a_tensor_that_is_no_ordinary_one_is_named(state, replacement, message, tmp_path):
    path = saved({**state, "fc.bias": replacement}, tmp_path / "a.pth")
    with pytest.raises(AssetError, match=message):
        read_checkpoint(path, "v1.5")


def test_a_negative_variance_is_named(state, tmp_path):
    path = saved({**state, "bn1.running_var": torch.full((64,), -1.0)}, tmp_path / "a.pth")
    with pytest.raises(AssetError, match=r"bn1\.running_var has negative variances"):
        read_checkpoint(path, "v1.5")


def test_an_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        zeros = bytes(1 << 20)
        with archive.open("conv1.weight.npy", "w", force_zip64=True) as member:
            for _ in range(2049):
                member.write(zeros)
    assert path.stat().st_size < 4 << 20
    with pytest.raises(AssetError, match=r"unpacks to 2\.1 GB"):
        read_checkpoint(path, "v1.5")


def test_compressed_tensors_which_torch_never_writes_are_refused(torch_file, tmp_path):
    path = tmp_path / "packed.pth"
    with (
        zipfile.ZipFile(torch_file) as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    with pytest.raises(AssetError, match="compressed"):
        read_checkpoint(path, "v1.5")


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102530333\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (bytes(4000), "it is zeros"),
        (LFS, "it is a Git LFS pointer: 'git lfs pull'"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "it is a page of HTML or XML"),
        (b"\xef\xbb\xbf \n<html>", "it is a page of HTML or XML"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a page of HTML or XML"),
        (b'{"weight_map": {}}', "it is JSON"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "it is an HDF5 file, as Keras"),
        (b"\x1f\x8b\x08" + bytes(99), "it is a gzip archive: unpack it"),
        (b"PK\x03\x04garbage", "a damaged zip archive"),
        (b"garbage", "no file of torch, or a damaged one"),
        (pickle.dumps([1, 2]), "it holds list"),
        (pickle.dumps({1: 2}), "no tensor conv1.weight in it; it holds '1'"),
        (pickle.dumps({"a": np.zeros(3)}), "no tensor conv1.weight in it; it holds 'a'"),
        (struct.pack("<Q", 1 << 40) + b"{", "as safetensors its header would have"),
        (struct.pack("<Q", 2) + b"{]" + bytes(9), "as safetensors it is damaged"),
    ],
)
def test_what_is_no_checkpoint_is_named_for_what_it_is(content, message, tmp_path):
    path = tmp_path / "resnet50.pth"
    path.write_bytes(content)
    with pytest.raises(AssetError, match=message) as caught:
        read_checkpoint(path, "v1.5")
    assert str(path) in caught.value.message
    assert "torchvision" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("archive/constants.pkl", "a TorchScript archive"),
        ("archive/byteorder", "byte order b'big'"),
    ],
)
def test_other_archives_of_torch_are_named(torch_file, member, message, tmp_path):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr(member, b"big")
    with pytest.raises(AssetError, match=message):
        read_checkpoint(path, "v1.5")


def test_two_models_in_one_checkpoint_are_not_chosen_between(state, tmp_path):
    both = {f"{who}.{name}": t for who in ("student", "teacher") for name, t in state.items()}
    with pytest.raises(AssetError, match=r"several models in it: 'student\.', 'teacher\.'"):
        read_checkpoint(saved(both, tmp_path / "a.pth"), "v1.5")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0.999, 0.5, 0.001])
def test_a_file_cut_short_is_refused(state, zipped, kept, tmp_path):
    path = saved(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(AssetError, match=r"is no state dict of ResNet-50"):
        read_checkpoint(path, "v1.5")


def test_objects_in_an_npz_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "objects.npz", **{"conv1.weight": np.array([{}], dtype=object)})
    with pytest.raises(AssetError, match="is no state dict"):
        read_checkpoint(tmp_path / "objects.npz", "v1.5")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path):
    with pytest.raises(AssetError, match=r"cannot read the weights .*gone\.pth: no such file"):
        read_checkpoint(tmp_path / "gone.pth", "v1.5")
    with pytest.raises(AssetError, match=r"cannot read the weights .*: is a directory"):
        read_checkpoint(tmp_path, "v1.5")
