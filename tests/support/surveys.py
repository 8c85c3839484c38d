"""What nodes say of themselves, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from r50bench import __version__
from r50bench.fleet.survey import HostFacts, Survey
from r50bench.notices import Notice


def survey(boot: str = "1", *findings: Notice, version: str = __version__, **host: Any) -> Survey:
    """A host of eight cores with nothing odd about it."""
    facts: dict[str, Any] = {
        "platform": "SPR",
        "model_name": "Intel(R) Xeon(R) Platinum 8488C",
        "cores": 8,
        "sockets": 1,
        "memory_bytes": 32 * 2**30,
        "machine": "Amazon EC2 m7i.4xlarge",
    }
    facts_of_host = msgspec.convert(facts | host, HostFacts)
    return Survey(version, "SPR: …", boot, facts_of_host, ("avx_fp32", "amx_int8"), findings)
