"""``r50bench fleet manifest``, and the Jobs of deploy/kubernetes that it has written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
CASE = "inference_throughput_avx_int8"
COMMON = (
    *("--image", "r50bench", "--memory", "16Gi"),
    *("--cache-claim", "r50bench-cache", "--results-claim", "r50bench-results"),
)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("base/cases.yaml", [CASE, "inference_latency_avx_int8", "--cpus", "16"]),
        (
            "base/nodes.yaml",
            [CASE, "inference_throughput_avx_fp32", "--cpus", "16", "--nodes", "2"],
        ),
        (
            "overlays/amx/case.yaml",
            [
                *("inference_throughput_amx_int8", "--cpus", "32", "--huge-pages", "2Gi"),
                *("--node-label", "feature.node.kubernetes.io/cpu-cpuid.AMXINT8=true"),
            ],
        ),
    ],
)
def test_what_lies_in_deploy_is_what_the_command_writes(r50bench_here, path, words):
    assert r50bench_here("fleet", "manifest", *words, *COMMON).out == (DEPLOY / path).read_text()


def test_every_kustomization_names_files_that_are_there_and_every_resource_is_valid():
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    kustomizations = list(DEPLOY.rglob("kustomization.yaml"))
    assert len(kustomizations) == 3
    for one in kustomizations:
        for name in yaml.safe_load(one.read_text())["resources"]:
            resource = one.parent / name
            if resource.is_dir():
                assert (resource / "kustomization.yaml").exists()
                continue
            for document in yaml.safe_load_all(resource.read_text()):
                kubernetes_validate.validate(document, "1.33", strict=True)


def test_json_is_one_list_of_all_jobs_and_yaml_says_the_same(r50bench_here, tmp_path):
    words = ("fleet", "manifest", CASE, "inference_latency_avx_int8", "--cpus", "2", *COMMON)
    listed = json.loads(r50bench_here(*words, "--json").out)
    assert listed["kind"] == "List"
    file = tmp_path / "jobs.yaml"
    assert r50bench_here(*words, "-o", str(file)).out == ""
    assert r50bench_here(*words, "-o", "-").out == file.read_text()
    assert list(yaml.safe_load_all(file.read_text())) == listed["items"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "unknown case"),
        ([CASE, "--set", "BTCH=3"], "unknown parameter 'BTCH'"),
        ([CASE, "--set", "BATCH_SIZE=none"], "BATCH_SIZE"),
        ([CASE, "--node-label", "amx"], "--node-label 'amx' is not KEY=VALUE"),
        ([CASE, "--memory", "8GB"], "no amount of memory"),
    ],
)
def test_what_would_fail_in_every_pod_is_refused_before(r50bench_here, words, says):
    answer = r50bench_here("fleet", "manifest", *words, "--image", "r50bench", "--cpus", "2")
    assert answer.code == 2
    assert says in answer.err


def test_a_file_that_cannot_be_written_is_named(r50bench_here, tmp_path):
    words = ("fleet", "manifest", CASE, "--cpus", "2", *COMMON)
    answer = r50bench_here(*words, "-o", str(tmp_path / "no" / "jobs.yaml"))
    assert answer.code == 5
    assert re.search("cannot write .*jobs.yaml: no such file", answer.err)
