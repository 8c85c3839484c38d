"""Whether the installed torch brings int8 convolutions for an Arm CPU, without importing it.

Its oneDNN has three kinds beside reference code, which computes one product after the other
(src/cpu/cpu_convolution_list.cpp of oneDNN 3.7 to 3.13): those generated for SVE, of which 3.7, in
torch 2.9 and 2.10, has only ones that take no zero points; and Arm Compute Library's, which take no
scales. What torch quantises has both. What newer ones do with a layer is for the kernel log to say.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from r50bench.host.topology import Host

__all__ = ["no_int8_on_arm"]

_FIRST = (2, 11)


def no_int8_on_arm(host: Host) -> str:
    """Returns, as a clause, why int8 convolutions would be reference code; empty where unknown.

    What is not installed at all :func:`.registry.packages_of` says.
    """
    if "sve" not in host.isa:
        return "oneDNN's int8 convolutions for Arm need SVE, which the CPU lacks"
    try:
        found = version("torch")
    except PackageNotFoundError:
        return ""
    release = re.match(r"(\d+)\.(\d+)", found)
    if release is None or tuple(map(int, release.groups())) >= _FIRST:
        return ""
    first = ".".join(map(str, _FIRST))
    return f"torch {found}, older than {first}, has only reference code for int8 on Arm"
