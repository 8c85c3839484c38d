"""Work of others, for tests that must be disturbed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_HOG = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
print("running", flush=True)
while True:
    pass
"""


@contextmanager
def hog(cpu: int) -> Iterator[None]:
    """Keeps ``cpu`` busy from another process."""
    process = subprocess.Popen([sys.executable, "-c", _HOG, str(cpu)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        yield
    finally:
        process.kill()
        process.communicate()
