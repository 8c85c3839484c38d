"""What a dry run of LoadGen says, and the first line of its run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.checkpoints import flat_npz
from support.command_line import Call

SHORT = ("--mode=PerformanceOnly", "--duration=3", "--target-qps=10")
SENTENCE = "LoadGen for about 250 s: queries at 10/s for 3 s (as asked); 2,500 at least"


@pytest.mark.usefixtures("host")
def test_what_will_run_for_how_long_and_why_stands_in_the_dry_run(r50bench_here: Call) -> None:
    out = r50bench_here("mlperf", "-N", "--scenario=Server", *SHORT).out
    assert f"mlperf_Server_PerformanceOnly_avx_fp32: {SENTENCE}" in out
    assert "CPUs 0-1" in out
    plan = json.loads(r50bench_here("mlperf", "-N", "--json", "--scenario=Server", *SHORT).out)
    assert plan["extent"]["seconds"] == 250
    assert "LoadGen accepts hardly a late one" in plan["extent"]["text"]


def test_it_is_the_first_line_of_the_run(r50bench_fake: Call, tmp_path: Path) -> None:
    flat_npz(tmp_path / "weights.npz")
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((224, 224, 3), np.uint8)).save(tmp_path / "pictures" / "0.JPEG")
    (tmp_path / "pictures" / "val_map.txt").write_text("0.JPEG 7\n")
    answer = r50bench_fake(
        "mlperf",
        "--engine=fake",
        "--weights=weights.npz",
        "--dataset=pictures",
        "--dataset-size=1",
        "--scenario=SingleStream",
    )
    assert answer.code == 0, answer.err
    first = answer.err.splitlines()[0]
    assert first.startswith("mlperf_SingleStream_AccuracyOnly_")
    assert first.endswith(": each of 1 picture once")
