"""Compilers that are scripts: they tell a version, and do what a test has them do."""

from __future__ import annotations

from pathlib import Path

__all__ = ["STEADY_RATES", "write_compiler", "write_compiler_of_peak"]

STEADY_RATES = r"vpdpbusd_512 0 9.0e+11 9.5e+11\nread 0 2.0e+10 2.5e+10\ntriad 0 3.0e+10 3.5e+10\n"
"""What the program that measures the peak prints of two cores, as printf takes it."""


def write_compiler(path: Path, script: str) -> None:
    """Writes a compiler that says it is ``compiler 1.0`` and else runs ``script`` of sh.

    The script finds what is to be made under ``$target``, its last argument.
    """
    path.write_text(
        f"""#!/bin/sh
if [ "$1" = --version ]; then echo compiler 1.0; exit; fi
for target; do :; done
{script}
"""
    )
    path.chmod(0o755)


def write_compiler_of_peak(path: Path, rates: str, log: Path) -> None:
    """Writes a compiler whose program prints ``rates``; both leave a line in ``log``."""
    write_compiler(
        path,
        f"""echo built >>{log}
printf '#!/bin/sh\\necho measured >>{log}\\nprintf "{rates}"\\n' >"$target"
chmod +x "$target"
""",
    )
