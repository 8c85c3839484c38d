"""Runs the scripts of a folder that say of themselves that they are quick, one after the other.

    python .ci/system_scripts.py tests/system

A script is quick where one of its first lines is ``# quick``; it has fifteen minutes. It exits with
0 where all holds, and with 77 where it cannot run here, its last line saying why.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SKIPPED = 77  # as automake's test protocol has it
LIMIT_S = 900.0
PROGRAMS = {".py": sys.executable, ".sh": "sh"}


def is_quick(script: Path) -> bool:
    return "# quick" in script.read_text().splitlines()[:5]


def outcome_of(script: Path) -> tuple[bool, str]:
    """Returns whether the script is content, and what to say of it."""
    try:
        done = subprocess.run(
            [PROGRAMS[script.suffix], str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"did not end within {LIMIT_S:g} s"
    last = next(reversed(done.stdout.strip().splitlines()), "it said nothing")
    if done.returncode == SKIPPED:
        return True, f"skipped: {last}"
    if done.returncode == 0:
        return True, last
    return False, f"exit {done.returncode}\n{done.stdout}"


def main() -> int:
    scripts = [path for path in sorted(Path(sys.argv[1]).iterdir()) if path.suffix in PROGRAMS]
    failed = 0
    for script in filter(is_quick, scripts):
        good, said = outcome_of(script)
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {script}: {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
