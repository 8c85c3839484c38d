from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from r50bench.assets.decode import decode
from r50bench.assets.imagenet import Dataset, Picture
from r50bench.assets.preprocess import dummy_pictures, normalise, preprocess
from r50bench.errors import AssetError


def dataset_of(paths: list[Path]) -> Dataset:
    pictures = tuple(Picture(path, path.name, label) for label, path in enumerate(paths))
    return Dataset("set", paths[0].parent, pictures)


def in_two_steps(path: Path) -> np.ndarray:
    """The reference: resize the whole picture, then cut; torchvision's own arithmetic."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    width, height = picture.size
    scale = 256 / min(width, height)
    size = (int(width * scale), int(height * scale))
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    resized = picture.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + 224, top + 224)))


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize(
    "size", [(500, 375), (375, 500), (256, 256), (224, 1000), (1000, 225), (60, 50), (1, 1)]
)
def test_the_crop_is_pillows_in_two_steps_within_2_levels(tmp_path, jpeg, size):
    path = jpeg(tmp_path / "a.jpg", size)
    assert apart(decode(path), in_two_steps(path)) <= 2


def test_noise_too_is_pillows_in_two_steps_within_2_levels(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (331, 467, 3), dtype=np.uint8)
    path = tmp_path / "noise.jpg"
    Image.fromarray(noise).save(path, quality=95)
    assert apart(decode(path), in_two_steps(path)) <= 2


def test_real_pictures_are_pillows_in_two_steps_within_2_levels():
    beside = Path(__file__).parents[3] / "shared" / "data" / "imagenet-sample"
    folder = Path(os.environ.get("R50BENCH_TEST_IMAGENET", beside))
    paths = sorted(folder.glob("val/*/*.JPEG"))[::10]
    if not paths:
        pytest.skip("no ImageNet folder: set R50BENCH_TEST_IMAGENET")
    assert max(apart(decode(path), in_two_steps(path)) for path in paths) <= 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_pictures_become_rgb(tmp_path, jpeg, mode):
    path = jpeg(tmp_path / "a.jpg", mode=mode)
    assert decode(path).shape == (224, 224, 3)
    assert apart(decode(path), in_two_steps(path)) <= 2


def test_orientation_in_exif_is_not_applied(tmp_path, jpeg):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    with Image.open(jpeg(tmp_path / "source.jpg", (300, 400))) as picture:
        picture.save(tmp_path / "plain.jpg")
        picture.save(tmp_path / "turned.jpg", exif=exif)
    assert (decode(tmp_path / "turned.jpg") == decode(tmp_path / "plain.jpg")).all()


def test_pictures_are_decoded_in_order_and_cached(tmp_path, jpeg, store, heard):
    dataset = dataset_of([jpeg(tmp_path / "in" / f"{n}.jpg", seed=n) for n in range(3)])
    pictures = preprocess(dataset, store, heard, skip_bad=False)
    array = np.load(pictures.array)
    assert (array.shape, array.dtype) == ((3, 224, 224, 3), np.uint8)
    assert all((array[n] == decode(dataset.pictures[n].path)).all() for n in range(3))
    assert (pictures.names, pictures.labels) == (("0.jpg", "1.jpg", "2.jpg"), (0, 1, 2))
    assert pictures.skipped == ()
    assert heard.phases == [("decoding 3 pictures", 3)]
    assert heard.done[-1] == 3
    assert preprocess(dataset, store, heard, skip_bad=False) == pictures
    assert len(heard.phases) == 1


def index_with(**changes: object) -> Callable[[dict[str, Any]], bytes]:
    return lambda index: json.dumps(index | changes).encode()


DAMAGE = {
    "cut": lambda index: b'{"labels": [0,',
    "no JSON of ours": lambda index: b"[]",
    "nested": lambda index: b"[" * 100_000,
    "labels of text": index_with(labels=["0", "1", "2"]),
    "another label": index_with(labels=[0, 1, 1000]),
    "another order": index_with(names=["1.jpg", "0.jpg", "2.jpg"]),
    "a name too few": index_with(names=["0.jpg", "1.jpg"]),
    "rows that are not there": index_with(names=[], labels=[]),
    "no hash": index_with(sha256="\x1b[2J"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_is_named_and_the_pictures_are_decoded_again(
    tmp_path, jpeg, store, heard, damage
):
    dataset = dataset_of([jpeg(tmp_path / "in" / f"{n}.jpg", seed=n) for n in range(3)])
    pictures = preprocess(dataset, store, heard, skip_bad=False)
    index = pictures.array.with_name("index.json")
    damaged = damage(json.loads(index.read_bytes()))
    index.write_bytes(damaged)
    provenance = index.with_name("provenance.json")
    kept = json.loads(provenance.read_bytes())
    kept["files"]["index.json"]["size"] = len(damaged)  # the store sees to sizes by itself
    provenance.write_text(json.dumps(kept))
    assert preprocess(dataset, store, heard, skip_bad=False) == pictures
    (warning,) = heard.warnings
    assert str(index.parent) in warning
    assert "are damaged" in warning
    assert warning.isprintable()
    assert len(heard.phases) == 2
    assert preprocess(dataset, store, heard, skip_bad=False) == pictures
    assert len(heard.phases) == 2


def test_an_array_of_other_pictures_is_made_anew(tmp_path, jpeg, store, heard):
    dataset = dataset_of([jpeg(tmp_path / "in" / f"{n}.jpg", seed=n) for n in range(3)])
    array = preprocess(dataset, store, heard, skip_bad=False).array
    whole = array.read_bytes()
    array.write_bytes(whole.replace(b"(3, 224, 224, 3)", b"(3, 224, 224, 2)", 1))
    preprocess(dataset, store, heard, skip_bad=False)
    assert array.read_bytes() == whole
    assert "pictures.npy is uint8 (3, 224, 224, 2)" in heard.warnings[0]


@pytest.mark.parametrize("granted", [0, 1, 1000])
def test_as_many_threads_as_the_system_grants_decode_what_none_does(
    tmp_path, jpeg, store, heard, monkeypatch, granted
):
    start, started = threading.Thread.start, []

    def refused(thread):
        if len(started) >= granted:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    paths = [jpeg(tmp_path / "in" / f"{n:03}.jpg", (230, 230), seed=n % 5) for n in range(80)]
    paths[70].write_bytes(b"no picture")
    pictures = preprocess(dataset_of(paths), store, heard, skip_bad=True)
    array = np.load(pictures.array)
    kept = [path for number, path in enumerate(paths) if number != 70]
    expected = [decode(path) for path in paths[:5]]
    assert pictures.names == tuple(path.name for path in kept)
    assert all((array[row] == expected[int(path.stem) % 5]).all() for row, path in enumerate(kept))
    assert sorted(heard.done) == heard.done
    assert heard.done[-1] == 80


def test_a_changed_picture_is_decoded_again(tmp_path, jpeg, store, heard):
    dataset = dataset_of([jpeg(tmp_path / "in" / "a.jpg", seed=1)])
    before = preprocess(dataset, store, heard, skip_bad=False)
    jpeg(tmp_path / "in" / "a.jpg", seed=2)
    after = preprocess(dataset, store, heard, skip_bad=False)
    assert before.sha256 != after.sha256


@pytest.fixture
def damaged(tmp_path, jpeg) -> Dataset:
    """Five files: the second is cut short, the fourth is text, the fifth is gone."""
    paths = [jpeg(tmp_path / "in" / f"{n}.jpg", seed=n) for n in range(5)]
    paths[1].write_bytes(paths[1].read_bytes()[:-2000])
    paths[3].write_text("no picture")
    paths[4].unlink()
    return dataset_of(paths)


def test_bad_pictures_are_named_with_the_reason_and_refused(damaged, store, heard):
    with pytest.raises(AssetError, match="3 pictures cannot be read") as caught:
        preprocess(damaged, store, heard, skip_bad=False)
    assert "1.jpg (image file is truncated" in caught.value.message
    assert "3.jpg (not a picture)" in caught.value.message
    assert "4.jpg (No such file or directory)" in caught.value.message
    assert "--skip-bad-pictures" in (caught.value.hint or "")
    assert store.entries() == ()


def test_bad_pictures_are_left_out_when_told_and_that_is_said(damaged, store, heard):
    pictures = preprocess(damaged, store, heard, skip_bad=True)
    assert (pictures.names, pictures.labels) == (("0.jpg", "2.jpg"), (0, 2))
    assert [line.split()[0] for line in pictures.skipped] == ["1.jpg", "3.jpg", "4.jpg"]
    array = np.load(pictures.array)
    assert array.shape == (2, 224, 224, 3)
    assert (array[1] == decode(damaged.pictures[2].path)).all()
    assert "3 of 5 pictures left out" in heard.warnings[0]
    assert "cannot be read: 1.jpg" in heard.warnings[0]
    # a later run that was not told to skip does not take what this one kept
    with pytest.raises(AssetError, match="cannot be read"):
        preprocess(damaged, store, heard, skip_bad=False)


def test_a_set_of_bad_pictures_only_is_refused_even_when_told_to_skip(tmp_path, store, heard):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(AssetError, match=r"a\.jpg \(not a picture\)"):
        preprocess(dataset_of([tmp_path / "a.jpg"]), store, heard, skip_bad=True)


def test_listed_pictures_that_are_not_there_are_refused_or_left_out(tmp_path, jpeg, store, heard):
    there = dataset_of([jpeg(tmp_path / "in" / "0.jpg")])
    dataset = replace(there, absent=("a.jpg", "b.jpg"))
    with pytest.raises(AssetError, match=r"2 of 3 pictures listed .* not there: a\.jpg, b\.jpg"):
        preprocess(dataset, store, heard, skip_bad=False)
    assert heard.phases == []
    pictures = preprocess(dataset, store, heard, skip_bad=True)
    assert pictures.names == ("0.jpg",)
    assert pictures.skipped == ("a.jpg (not there)", "b.jpg (not there)")
    assert preprocess(there, store, heard, skip_bad=False).skipped == ()


def test_one_file_under_two_names_is_told(tmp_path, jpeg, store, heard):
    paths = [jpeg(tmp_path / "in" / "0.jpg"), tmp_path / "in" / "1.jpg", tmp_path / "in" / "2.jpg"]
    paths[1].symlink_to(paths[0])
    paths[2].hardlink_to(paths[0])
    preprocess(dataset_of(paths), store, heard, skip_bad=False)
    assert "1 picture scored more than once: 0.jpg = 1.jpg = 2.jpg" in heard.warnings[0]


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_what_a_file_is_counts_and_not_its_name(tmp_path, format):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    path = tmp_path / "a.JPEG"
    Image.fromarray(pixels).save(path, format)
    assert apart(decode(path), in_two_steps(path)) <= 2


def test_a_palette_and_16_bits_are_decoded_without_a_word(tmp_path, store, heard):
    picture = Image.new("P", (30, 30))
    picture.info["transparency"] = bytes(range(256))
    picture.save(tmp_path / "a.png")
    Image.new("I;16", (30, 30)).save(tmp_path / "b.png")
    dataset = dataset_of([tmp_path / "a.png", tmp_path / "b.png"])
    assert len(preprocess(dataset, store, heard, skip_bad=False).labels) == 2


def test_a_fifo_among_the_pictures_is_named_and_not_waited_for(tmp_path, store, heard):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(AssetError, match=r"a\.jpg \(no regular file\)"):
        preprocess(dataset_of([tmp_path / "a.jpg"]), store, heard, skip_bad=False)


def test_a_pointer_in_place_of_a_picture_is_named(tmp_path, store, heard):
    path = tmp_path / "a.jpg"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(AssetError, match=r"not a picture: a Git LFS pointer: 'git lfs pull'"):
        preprocess(dataset_of([path]), store, heard, skip_bad=False)


DECODER = """
import sys
from pathlib import Path
from r50bench.assets.imagenet import Dataset, Picture
from r50bench.assets.preprocess import preprocess
from r50bench.assets.store import Store
from r50bench.notices import Silent

