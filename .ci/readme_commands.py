"""Runs what a README shows: lines that start with ``$ `` in ``console`` blocks, ``python`` blocks.

Usage: readme_commands.py README WORK_FOLDER

Both run in the order shown, in one folder below WORK_FOLDER: commands by bash, a ``python`` block
as one program. Steps of ``pip`` and ``pytest`` are left out, since the caller just ran them; what
stands right below a line ``<!-- not run: REASON -->`` is skipped, and its reason is printed.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(
    r"(<!-- not run: (?P<why>.*?) -->\n)?```(?P<kind>console|python)\n(?P<body>.*?)```", re.DOTALL
)
_LIMIT_S = 900
_DONE = ("pip ", "pytest")


def commands(text: str) -> Iterator[tuple[str, str | None]]:
    """Yields (command, why it is not run or None); a trailing backslash joins lines."""
    for block in _BLOCK.finditer(text):
        if block["kind"] == "python":
            yield f"python -c {shlex.quote(block['body'])}", block["why"]
            continue
        body = block["body"].replace("\\\n", "")
        for line in body.splitlines():
            if line.startswith("$ "):
                command = line[2:].split("  #")[0].strip()
                steps = [step for step in command.split(" && ") if not step.startswith(_DONE)]
                yield (
                    " && ".join(steps) or command,
                    block["why"] or (None if steps else "already done"),
                )


def main() -> int:
    """Returns 0 if every command ended as the README says it does."""
    readme, work = Path(sys.argv[1]), Path(sys.argv[2]) / "readme"
    work.mkdir(parents=True)
    found = list(commands(readme.read_text()))
    if not any(why is None for _, why in found):
        print(f"{readme} shows no command that can be run")
        return 1
    for command, why in found:
        if why is not None:
            print(f"- {command}   ({why})")
            continue
        print(f"$ {command}", flush=True)
        done = subprocess.run(["bash", "-c", command], cwd=work, timeout=_LIMIT_S, check=False)
        if done.returncode != 0:
            print(f"the README's command failed with status {done.returncode}: {command}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
