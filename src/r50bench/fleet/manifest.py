"""Kubernetes' Jobs that run cases, on whole CPUs of their own, one pod a node at a time.

Fields and their meaning are those of ``batch/v1`` and ``v1`` of Kubernetes' API. A Job a case needs
1.26 (``podFailurePolicy``), one over several nodes 1.29 (``backoffLimitPerIndex``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from r50bench.errors import UsageError

__all__ = ["LARGEST_NAME", "JobSettings", "job_manifests"]

LARGEST_NAME = 52
"""Characters of a Job's name: its pods' names, ``NAME-INDEX-xxxxx``, are labels of at most 63."""

_APPLICATION = "app.kubernetes.io/name"
_INSTANCE = "app.kubernetes.io/instance"
_PROGRAM = "r50bench"
_PERMITTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_USER = 10001
"""The one of the images; group 0 may write what it may."""

_RESULTS, _CACHE, _DATASET, _HUGE_PAGES = "/results", "/cache", "/dataset", "/hugepages"
_KEPT_S = 7 * 24 * 3600
_HOPELESS = (2, 6)
"""Exit codes after which a second try can only end alike: wrong usage, not on this host."""

_QUANTITY = re.compile(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class JobSettings:
    """What all Jobs have in common.

    ``cpus`` are hardware threads, as Kubernetes counts; ``memory`` and ``huge_pages`` are its
    quantities (``8Gi``), huge pages of 2 MiB. ``nodes``: a pod on each of so many nodes, of one
    Job with all cases; 0: a Job a case, wherever there is room. Claims name PersistentVolumeClaims;
    without one for results the pod keeps them until they are fetched, or the deadline is over.
    """

    image: str
    cpus: int
    memory: str = "8Gi"
    huge_pages: str = ""
    nodes: int = 0
    namespace: str = ""
    name: str = _PROGRAM
    node_labels: Mapping[str, str] = field(default_factory=dict)
    cache_claim: str = ""
    data_claim: str = ""
    results_claim: str = ""
    deadline_s: int = 3600
    retries: int = 0

    def __post_init__(self) -> None:
        """Refuses what the API server would, and what would give a pod shared CPUs.

        Raises:
            UsageError: a name, a quantity or a label is none of Kubernetes'.
        """
        if not re.fullmatch(r"\S+", self.image):
            raise UsageError(
                f"{self.image!r} is no name of an image", hint="such as REGISTRY/r50bench:0.1.0"
            )
        for what in ("name", "namespace", "cache_claim", "data_claim", "results_claim"):
            given = getattr(self, what)
            if given and not _NAME.fullmatch(given):
                raise UsageError(
                    f"{what.replace('_', ' ')} {given!r} is no name of Kubernetes'",
                    hint="small letters, digits and hyphens, a letter or digit at both ends",
                )
        _check_quantity("memory", self.memory)
        if self.huge_pages:
            _check_quantity("huge pages", self.huge_pages)
        for key, value in self.node_labels.items():
            if not _LABEL.fullmatch(key.rpartition("/")[2]) or (
                value and not _LABEL.fullmatch(value)
            ):
                raise UsageError(
                    f"{key}={value} is no label of a node",
                    hint="such as node.kubernetes.io/instance-type=m7i.metal-24xl",
                )


def _check_quantity(what: str, text: str) -> None:
    if not _QUANTITY.fullmatch(text):
        raise UsageError(f"{what} {text!r} is no amount of memory", hint="such as 512Mi or 8Gi")


def job_manifests(
    cases: Sequence[str], sets: Sequence[str], settings: JobSettings
) -> Iterator[dict[str, Any]]:
    """Yields a Job for each case or, where nodes are asked for, one indexed Job with all of them.

    Every container has integer CPUs or less than one, and limits equal to its requests, so that
    the pod's quality of service is Guaranteed and a static CPU manager gives the measuring
    container CPUs of its own. No two pods of r50bench share a node.

    Args:
        cases: names, as ``r50bench run`` takes them.
        sets: ``KEY=VALUE``, as its ``--set`` takes them.
        settings: what all Jobs have in common.

    Raises:
        UsageError: ``name`` leaves no room for what tells the Jobs apart, or nothing does, since a
            case is named twice.
    """
    if settings.nodes:
        yield _job(_job_name(settings.name, "nodes"), cases, sets, settings)
        return
    twice = next((case for case, count in Counter(cases).items() if count > 1), None)
    if twice is not None:
        raise UsageError(
            f"{twice} is named twice, and its two Jobs would have one name",
            hint="name it once; --set REPEAT=N measures more rounds of it",
        )
    for case in cases:
        yield _job(_job_name(settings.name, case), [case], sets, settings)


def _job_name(prefix: str, rest: str) -> str:
    name = f"{prefix}-{rest.replace('_', '-').lower()}"
    if len(name) > LARGEST_NAME:
        raise UsageError(
            f"a Job called {name} would have pods with names that are too long",
            hint=f"a shorter --name: {LARGEST_NAME} characters for both",
        )
    return name


def _job(
    name: str, cases: Sequence[str], sets: Sequence[str], settings: JobSettings
) -> dict[str, Any]:
    labels = {_APPLICATION: _PROGRAM, _INSTANCE: name}
    metadata: dict[str, Any] = {"name": name, "labels": labels}
    if settings.namespace:
        metadata["namespace"] = settings.namespace
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            **_how_often(settings),
            "activeDeadlineSeconds": settings.deadline_s,
            "ttlSecondsAfterFinished": _KEPT_S,
            "podFailurePolicy": {"rules": [_hopeless(settings)]},
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(cases, sets, settings),
            },
        },
    }


def _how_often(settings: JobSettings) -> dict[str, Any]:
    if not settings.nodes:
        return {"backoffLimit": settings.retries}
    return {
        "completionMode": "Indexed",
        "completions": settings.nodes,
        "parallelism": settings.nodes,
        "backoffLimitPerIndex": settings.retries,
        "maxFailedIndexes": settings.nodes,
    }


def _hopeless(settings: JobSettings) -> dict[str, Any]:
    return {
        "action": "FailIndex" if settings.nodes else "FailJob",
        "onExitCodes": {
            "containerName": _PROGRAM,
            "operator": "In",
            "values": list(_HOPELESS),
        },
    }


def _pod(cases: Sequence[str], sets: Sequence[str], settings: JobSettings) -> dict[str, Any]:
    containers = [_measuring(cases, sets, settings)]
    if not settings.results_claim:
        containers.append(_keeping(settings))
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {_APPLICATION: _PROGRAM}},
                    }
                ]
            }
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": 0,
            "fsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": list(_volumes(settings)),
    }
    if settings.node_labels:
        pod["nodeSelector"] = dict(settings.node_labels)
    return pod


def _measuring(cases: Sequence[str], sets: Sequence[str], settings: JobSettings) -> dict[str, Any]:
    words = [word for one in sets for word in ("--set", one)]
    amounts = {"cpu": str(settings.cpus), "memory": settings.memory}
    mounts: list[dict[str, Any]] = [
        # A folder for each node, so that pods which share the claim keep apart.
        {"name": "results", "mountPath": _RESULTS, "subPathExpr": "$(NODE_NAME)"}
        if settings.results_claim
        else {"name": "results", "mountPath": _RESULTS},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    environment: list[dict[str, Any]] = [
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    ]
    if settings.cache_claim:
        mounts.append({"name": "cache", "mountPath": _CACHE, "subPathExpr": "$(NODE_NAME)"})
        environment.append({"name": "R50BENCH_CACHE", "value": _CACHE})
    if settings.data_claim:
        mounts.append({"name": "dataset", "mountPath": _DATASET, "readOnly": True})
        environment.append({"name": "DATASET", "value": _DATASET})
    if settings.huge_pages:
        amounts["hugepages-2Mi"] = settings.huge_pages
        mounts.append({"name": "hugepages", "mountPath": _HUGE_PAGES})
    return {
        "name": _PROGRAM,
        "image": settings.image,
        # The kubelet puts variables in place of $(NAME), unless the sign stands twice.
        "args": [
            word.replace("$(", "$$(")
            for word in (_PROGRAM, "run", *cases, *words, "--out", _RESULTS)
        ],
        "env": environment,
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "securityContext": _PERMITTED,
        "volumeMounts": mounts,
    }


def _keeping(settings: JobSettings) -> dict[str, Any]:
    """Returns the container that holds the results until somebody says that they are fetched.

    It has no whole CPU, so that it is not given one, and its shell sleeps.
    """
    amounts = {"cpu": "50m", "memory": "64Mi"}
    return {
        "name": "results",
        "image": settings.image,
        "args": ["sh", "-c", f"until [ -e {_RESULTS}/.fetched ]; do sleep 5; done"],
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "securityContext": _PERMITTED,
        "volumeMounts": [{"name": "results", "mountPath": _RESULTS}],
    }


def _volumes(settings: JobSettings) -> Iterator[dict[str, Any]]:
    yield {"name": "results", **_claim_or_empty(settings.results_claim)}
    yield {"name": "tmp", "emptyDir": {}}
    if settings.cache_claim:
        yield {"name": "cache", **_claim_or_empty(settings.cache_claim)}
    if settings.data_claim:
        claim = {"claimName": settings.data_claim, "readOnly": True}
        yield {"name": "dataset", "persistentVolumeClaim": claim}
    if settings.huge_pages:
        yield {"name": "hugepages", "emptyDir": {"medium": "HugePages"}}


def _claim_or_empty(claim: str) -> dict[str, Any]:
    return {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}
