"""The verb peers, as the shell sees it."""

from __future__ import annotations

import json
import re

import pytest

from r50bench.cli.main import run_command_line
from r50bench.engines import registry

FAKE = ["--engines", "fake,onnxruntime", "--weights", "random", "--data-type", "dummy"]
SHORT = ["--precision", "fp32", "--steps", "2", "--warmup-steps", "1", "--repeat", "6", "-q"]


@pytest.fixture(autouse=True)
def no_peer_is_installed(monkeypatch):
    def version(package):
        raise registry.PackageNotFoundError(package)

    monkeypatch.setattr(registry, "version", version)


def run(tmp_path, *words):
    return run_command_line(["peers", "--out", str(tmp_path / "runs"), *words])


def test_an_absent_peer_is_a_row_with_what_to_type(tmp_path, capsys):
    assert run(tmp_path, *FAKE, *SHORT) == 0
    text = capsys.readouterr().out
    assert "\nfake 1 " in text
    assert re.search(r"\nonnxruntime +absent", text)
    assert "pip install 'r50bench[peers]'" in text
    assert "# records:" in text
    (page,) = (tmp_path / "runs").glob("*_peers_*.html")
    assert "onnxruntime is absent: " in page.read_text()


def test_json_has_the_figures_and_the_records_are_kept(tmp_path, capsys):
    assert run(tmp_path, *FAKE, *SHORT, "--json") == 0
    (compared,) = json.loads(capsys.readouterr().out)
    ours, absent = compared["engines"]
    assert ours["state"] == "measured"
    assert ours["throughput"]["value"] > 0
    assert (absent["state"], absent["folder"]) == ("absent", None)
    assert len(list((tmp_path / "runs").glob("*/record.json"))) == 1


def test_undisturbed_batches_are_what_ratios_are_of_where_that_is_asked(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("FAKE_CANARY_NS", "1700")
    assert run(tmp_path, *FAKE, *SHORT, "--undisturbed") == 0
    text = capsys.readouterr().out
    assert "ratios are of undisturbed batches alone" in text
    (page,) = (tmp_path / "runs").glob("*_peers_*.html")
    assert "ratios are of undisturbed batches alone" in page.read_text()


def test_without_the_first_engine_the_command_fails(tmp_path, capsys):
    words = ["--engines", "onnxruntime,fake", "--weights", "random", "--data-type", "dummy"]
    assert run(tmp_path, *words, *SHORT) == 5
    captured = capsys.readouterr()
    assert "\nfake 1 " in captured.out
    assert "onnxruntime is not installed" in captured.err


def test_where_nothing_was_measured_no_records_are_spoken_of(tmp_path, capsys):
    assert run(tmp_path, "--engines", "onnxruntime", *SHORT) == 5
    text = capsys.readouterr().out
    assert re.search(r"\nonnxruntime +absent", text)
    assert "# records:" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engines", "openvno"], "unknown engine 'openvno'"),
        (["--engines", "torch,torch"], "named twice"),
        (["--mode", "accuracy"], "peers are timed"),
        (["--steps", "3", "--round-seconds", "1"], "give one"),
        (["--round-seconds", "nan"], "--round-seconds 'nan' is no time"),
        (["--round-seconds", "inf"], "--round-seconds 'inf' is no time"),
        (["--round-seconds", "9" * 400], "is no time"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_runs(tmp_path, capsys, words, said):
    assert run(tmp_path, *words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
