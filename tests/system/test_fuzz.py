"""A small slice of ``fuzz.py``, which feeds ten thousand inputs and more."""

from __future__ import annotations

import pytest

from system.fuzz import KINDS, feed


@pytest.mark.parametrize("name", KINDS)
def test_what_is_generated_is_taken_whole_or_refused(name: str) -> None:
    feed(KINDS[name], 30, start=1)
