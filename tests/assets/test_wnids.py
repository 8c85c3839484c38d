from __future__ import annotations

from pathlib import Path

import pytest

from r50bench.assets.wnids import WNIDS


def test_there_are_1000_wnids_in_sorted_order():
    assert len(WNIDS) == 1000
    assert list(WNIDS) == sorted(set(WNIDS))
    # tench, great white shark, ..., toilet tissue: the ends and one of the sample's classes
    assert (WNIDS[0], WNIDS[2], WNIDS[999]) == ("n01440764", "n01484850", "n15075141")


def test_the_wnids_are_those_of_the_reference_list():
    reference = Path(__file__).parents[3] / "shared" / "data" / "imagenet_synsets.txt"
    if not reference.is_file():
        pytest.skip("no reference list of wnids beside this repository")
    assert tuple(line.split()[0] for line in reference.read_text().splitlines()) == WNIDS
