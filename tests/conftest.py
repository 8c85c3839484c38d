"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

# A machine that is busy with something else is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
