"""Where each file of a submission lies; what differs between rounds is the round's to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from r50bench.mlperf_rules import BENCHMARK, Tree, round_of

__all__ = ["LABEL_FILE", "LABEL_SUFFIX", "Layout"]

LABEL_SUFFIX = "_not_compliant"
"""Ends the name of a system whose runs were shortened, and so stands in the path of every file."""

LABEL_FILE = "NOT_COMPLIANT.md"
"""At the top of a tree of shortened runs; a real tree has no such file."""


@dataclass(frozen=True)
class Layout:
    """The paths of one submitter's tree, relative to the submission's folder."""

    version: str
    division: str
    submitter: str

    @property
    def organisation(self) -> PurePosixPath:
        """The submitter's folder, which holds everything."""
        return PurePosixPath(self.division, self.submitter)

    @property
    def systems(self) -> PurePosixPath:
        return self.organisation / "systems"

    @property
    def all_results(self) -> PurePosixPath:
        """The folder with one folder per system."""
        return self.organisation / "results"

    @property
    def code_readme(self) -> PurePosixPath:
        """What says where the code is."""
        return self.organisation / self._tree.code / BENCHMARK / "README.md"

    @property
    def calibration(self) -> PurePosixPath:
        """How the numbers of int8 were found; the closed division wants it."""
        return self.organisation / "documentation" / "calibration.md"

    def system(self, system: str) -> PurePosixPath:
        return self.systems / f"{system}.json"

    def results(self, system: str, scenario: str) -> PurePosixPath:
        """The folder of a scenario's logs."""
        return self.all_results / system / BENCHMARK / scenario

    def measurements(self, system: str, scenario: str) -> PurePosixPath:
        """The folder of user.conf, README.md and the implementation's description."""
        return self._branch("measurements", system, scenario)

    def implementation(self, system: str, scenario: str, name: str) -> PurePosixPath:
        """The description of the implementation called ``name``."""
        file = self._tree.implementation.format(system=system, name=name, scenario=scenario)
        return self.measurements(system, scenario) / file

    def compliance(self, system: str, scenario: str, test: str) -> PurePosixPath:
        return self._branch("compliance", system, scenario) / test

    @property
    def _tree(self) -> Tree:
        return round_of(self.version).tree

    def _branch(self, branch: str, system: str, scenario: str) -> PurePosixPath:
        if self._tree.own_branches:
            return self.organisation / branch / system / BENCHMARK / scenario
        return self.results(system, scenario)