class Started(Silent):
    def advance(self, done, detail=""):
        print(done, flush=True)

if __name__ == "__main__":
    root, picture = Path(sys.argv[1]), Path(sys.argv[2])
    pictures = tuple(Picture(picture, f"{n}.jpg", 0) for n in range(20_000))
    preprocess(Dataset("many", root, pictures), Store(root), Started(), skip_bad=False)
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU decodes without threads")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_decoding_process_ends_at_once_and_leaves_nothing(tmp_path, jpeg, number):
    script = tmp_path / "decoder.py"
    script.write_text(DECODER)
    picture = jpeg(tmp_path / "a.jpg")
    command = [sys.executable, str(script), str(tmp_path / "cache"), str(picture)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
        process.stdout.read()  # ends when the last process that holds it is gone
        began = time.monotonic()
        process.wait(timeout=10)
    assert time.monotonic() - began < 2
    assert process.returncode != 0
    assert not (tmp_path / "cache" / "preprocessed").exists()


def test_caffes_convention_is_bgr_minus_the_mean():
    raw = np.zeros((1, 224, 224, 3), np.uint8)
    raw[0, 5, 7] = (10, 20, 30)
    batch = normalise(raw, "caffe")
    assert batch.shape == (1, 3, 224, 224)
    assert batch.dtype == np.float32
    expected = np.array([30 - 103.939, 20 - 116.779, 10 - 123.68], np.float32)
    np.testing.assert_allclose(batch[0, :, 5, 7], expected, rtol=1e-6)


def test_torchvisions_convention_is_rgb_scaled_and_standardised():
    raw = np.zeros((1, 224, 224, 3), np.uint8)
    raw[0, 5, 7] = (10, 20, 30)
    batch = normalise(raw, "torchvision")
    expected = [
        (10 / 255 - 0.485) / 0.229,
        (20 / 255 - 0.456) / 0.224,
        (30 / 255 - 0.406) / 0.225,
    ]
    np.testing.assert_allclose(batch[0, :, 5, 7], expected, rtol=1e-5)


@pytest.mark.parametrize("convention", ["caffe", "torchvision"])
def test_a_batch_lies_channels_last_in_memory(convention):
    batch = normalise(dummy_pictures(2, 1), convention)
    assert np.transpose(batch, (0, 2, 3, 1)).flags.c_contiguous


def test_dummy_pictures_depend_on_the_seed_alone():
    assert (dummy_pictures(2, 1) == dummy_pictures(2, 1)).all()
    assert (dummy_pictures(2, 1) != dummy_pictures(2, 2)).any()
    assert (dummy_pictures(2, 1).shape, dummy_pictures(2, 1).dtype) == (
        (2, 224, 224, 3),
        np.uint8,
    )
