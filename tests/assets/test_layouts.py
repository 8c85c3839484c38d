"""Data sets as people have them. Pictures are empty files here: nobody decodes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from r50bench.assets.imagenet import open_dataset
from r50bench.assets.wnids import DEVKIT_ORDER, WNIDS
from r50bench.errors import AssetError, UsageError
from support.rights import folder_for_all, rights_of_nobody

TENCH, GOLDFISH = WNIDS[:2]
FLAT = [f"ILSVRC2012_val_{number:08}.JPEG" for number in (1, 2, 3)]
# The first classes in the devkit's ground truth, and the same pictures in MLPerf's val_map.txt.
GROUND_TRUTH, LABELS = (490, 361, 171), (65, 970, 230)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "set"


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def labels(root: Path, store, heard) -> dict[str, int]:
    opened = open_dataset(str(root), store, heard)
    assert all(picture.path.is_file() for picture in opened.pictures)
    return {picture.name: picture.label for picture in opened.pictures}


PLACES = [
    "val",
    "Val",
    "validation",
    "ILSVRC2012_img_val",
    "ILSVRC/Data/CLS-LOC/val",
    "Data/CLS-LOC/val",
]


@pytest.mark.parametrize("place", PLACES)
def test_the_validation_set_is_found_where_archives_put_it(root, place, store, heard):
    touch(root, f"{place}/{TENCH}/a.JPEG", f"train/{GOLDFISH}/b.JPEG")
    assert labels(root, store, heard) == {f"{place}/{TENCH}/a.JPEG": 0}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("0", "1", "10", "2"), [0, 1, 2, 10]),
        (("0000", "0999"), [0, 999]),
        (("1", "1000"), [0, 999]),
    ],
)
def test_folders_may_be_called_by_the_index_of_their_class(root, names, expected, store, heard):
    touch(root, *(f"val/{name}/a.JPEG" for name in names))
    assert list(labels(root, store, heard).values()) == expected
    assert any("count from 1" in note for note in heard.notes) == ("1000" in names)


@pytest.mark.parametrize("names", [("0", "1000"), ("7", "1001"), ("7", "tench")])
def test_folders_that_are_no_classes_are_named(root, names, store, heard):
    touch(root, *(f"val/{name}/a.JPEG" for name in names))
    with pytest.raises(UsageError, match=f"'({names[-1]}|7)' is no"):
        open_dataset(str(root), store, heard)


@pytest.mark.parametrize(
    "folder", [f"{TENCH}_tench", f"000.{TENCH}", f"{TENCH}, tench", TENCH.upper()]
)
def test_a_folder_may_have_more_in_its_name_than_the_wnid(root, folder, store, heard):
    touch(root, f"{folder}/a.JPEG", f"{folder}/images/b.JPEG")
    assert labels(root, store, heard) == {f"{folder}/a.JPEG": 0, f"{folder}/images/b.JPEG": 0}


def test_flat_pictures_may_have_the_wnid_in_their_names(root, store, heard):
    touch(root, f"ILSVRC2012_val_00000001_{GOLDFISH}.JPEG", f"{TENCH}_10026.JPEG")
    assert sorted(labels(root, store, heard).values()) == [0, 1]


def ground_truth(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{number}\n" for number in GROUND_TRUTH)
    (root / "ILSVRC2012_validation_ground_truth.txt").write_text(lines)


@pytest.mark.parametrize("place", ["", "val", "ILSVRC2012_img_val"])
@pytest.mark.parametrize("devkit", ["", "ILSVRC2012_devkit_t12/data"])
def test_flat_pictures_are_labelled_by_the_devkits_ground_truth(root, place, devkit, store, heard):
    touch(root / place, *FLAT)
    ground_truth(root / devkit)
    assert tuple(labels(root, store, heard).values()) == LABELS
    assert tuple(labels(root / place, store, heard).values()) == LABELS  # named itself


def test_any_part_of_the_flat_pictures_is_labelled_by_the_number_in_their_names(root, store, heard):
    touch(root, FLAT[2])
    ground_truth(root)
    assert labels(root, store, heard) == {FLAT[2]: LABELS[2]}


def test_flat_pictures_are_labelled_by_kaggles_solution(root, store, heard):
    touch(root / "ILSVRC/Data/CLS-LOC/val", *FLAT)
    lines = [
        f"{name.removesuffix('.JPEG')},{WNIDS[label]} 85 1 499 272 "
        for name, label in zip(FLAT, LABELS, strict=True)
    ]
    (root / "LOC_val_solution.csv").write_text(
        "\r\n".join(["ImageId,PredictionString", *reversed(lines)])
    )
    assert tuple(labels(root, store, heard).values()) == LABELS
    inside = root / "ILSVRC/Data/CLS-LOC/val"
    assert tuple(labels(inside, store, heard).values()) == LABELS


def test_a_list_that_lacks_pictures_says_which(root, store, heard):
    touch(root, *FLAT, "other.JPEG")
    ground_truth(root)
    with pytest.raises(UsageError, match=r"no label for 1 of 4 pictures: other\.JPEG"):
        open_dataset(str(root), store, heard)


@pytest.mark.parametrize("name", ["val_map.txt", "val_map.csv", "val.txt"])
def test_a_list_beside_the_folder_of_flat_pictures_labels_them(root, name, store, heard):
    touch(root / "val", *FLAT)
    (root / name).write_text(f"{FLAT[1]} 5\n")
    assert labels(root, store, heard) == {f"val/{FLAT[1]}": 5}


def test_pictures_of_every_suffix_and_case_are_taken_and_other_files_are_named(root, store, heard):
    names = ["a.JPEG", "b.jpg", "c.PNG", "d.WebP", "e.bmp", "f.GIF", "g.TIFF", "h.jpe"]
    touch(root / TENCH, *names, "x.heic", "Thumbs.db")
    assert len(labels(root, store, heard)) == len(names)
    assert heard.warnings == ["2 files beside the pictures by their names none: Thumbs.db, x.heic"]


def test_hidden_files_and_folders_are_nobodys_pictures(root, store, heard):
    touch(root, f"{TENCH}/a.JPEG", f"{TENCH}/._a.JPEG", f"{TENCH}/.b.JPEG", ".DS_Store")
    touch(root, f".cache/{GOLDFISH}/a.JPEG", f"__MACOSX/{GOLDFISH}/a.JPEG", "._val")
    assert labels(root, store, heard) == {f"{TENCH}/a.JPEG": 0}
    assert heard.warnings == []


def test_a_name_that_is_no_utf8_is_kept(root, store, heard):
    name = b"b\xe4r.JPEG".decode(errors="surrogateescape")
    touch(root / TENCH, name)
    assert labels(root, store, heard) == {f"{TENCH}/{name}": 0}
    (root / "val_map.txt").write_bytes(TENCH.encode() + b"/b\xe4r.JPEG 7\n")
    assert labels(root, store, heard) == {f"{TENCH}/{name}": 7}


def test_one_picture_under_two_spellings_is_listed_twice(root, store, heard):
    touch(root / "a", "x.JPEG")
    for other in ("./a/x.JPEG", "a//x.JPEG", "b/../a/x.JPEG", str(root.resolve() / "a/x.JPEG")):
        (root / "val_map.txt").write_text(f"a/x.JPEG 1\n{other} 1\n")
        with pytest.raises(UsageError, match=r"val_map\.txt:2: .* is listed twice, first at .*:1"):
            open_dataset(str(root), store, heard)


def test_pictures_that_a_list_has_and_the_folder_has_not_are_counted(root, store, heard):
    touch(root, "here.JPEG")
    (root / "folder.JPEG").mkdir()
    names = ["here.JPEG", *(f"gone{n}.JPEG" for n in range(30)), "folder.JPEG", "x" * 300]
    (root / "val_map.txt").write_text("".join(f"{name} 7\n" for name in names))
    opened = open_dataset(str(root), store, heard)
    assert [picture.name for picture in opened.pictures] == ["here.JPEG"]
    assert opened.absent == tuple(names[1:])


def test_a_list_of_pictures_that_are_all_elsewhere_is_refused(root, store, heard):
    root.mkdir()
    (root / "val_map.txt").write_text("a.JPEG 1\nb.JPEG 2\n")
    with pytest.raises(UsageError, match=r"none of the pictures .* is there: a\.JPEG, b\.JPEG"):
        open_dataset(str(root), store, heard)


def test_paths_of_another_system_are_found(root, store, heard):
    touch(root, f"{TENCH}/a.JPEG")
    (root / "val_map.txt").write_text(f"{TENCH}\\a.JPEG 7\n")
    assert labels(root, store, heard) == {f"{TENCH}/a.JPEG": 7}


@pytest.mark.parametrize("name", ["ILSVRC2012_img_val.tar", "val images.tar.gz", "imagenet.zip"])
def test_an_archive_is_refused_with_the_commands_that_unpack_it(root, name, store, heard):
    touch(root, name)
    for named in (root, root / name):
        with pytest.raises(UsageError) as caught:
            open_dataset(str(named), store, heard)
        hint = caught.value.hint or ""
        assert ("unzip -d" if name.endswith("zip") else "mkdir") in hint
        assert "ILSVRC2012_validation_ground_truth.txt" in hint
    touch(root, f"val/{TENCH}/a.JPEG")  # unpacked by now
    assert len(labels(root, store, heard)) == 1


def test_a_folder_of_several_data_sets_names_them(root, store, heard):
    touch(root, f"imagenet/val/{TENCH}/a.JPEG", f"imagenet v2/{TENCH}/a.JPEG", "docs/readme.txt")
    with pytest.raises(UsageError, match="but below it") as caught:
        open_dataset(str(root), store, heard)
    resolved = root.resolve()
    assert f"{resolved}/imagenet or " in (caught.value.hint or "")
    assert f"'{resolved}/imagenet v2'" in (caught.value.hint or "")
    assert "docs" not in (caught.value.hint or "")


def test_links_are_followed_and_a_loop_of_them_ends(root, store, heard):
    touch(root / "elsewhere", "a.JPEG")
    (root / "val").mkdir()
    (root / "val" / TENCH).symlink_to(root / "elsewhere")
    (root / "elsewhere" / "again").symlink_to(root / "elsewhere")
    assert labels(root, store, heard) == {f"val/{TENCH}/a.JPEG": 0}


@pytest.mark.parametrize("which", [".", "val", f"val/{TENCH}", "..", "val_map.txt"])
def test_what_may_not_be_read_is_named(which, store, heard):
    with folder_for_all() as folder:
        root = touch(folder / "above" / "set", f"val/{TENCH}/a.JPEG")
        if which.endswith(".txt"):
            (root / which).write_text(f"val/{TENCH}/a.JPEG 0\n")
        shut = Path(os.path.normpath(root / which))
        shut.chmod(0)
        with (
            rights_of_nobody(folder),
            pytest.raises(AssetError, match="permission denied") as caught,
        ):
            open_dataset(str(root), store, heard)
        shut.chmod(0o755)
    assert "cannot read " in caught.value.message
    assert str(shut) in caught.value.message
    assert "chmod" in (caught.value.hint or "")


def test_the_devkits_order_is_a_permutation_that_its_own_list_agrees_with():
    assert sorted(DEVKIT_ORDER) == list(range(1000))
    assert tuple(DEVKIT_ORDER[number - 1] for number in GROUND_TRUTH) == LABELS
    assert (WNIDS[DEVKIT_ORDER[0]], WNIDS[DEVKIT_ORDER[999]]) == ("n02119789", "n03255030")
