"""The engine around zentorch, which is scripted: the real one compiles long, and for few CPUs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import r50bench
from support.engine_probe import probe

pytestmark = pytest.mark.real_engine

# Registers a backend, as zentorch does, that runs the graph as it is and leaves a mark.
PLUGIN = """
import os
from pathlib import Path
from torch._dynamo import register_backend

assert os.environ["TORCHINDUCTOR_FREEZING"] == "1"


@register_backend
def zentorch(graph, inputs):
    Path(__file__).with_name("compiled").touch()
    return graph.forward
"""
BUILT_FOR_ANOTHER = "raise ImportError('undefined symbol: _ZN3c10')"


@pytest.fixture
def installed(tmp_path, spec):
    """Installs a zentorch of the given source; gives its folder, and what runs an engine there."""

    def install(source):
        (tmp_path / "zentorch.py").write_text(source)
        metadata = tmp_path / "zentorch-2.13.1.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: zentorch\nVersion: 2.13.1\n")
        path = os.pathsep.join([str(tmp_path), str(Path(r50bench.__file__).parents[1])])
        environment = os.environ | {"PYTHONPATH": path, "ONEDNN_VERBOSE": "0"}
        return lambda engine: probe(replace(spec, engine=engine), environment)

    return install


def test_the_model_is_compiled_by_the_plugin_s_backend_and_answers_as_the_eager_one(
    installed, tmp_path
):
    run = installed(PLUGIN)
    said = run("zentorch")
    assert said["version"].startswith("zentorch 2.13.1, torch 2.")
    assert (tmp_path / "compiled").exists()
    (compiled,), (eager,) = said["logits"][0], run("torch-eager")["logits"][0]
    scale = max(abs(logit) for logit in eager)
    assert compiled == pytest.approx(eager, abs=1e-4 * scale)


def test_a_plugin_that_cannot_be_loaded_is_named_with_both_versions(installed):
    said = installed(BUILT_FOR_ANOTHER)("zentorch")
    assert said["error"] == "EngineError"
    assert "zentorch 2.13.1 cannot be loaded beside torch 2." in said["message"]
    assert "undefined symbol" in said["message"]
