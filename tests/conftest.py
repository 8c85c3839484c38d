"""Settings that all tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A machine that is busy with something else is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder_of_these_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs tell one another by files in the temporary folder which cores they measure on.

    What else measures on this machine is not to be found there by a test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
        patch.setattr(tempfile, "tempdir", None)
        yield
