"""A whole profile with the fake engine, whose 54 kernels take 0.1 ms each."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from r50bench.errors import Unsupported, UsageError
from r50bench.profile.layer_bars import layer_bars_svg
from r50bench.profile.page import profile_page, read_profile
from r50bench.profile.roofline_plot import roofline_svg
from r50bench.profile.run import profile_case
from r50bench.profile.text import groups, profile_text
from r50bench.report.svg import text_width
from support.fake_cases import bench, planned


@pytest.fixture
def profiled(tmp_path):
    """Profiles a case below tmp_path."""

    def profiled(case, rounds=3, finish=lambda *_: None):
        return profile_case(case, bench(tmp_path), rounds, finish)

    return profiled


def case(**settings):
    chosen = {
        "INSTANCES": 2,
        "BATCH_SIZE": 8,
        "WARMUP_STEPS": 1,
        "FAKE_PEAK": "30000,1000",
        "FAKE_LATENCIES_NS": "10000000",
    }
    return planned(settings.pop("name", "inference_throughput_fp32"), **(chosen | settings))


def test_the_time_of_a_batch_is_divided_to_the_last_digit(profiled):
    found, _ = profiled(case())
    parts = found.breakdown
    assert parts.batch_ms == pytest.approx(10)
    assert parts.kernels_ms == pytest.approx(5.4)
    assert parts.outside_ms == pytest.approx(4.6)
    assert found.roof.gop_per_s == 15_000
    # 7,896,503,808 operations a picture in v1.5, without those on the padding.
    assert found.efficiency == pytest.approx(8 * 7.896503808 / 15_000 / 0.010)
    assert found.case.batch_size == 8
    assert found.evidence.gop_per_image == pytest.approx(7.896503808)


def test_the_folder_holds_what_finish_put_there_and_nothing_is_left_beside_it(profiled):
    _, folder = profiled(case(), finish=lambda found, path: (path / "it").write_text(found.id))
    assert (folder / "it").read_text() == folder.name
    assert "profile_inference_throughput_avx_fp32" in folder.name
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"name": "inference_accuracy_fp32"}, UsageError, "accuracy case times nothing"),
        ({"ENGINE": "onnxruntime"}, Unsupported, "onnxruntime on cpu do not tell how long"),
        (
            {"name": "inference_throughput_bf16", "WEIGHT_SHARING": 1},
            UsageError,
            "cannot be observed all at once",
        ),
    ],
)
def test_what_cannot_be_profiled_is_refused_before_anything_runs(
    profiled, tmp_path, settings, error, words
):
    with pytest.raises(error, match=words):
        profiled(case(**settings))
    assert not (tmp_path / "profiles").exists()


def test_no_words_of_the_picture_leave_its_frame(profiled):
    # 5 % of a batch at the limit: as narrow a piece as a slow engine leaves.
    found, _ = profiled(case(FAKE_PEAK="1000000,100000", FAKE_LATENCIES_NS="1000000000"))
    picture = layer_bars_svg(found)
    words = re.findall(r'<text([^>]*) x="([0-9.]+)" y="[0-9.]+"([^>]*)>([^<]*)<', picture)
    for _, at, anchor, text in words:
        anchored = {"end": 1, "middle": 0.5}.get(anchor.partition('"')[2].rstrip('"'), 0)
        left = float(at) - anchored * text_width(text)
        assert left >= 0, text
        assert left + text_width(text) <= 920, text


def test_without_a_peak_there_is_no_profile(profiled):
    settings = {"INSTANCES": 1, "BATCH_SIZE": 8}
    with pytest.raises(Unsupported, match="peak of fake on cpu is not known"):
        profiled(planned("inference_throughput_fp32", **settings))


def test_the_text_names_sums_kinds_and_on_demand_every_layer(profiled):
    found, _ = profiled(case())
    text = profile_text(found, all_layers=False)
    lines = {line.split("  ")[0]: line.split()[-2:] for line in text.splitlines()}
    assert lines["all"] == ["10.000", "100.0"]
    assert lines["outside of kernels"] == ["4.600", "46.0"]
    assert "batch 8, 2 × 1 core ·" in text
    assert "layer1.0.conv2" not in text
    full = profile_text(found, all_layers=True)
    assert all(layer.name in full for layer in found.breakdown.layers)


def test_the_kinds_hold_all_layers_and_the_greatest_loss_comes_first(profiled):
    found, _ = profiled(case())
    kinds = groups(found.breakdown)
    assert sum(kind.count for kind in kinds) == 54
    assert sum(kind.ms for kind in kinds) == pytest.approx(5.4)
    lost = [kind.ms - kind.least_ms for kind in kinds]
    assert lost == sorted(lost, reverse=True)


def test_the_picture_is_well_formed_and_names_every_layer(profiled):
    from xml.etree import ElementTree

    found, _ = profiled(case())
    root = ElementTree.fromstring(layer_bars_svg(found))
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(layer.name in texts for layer in found.breakdown.layers)
    widths = [float(one.get("width", 0)) for one in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert min(widths) >= 0


def test_the_page_needs_no_script_and_nothing_from_elsewhere(profiled):
    found, _ = profiled(case())
    page = profile_page(found)
    assert "<script" not in page
    assert "src=" not in page.replace("&#x27;", "")
    assert "href" not in page
    assert page.count("<svg") == 2
    assert "avx_fp32 on fake does 42 % of what the cores can." in page
    assert "r50bench profile inference_throughput_avx_fp32 " in page


def test_every_layer_stands_on_the_roofline_plot_and_tells_its_figures(profiled):
    found, _ = profiled(case())
    picture = roofline_svg(found)
    assert picture.count("<circle") == 54
    for layer in found.breakdown.layers:
        assert f"{layer.name}, {layer.group}: {layer.gop / layer.ms * 1e3:.0f} GOP/s, " in picture
    assert "15000 GOP/s (fake)" in picture
    assert "500 GB/s" in picture


def test_a_profile_is_read_back_and_a_damaged_one_refused(profiled, tmp_path):
    found, _ = profiled(case())
    (tmp_path / "profile.json").write_bytes(msgspec.json.encode(found))
    assert read_profile(tmp_path) == found
    (tmp_path / "profile.json").write_text('{"id": 1}')
    with pytest.raises(UsageError, match="is no profile"):
        read_profile(tmp_path)
    assert read_profile(tmp_path / "elsewhere") is None


def test_outside_may_be_negative_and_the_picture_still_stands(profiled):
    found, _ = profiled(case(FAKE_LATENCIES_NS="1000000"))
    assert found.breakdown.outside_ms == pytest.approx(-4.4)
    assert 'width="-' not in layer_bars_svg(found)


def test_the_data_are_plain_json(profiled):
    import msgspec

    found, _ = profiled(case())
    data = json.loads(msgspec.json.encode(found))
    assert len(data["breakdown"]["layers"]) == 54
    assert data["limit"]["gop_per_s"] == 30_000
