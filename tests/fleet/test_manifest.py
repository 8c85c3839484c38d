"""Jobs of Kubernetes': what the API's schema takes, and what gives a pod CPUs of its own."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from r50bench.errors import UsageError
from r50bench.fleet.manifest import LARGEST_NAME, JobSettings, job_manifests

CASES = ["inference_throughput_avx_int8", "inference_latency_avx_fp32"]
PLAIN = JobSettings(image="r50bench:1", cpus=16)
FULL = JobSettings(
    image="r50bench:1",
    cpus=16,
    memory="64Gi",
    huge_pages="2Gi",
    nodes=3,
    namespace="bench",
    node_labels={"node.kubernetes.io/instance-type": "m7i.metal-24xl"},
    cache_claim="cache",
    data_claim="imagenet",
    results_claim="results",
    retries=2,
)


def pod_of(job):
    return job["spec"]["template"]["spec"]


def measuring(job):
    (container,) = (one for one in pod_of(job)["containers"] if one["name"] == "r50bench")
    return container


@pytest.mark.parametrize("version", ["1.29", "1.33"])
@pytest.mark.parametrize("settings", [PLAIN, FULL])
def test_the_strict_schema_of_kubernetes_takes_what_is_written(settings, version):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for job in job_manifests(CASES, ["STEPS=10"], settings):
        kubernetes_validate.validate(job, version, strict=True)


def test_without_nodes_there_is_a_job_a_case_and_with_nodes_one_with_all_cases_on_each():
    first, second = job_manifests(CASES, [], PLAIN)
    assert first["metadata"]["name"] == "r50bench-inference-throughput-avx-int8"
    assert measuring(second)["args"][:3] == ["r50bench", "run", CASES[1]]
    (one,) = job_manifests(CASES, [], FULL)
    assert measuring(one)["args"][2:4] == CASES
    spec = one["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)


@pytest.mark.parametrize("settings", [PLAIN, FULL])
def test_every_pod_is_guaranteed_and_only_the_measuring_container_has_whole_cpus(settings):
    for job in job_manifests(CASES, [], settings):
        for container in pod_of(job)["containers"]:
            amounts = container["resources"]
            assert amounts["requests"] == amounts["limits"]
            assert {"cpu", "memory"} <= amounts["limits"].keys()
            cpu = amounts["limits"]["cpu"]
            assert cpu.isdecimal() == (container["name"] == "r50bench")


def test_no_two_pods_share_a_node():
    labels = []
    for job in chain(job_manifests(CASES, [], PLAIN), job_manifests(CASES, [], FULL)):
        (rule,) = pod_of(job)["affinity"]["podAntiAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert rule["topologyKey"] == "kubernetes.io/hostname"
        wanted = rule["labelSelector"]["matchLabels"]
        assert wanted.items() <= job["spec"]["template"]["metadata"]["labels"].items()
        labels.append(wanted)
    assert all(one == labels[0] for one in labels)


def test_what_cannot_go_better_is_not_tried_again_and_ends_no_other_node():
    (job,) = job_manifests(CASES, [], FULL)
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailIndex"
    assert rule["onExitCodes"]["values"] == [2, 6]
    assert job["spec"]["maxFailedIndexes"] == FULL.nodes
    job, _ = job_manifests(CASES, [], PLAIN)
    assert job["spec"]["podFailurePolicy"]["rules"][0]["action"] == "FailJob"


@pytest.mark.parametrize("settings", [PLAIN, FULL])
def test_every_mounted_volume_is_there(settings):
    for job in job_manifests(CASES, [], settings):
        pod = pod_of(job)
        mounted = {
            mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]
        }
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_without_a_claim_a_container_keeps_the_results_until_they_are_fetched():
    job, _ = job_manifests(CASES, [], PLAIN)
    (keeping,) = (one for one in pod_of(job)["containers"] if one["name"] == "results")
    assert "/results/.fetched" in keeping["args"][-1]
    (job,) = job_manifests(CASES, [], FULL)
    assert [one["name"] for one in pod_of(job)["containers"]] == ["r50bench"]


def test_settings_reach_the_command_as_they_are():
    job, _ = job_manifests(CASES, ["CUSTOMER_ENV=A=$(B)", "STEPS=10"], PLAIN)
    assert measuring(job)["args"][3:] == [
        *("--set", "CUSTOMER_ENV=A=$$(B)", "--set", "STEPS=10"),  # $$( is how $( is written there
        *("--out", "/results"),
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"memory": "8GB"}, "memory '8GB' is no amount of memory"),
        ({"memory": ""}, "no amount of memory"),
        ({"image": "my image"}, "'my image' is no name of an image"),
        ({"huge_pages": "-1Gi"}, "huge pages '-1Gi'"),
        ({"namespace": "Bench"}, "namespace 'Bench' is no name of Kubernetes'"),
        ({"results_claim": "a_b"}, "results claim 'a_b'"),
        ({"node_labels": {"type": "a b"}}, "type=a b is no label"),
    ],
)
def test_what_the_api_server_would_refuse_is_refused_here(wrong, says):
    with pytest.raises(UsageError, match=says):
        JobSettings(**{"image": "r50bench:1", "cpus": 16} | wrong)


def test_a_case_named_twice_would_be_two_jobs_of_one_name():
    settings = JobSettings(image="r50bench:1", cpus=16)
    with pytest.raises(UsageError, match="named twice"):
        list(job_manifests([CASES[0], CASES[0]], [], settings))
    assert list(job_manifests([CASES[0], CASES[0]], [], replace(settings, nodes=2)))


def test_a_name_too_long_for_its_pods_is_refused():
    settings = JobSettings(image="r50bench:1", cpus=16, name="r" * LARGEST_NAME)
    with pytest.raises(UsageError, match="names that are too long"):
        list(job_manifests(CASES, [], settings))
