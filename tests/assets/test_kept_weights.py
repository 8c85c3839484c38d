"""What a choice of weights came to, known without the network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from r50bench.assets import sources, weights
from r50bench.assets.store import Store
from r50bench.assets.weights import kept_weights
from r50bench.errors import UsageError

KEYS = {
    "v1": ("resnet50-v1-keras-1.0.4", "resnet50-v1.npz"),
    "v1.5": ("resnet50-v1.5-torchvision-0676ba61", "resnet50-0676ba61.pth"),
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    def refuse(*args: object, **kwargs: object) -> Path:
        raise AssertionError("the network was asked")

    for fetch in ("fetch_url", "fetch_npm"):
        monkeypatch.setattr(sources, fetch, refuse)
    monkeypatch.setattr(weights, "_V15_SHA256", hashlib.sha256(b"kept").hexdigest()[:8])
    return Store(tmp_path)


def keep(store: Store, which: str) -> None:
    key, name = KEYS[which]

    def make(entry: Path) -> None:
        (entry / name).write_bytes(b"kept")

    store.produce("weights", key, make, {})


@pytest.mark.parametrize(
    ("kept", "choice", "need_real", "found"),
    [
        ((), "auto", True, None),
        ((), "auto", False, "random"),
        (("v1",), "auto", True, "v1"),
        (("v1",), "auto", False, "v1"),
        (("v1", "v1.5"), "auto", True, "v1.5"),
        (("v1",), "v1.5", True, None),
        (("v1",), "v1", True, "v1"),
        ((), "v1", False, None),
        (("v1",), "random", False, "random"),
    ],
)
def test_what_is_kept_decides(
    store: Store, kept: tuple[str, ...], choice: str, need_real: bool, found: str | None
) -> None:
    for which in kept:
        keep(store, which)
    answer = kept_weights(choice, store, need_real=need_real, seed=3)
    assert (answer.weights if answer else None) == found


def test_weights_provided_by_hand_leave_auto_open(store: Store) -> None:
    keep(store, "v1")
    store.incoming.mkdir()
    (store.incoming / KEYS["v1.5"][1]).touch()
    assert kept_weights("auto", store, need_real=True, seed=3) is None
    assert kept_weights("v1", store, need_real=True, seed=3) is not None


def test_what_can_never_be_scored_is_refused_at_once(store: Store) -> None:
    with pytest.raises(UsageError, match="random weights cannot be scored"):
        kept_weights("random", store, need_real=True, seed=3)
