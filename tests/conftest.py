"""Shared by all floors. Its presence puts this folder on sys.path, for the modules beside it."""

from __future__ import annotations

from hypothesis import settings

# A machine that is busy with something else is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
