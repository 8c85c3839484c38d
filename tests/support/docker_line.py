"""The variables of ``docker run -e …`` in the documentation of the Xeon workload."""

from __future__ import annotations

DOCKER_LINE = {
    "WORKLOAD": "resnet50_pytorch_xeon_public",
    "PLATFORM": "SPR",
    "MODE": "throughput",
    "TOPOLOGY": "resnet50",
    "FUNCTION": "inference",
    "PRECISION": "avx_fp32",
    "BATCH_SIZE": "64",
    "STEPS": "100",
    "DATA_TYPE": "dummy",
    "CORES_PER_INSTANCE": "56",
    "WEIGHT_SHARING": "False",
    "CASE_TYPE": "",
    "VERBOSE": "False",
    "INSTANCE_MODE": "flex",
}
