"""A run's folder appears whole or not at all."""

from __future__ import annotations

import os

import pytest

from r50bench.errors import UsageError
from r50bench.measure.record_draft import RunFolder


def test_a_folder_that_is_kept_takes_its_final_name(tmp_path):
    with RunFolder(tmp_path / "runs", "one") as folder:
        (folder.path / "record.json").write_text("{}")
        assert not folder.final.exists()
        final = folder.keep()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]
    assert (final / "record.json").read_text() == "{}"


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def interrupted():
        with RunFolder(tmp_path, "one") as folder:
            (folder.path / "samples.csv").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept_and_a_living_ones_folder_is_not(tmp_path):
    dead = tmp_path / ".unfinished-dead"
    dead.mkdir()
    with RunFolder(tmp_path, "living") as living:
        for folder in (dead, living.path):
            os.utime(folder, (0, 0))
        with RunFolder(tmp_path, "next"):
            assert living.path.exists()
            assert not dead.exists()


def test_a_place_that_is_a_file_is_refused_with_the_mend(tmp_path):
    (tmp_path / "runs").write_text("")
    with (
        pytest.raises(UsageError, match="cannot write runs") as caught,
        RunFolder(tmp_path / "runs", "one"),
    ):
        pass
    assert "--out" in caught.value.hint
