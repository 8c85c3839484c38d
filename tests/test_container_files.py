"""The files in containers/ name the same images, and build arguments that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from r50bench import __version__

CONTAINERS = Path(__file__).parents[1] / "containers"
IMAGES = {
    "r50bench",
    "resnet50-pytorch-inference-dataset",
    "resnet50-pytorch-model",
    "resnet50-pytorch-benchmark",
    "resnet50-pytorch-intel-public-inference",
    "resnet-pytorch-inference",
}
CONTAINERFILE = (CONTAINERS / "Containerfile").read_text()
BAKE = (CONTAINERS / "docker-bake.hcl").read_text()
ARGUMENTS = set(re.findall(r"^ARG (\w+)=", CONTAINERFILE, re.MULTILINE))


def test_every_image_is_a_stage_and_runs_by_its_user_with_its_check() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", CONTAINERFILE, re.MULTILINE)
    assert set(stages) >= IMAGES
    assert len(set(stages)) == len(stages)
    for word in ("USER 10001:0", "HEALTHCHECK ", "ENTRYPOINT ", "mkfifo --mode=666 /export-logs"):
        assert CONTAINERFILE.count(word) == 1, word


def test_what_is_copied_is_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (CONTAINERS.parent / source).exists(), source


def test_bake_builds_each_image_under_its_name() -> None:
    targets = re.findall(
        r'target "([\w-]+)" \{\n  inherits += \["_common"\]\n  target +=\s"([\w-]+)"', BAKE
    )
    assert {name for name, _ in targets} == IMAGES
    assert all(name == stage for name, stage in targets)
    assert all(f"${{REGISTRY}}{name}:${{TAG}}" in BAKE for name in IMAGES)
    grouped = re.search(r'group "xeon" \{.*?\n\}', BAKE, re.DOTALL)
    assert grouped is not None
    assert set(re.findall(r'"(resnet\S+)"', grouped[0])) == {
        name for name in IMAGES if name.startswith("resnet50")
    }


def test_bake_s_arguments_are_the_containerfile_s_with_its_defaults() -> None:
    given = re.search(r"args = \{(.*?)\}", BAKE, re.DOTALL)
    assert given is not None
    names = set(re.findall(r"(\w+) +=", given[1]))
    assert names <= ARGUMENTS
    for name, default in re.findall(r'variable "(\w+)" \{\n  default = "(.*)"', BAKE):
        if name in ARGUMENTS:
            assert f"\nARG {name}={default}\n" in CONTAINERFILE, name


def test_the_version_on_the_label_is_the_program_s() -> None:
    assert f"\nARG VERSION={__version__}\n" in CONTAINERFILE


@pytest.mark.parametrize("service", ["r50bench", "xeon"])
def test_compose_builds_what_there_is(service: str) -> None:
    described = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())
    build = described["services"][service]["build"]
    assert build["target"] in IMAGES
    assert described["services"][service]["image"] == f"{build['target']}:latest"
    assert set(build["args"]) <= ARGUMENTS
    root = CONTAINERS / build["context"]
    assert (root / build["dockerfile"]).resolve() == CONTAINERS / "Containerfile"
    assert {"kept", "logs"} == set(described["volumes"])
