from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from r50bench.errors import AssetError  # noqa: E402
from r50bench.models.state_dict import load_state_dict  # noqa: E402


@pytest.fixture(scope="module")
def tensors(torch_file: Path) -> dict[str, torch.Tensor]:
    return torch.load(torch_file, weights_only=True)


def save(content: object, path: Path) -> str:
    torch.save(content, path)
    return str(path)


def assert_random_3(loaded: dict[str, torch.Tensor]) -> None:
    expected = load_state_dict("v1.5", "random:3")
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)


def test_a_torch_file_comes_back_tensor_by_tensor(torch_file):
    assert_random_3(load_state_dict("v1.5", str(torch_file)))


def test_a_checkpoint_of_data_parallel_training_is_taken(tensors, tmp_path):
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    content = {"epoch": 90, "state_dict": wrapped}
    assert_random_3(load_state_dict("v1", save(content, tmp_path / "checkpoint.pth")))


def test_an_npz_comes_back_tensor_by_tensor(tmp_path):
    arrays = {name: t.numpy() for name, t in load_state_dict("v1.5", "random:3").items()}
    np.savez(tmp_path / "weights.npz", **arrays)
    assert_random_3(load_state_dict("v1", str(tmp_path / "weights.npz")))


def test_other_floating_point_types_become_float32(tensors, tmp_path):
    halved = {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}
    loaded = load_state_dict("v1.5", save(halved, tmp_path / "half.pth"))
    assert {tensor.dtype for tensor in loaded.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.bias": None}, r"fc.bias \(1000,\) is missing"),
        (
            {"layer1.0.conv2.weight": torch.zeros(64, 64, 1, 1)},
            r"layer1.0.conv2.weight has the shape \(64, 64, 1, 1\) instead of \(64, 64, 3, 3\)",
        ),
        ({"fc.bias": torch.zeros(1000, dtype=torch.int64)}, "fc.bias is int64, not a float"),
        ({"fc.bias": "zeros"}, "fc.bias is str, not a float"),
        ({"layer5.0.conv1.weight": torch.zeros(1)}, "layer5.0.conv1.weight is no tensor of"),
    ],
)
def test_the_first_wrong_tensor_is_named(tensors, change, message, tmp_path):
    changed = {name: t for name, t in {**tensors, **change}.items() if t is not None}
    with pytest.raises(AssetError, match=message) as caught:
        load_state_dict("v1.5", save(changed, tmp_path / "wrong.pth"))
    assert str(tmp_path / "wrong.pth") in caught.value.message
    assert "torchvision" in (caught.value.hint or "")


@pytest.mark.parametrize("suffix", [".pth", ".npz"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04garbage"])
def test_garbage_is_refused(suffix, content, tmp_path):
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(content)
    with pytest.raises(AssetError, match="is no state dict of ResNet-50"):
        load_state_dict("v1.5", str(path))


def test_an_npz_of_other_shapes_is_refused(tmp_path):
    np.savez(tmp_path / "wrong.npz", **{"conv1.weight": np.zeros((1, 2), np.float32)})
    with pytest.raises(AssetError, match=r"conv1.weight has the shape \(1, 2\)"):
        load_state_dict("v1.5", str(tmp_path / "wrong.npz"))


def test_random_weights_depend_on_the_seed_alone():
    one, same, other = (load_state_dict("v1.5", f"random:{seed}") for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])
