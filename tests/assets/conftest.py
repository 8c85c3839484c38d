"""A store of its own for each test, a progress that remembers, and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from r50bench.assets.store import Store
from r50bench.notices import Notice


@dataclass
class Heard:
    """Remembers what it was told."""

    phases: list[tuple[str, int | None]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def phase(self, title: str, total: int | None = None) -> None:
        self.phases.append((title, total))

    def advance(self, done: int, detail: str = "") -> None:
        self.done.append(done)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, notice: Notice) -> None:
        self.warnings.append(str(notice))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


@pytest.fixture
def jpeg() -> Callable[..., Path]:
    """Writes a smooth picture with some noise; returns its path."""

    def write(
        path: Path, size: tuple[int, int] = (320, 280), mode: str = "RGB", seed: int = 0
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(seed)
        coarse = generator.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        picture.convert(mode).save(path, "JPEG", quality=90)
        return path

    return write
