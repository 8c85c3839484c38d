"""The bench: what every measurement of one command is given beside the case itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from r50bench.host.topology import Host
from r50bench.measure.asset_resolver import AssetResolver
from r50bench.notices import Notice
from r50bench.progress import Progress

__all__ = ["Bench"]


@dataclass(frozen=True)
class Bench:
    """Where cases run, what they run with, where their records go and who is told.

    ``assets`` resolves each weight, picture and peak once for all that is measured here.
    ``findings`` are the doctor's, of the moment before anything was compiled or measured, which
    would itself be taken for others' work.
    """

    host: Host
    assets: AssetResolver
    out: Path
    progress: Progress
    findings: tuple[Notice, ...] = ()
