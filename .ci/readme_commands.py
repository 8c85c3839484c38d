"""Runs what a README shows: lines that start with ``$ `` in ``console`` blocks, ``python`` blocks.

Usage: readme_commands.py README WORK_FOLDER

Both run in the order shown, in one folder below WORK_FOLDER: commands by bash, a ``python`` block
as one program. Steps of ``pip`` and ``pytest`` are left out, since the caller just ran them; what
stands right below a line ``<!-- not run: REASON -->`` is skipped, and its reason is printed. Below
``<!-- may exit with 3, 4: REASON -->`` these codes are as good as 0. A command that ends with 6
asked for what this CPU lacks; half of all must have been run all the same.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(<!-- (not run: (?P<why>.*?)|may exit with (?P<codes>[\d, ]+): .*?) -->\n)?"
    r"```(?P<kind>console|python)\n(?P<body>.*?)```",
    re.DOTALL,
)
_LIMIT_S = 900
_UNFIT = 6
_DONE = ("pip ", "pytest")


@dataclass(frozen=True)
class Shown:
    """A command of the README; ``why`` it is not run, or None; ``codes`` it may end with."""

    command: str
    why: str | None
    codes: tuple[int, ...]


def commands(text: str) -> Iterator[Shown]:
    """Yields the commands; a trailing backslash joins lines."""
    for block in _BLOCK.finditer(text):
        codes = (0, *map(int, re.findall(r"\d+", block["codes"] or "")))
        if block["kind"] == "python":
            yield Shown(f"python -c {shlex.quote(block['body'])}", block["why"], codes)
            continue
        body = block["body"].replace("\\\n", "")
        for line in body.splitlines():
            if line.startswith("$ "):
                command = line[2:].split("  #")[0].strip()
                steps = [step for step in command.split(" && ") if not step.startswith(_DONE)]
                why = block["why"] or (None if steps else "already done")
                yield Shown(" && ".join(steps) or command, why, codes)


def main() -> int:
    """Returns 0 if every command ended as the README says it does."""
    readme, work = Path(sys.argv[1]), Path(sys.argv[2]) / "readme"
    work.mkdir(parents=True)
    found = list(commands(readme.read_text()))
    if not any(shown.why is None for shown in found):
        print(f"{readme} shows no command that can be run")
        return 1
    unfit = 0
    for shown in found:
        if shown.why is not None:
            print(f"- {shown.command}   ({shown.why})")
            continue
        print(f"$ {shown.command}", flush=True)
        command = ["bash", "-c", shown.command]
        done = subprocess.run(command, cwd=work, timeout=_LIMIT_S, check=False)
        if done.returncode == _UNFIT:
            unfit += 1
            print("- this machine cannot run that")
        elif done.returncode not in shown.codes:
            print(f"the README's command failed with status {done.returncode}: {shown.command}")
            return 1
    if 2 * unfit > sum(1 for shown in found if shown.why is None):
        print(f"this machine can run too few of the commands: {unfit} were refused")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
