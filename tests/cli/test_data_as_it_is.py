"""``r50bench run`` on data sets as people have them: names, places and labels of every kind."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from r50bench.results.record import read_record
from support.checkpoints import flat_npz

NOT_UTF8 = b"b\xe4r 'x\" \xc3\xa4"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flat_npz(tmp_path_factory.mktemp("weights") / "flat.npz")


def picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


@pytest.fixture
def score(fake_environment: dict[str, str], weights: Path, tmp_path: Path):
    """Scores a data set with the fake engine in a process; returns exit code, stdout, stderr."""

    def call(dataset: Path, *options: str, **variables: str) -> tuple[int, bytes, bytes]:
        case = ("inference_accuracy_fp32", "--engine", "fake", "--weights", str(weights))
        placement = ("--cores-per-instance", "1", "--instances", "1")
        command = ["-m", "r50bench", "run", *case, *placement, "--dataset", str(dataset), *options]
        done = subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env=fake_environment | variables,
        )
        return done.returncode, done.stdout, done.stderr

    return call


def test_names_of_any_bytes_stay_themselves_in_record_predictions_and_what_is_printed(
    score, tmp_path: Path
) -> None:
    strange = NOT_UTF8.decode(errors="surrogateescape")
    root = tmp_path / f"set {strange}"
    picture(root / "n01440764" / f"{strange}.JPEG")
    (root / "n01440764" / f"bad {strange}.JPEG").write_text("no picture")
    out = tmp_path / f"out {strange}"
    code, printed, said = score(root, "--out", str(out), "--skip-bad-pictures")
    assert (code, b"Traceback" in said) == (0, False)
    (folder,) = out.iterdir()
    assert (
        b"n01440764/" + NOT_UTF8.replace(b'"', b'""') in (folder / "predictions.csv").read_bytes()
    )
    record = read_record(folder)
    assert record.data is not None
    assert record.data.skipped[0].startswith(f"n01440764/bad {strange}.JPEG (")
    assert record.case.dataset == str(root)
    assert json.loads((folder / "record.json").read_bytes())["case"]["dataset"] == str(root)
    again = printed.rpartition(b"look again: ")[2].decode(errors="surrogateescape")
    assert shlex.split(again) == ["r50bench", "kpi", str(folder)]
    assert b"bad " + NOT_UTF8 in printed


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({"PYTHONIOENCODING": "latin-1"}, "bär €".encode("latin-1", "backslashreplace")),
        ({"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "LC_ALL": "C"}, b"b??r ???"),
    ],
)
def test_a_locale_that_lacks_a_sign_costs_that_sign_alone(
    score, tmp_path: Path, variables: dict[str, str], shown: bytes
) -> None:
    picture(tmp_path / "bär €" / "n01440764" / "a.JPEG")
    code, printed, said = score(tmp_path / "bär €", **variables)
    assert (code, b"Traceback" in said) == (0, False)
    assert shown in printed


def test_cache_output_home_and_temporary_folder_may_have_blanks_quotes_and_umlauts(
    score, tmp_path: Path
) -> None:
    picture(tmp_path / "set" / "n01440764" / "a.JPEG")
    places = {}
    for name in ("R50BENCH_CACHE", "R50BENCH_DATA", "TMPDIR", "HOME"):
        folder = tmp_path / f'{name} it\'s "ü" $x `y`'
        folder.mkdir()
        places[name] = str(folder)
    out = tmp_path / 'out it\'s "ü" $x'
    code, printed, said = score(tmp_path / "set", "--out", str(out), **places)
    assert (code, b"Traceback" in said) == (0, False)
    (folder,) = out.iterdir()
    again = printed.rpartition(b"look again: ")[2].decode()
    assert shlex.split(again) == ["r50bench", "kpi", str(folder)]


def test_labels_that_count_from_one_are_told_with_the_score(score, tmp_path: Path) -> None:
    classes = range(10, 40)
    for number in classes:
        picture(tmp_path / "set" / f"{number}.JPEG", number)
    lines = "".join(f"{number}.JPEG {number + 1}\n" for number in classes)
    (tmp_path / "set" / "val_map.txt").write_text(lines)
    answers = {"CUSTOMER_ENV": f"FAKE_ANSWERS={','.join(map(str, classes))}"}
    # A batch is all pictures: whatever was answered before them, their answers begin anew.
    code, printed, said = score(tmp_path / "set", "--batch-size", "30", **answers)
    assert code == 0, said
    text = b"which these weights cannot mean: 30 would be with 1 taken off each label"
    assert text in printed
    assert text in said


def test_a_list_of_what_is_not_there_is_counted_and_can_be_left_out(score, tmp_path: Path) -> None:
    picture(tmp_path / "set" / "a.JPEG")
    lines = "".join(f"gone{n}.JPEG 1\n" for n in range(30))
    (tmp_path / "set" / "val_map.txt").write_text(f"{lines}a.JPEG 1\n")
    code, _, said = score(tmp_path / "set")
    assert (code, b"Traceback" in said) == (5, False)
    assert b"30 of 31 pictures listed" in said
    out = tmp_path / "out"
    code, printed, said = score(tmp_path / "set", "--skip-bad-pictures", "--out", str(out))
    assert code == 0, said
    assert b"gone0.JPEG (not there)" in printed
    (folder,) = out.iterdir()
    data = read_record(folder).data
    assert data is not None
    assert (data.pictures, len(data.skipped)) == (1, 30)


def test_weights_that_are_not_finite_are_refused_before_anything_runs(
    score, tmp_path: Path
) -> None:
    picture(tmp_path / "set" / "n01440764" / "a.JPEG")
    bad = flat_npz(tmp_path / "bad.bin", value=float("inf"))
    code, _, said = score(tmp_path / "set", "--weights", str(bad))
    assert (code, b"Traceback" in said) == (5, False)
    assert b"not finite" in said
    assert b"fetching" not in said
