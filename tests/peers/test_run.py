"""The comparison as a whole, with the fake engine standing in for all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r50bench.case import CaseName
from r50bench.errors import EngineError, Unsupported, UsageError, WorkerFailed
from r50bench.parameters import collect
from r50bench.peers import run as peers
from r50bench.peers.run import Contender, plan_peers, run_peers
from r50bench.peers.text import peer_rows, peers_as_data, peers_table, peers_text
from r50bench.results.record import read_record
from support.fake_cases import bench, host, planned

INT8 = CaseName("inference", "throughput", "avx_int8")


def contender(engine, latency_ns, **settings):
    chosen = {"REPEAT": 6, "STEPS": 4, "WARMUP_STEPS": 1, "BATCH_SIZE": 2, "INSTANCES": 2}
    return Contender(
        engine,
        planned("inference_throughput_int8", FAKE_LATENCIES_NS=latency_ns, **chosen | settings),
    )


@pytest.fixture
def race(tmp_path):
    def race(*contenders, round_s=None):
        return run_peers(contenders, bench(tmp_path), round_s=round_s)

    return race


def test_every_engine_leaves_its_record_and_is_set_beside_the_first(race):
    standings = race(contender("torch", 1_000_000), contender("openvino", 1_250_000))
    ours, theirs = peer_rows(standings)
    assert ours.ratio is None
    assert theirs.ratio.value == pytest.approx(0.8)
    assert [one.throughputs for one in standings] == [
        pytest.approx((4000.0,) * 6),
        pytest.approx((3200.0,) * 6),
    ]
    text = peers_text((ours, theirs))
    assert "openvino is 20.0 % slower than torch, beyond the noise" in text
    assert "2 × 1 core" in text
    for one in standings:
        assert read_record(one.outcome.folder).case.repeat == 6


def test_names_ratios_and_kernels_break_where_a_terminal_is_narrow(race):
    rows = peer_rows(race(contender("torch", 1_000_000), contender("openvino", 1_250_000)))
    wide, narrow = peers_text(rows), peers_text(rows, 80)

    def longest(text):
        return max(map(len, text.splitlines()[1:4]))

    assert longest(narrow) <= 80 < longest(wide)
    assert narrow.count("0.800") == wide.count("0.800")


def test_an_engine_that_dies_on_the_way_is_a_row_that_says_why(race):
    standings = race(
        contender("torch", 1_000_000), contender("onnxruntime", 1_000_000, FAKE_FAULT="kill@9#0")
    )
    assert [one.state for one in standings] == ["measured", "failed"]
    assert isinstance(standings[1].error, WorkerFailed)
    rows = peer_rows(standings)
    assert rows[1].ratio is None
    text = peers_text(rows)
    assert "! onnxruntime failed: worker 0" in text
    assert "killed by SIGKILL" in text


def test_an_engine_that_cannot_start_leaves_the_others_alone(race):
    refused = Contender("openvino", None, Unsupported("no such convolutions", hint="another"))
    absent = Contender("zentorch", None, EngineError("zentorch is not installed", hint="install"))
    standings = race(contender("torch", 1000), refused, absent)
    assert [one.state for one in standings] == ["measured", "refused", "absent"]
    text = peers_text(peer_rows(standings))
    assert "! openvino cannot run this: no such convolutions; another" in text
    assert "! zentorch is absent: zentorch is not installed; install" in text


def test_without_the_first_engine_the_others_have_figures_and_no_ratios(race):
    standings = race(Contender("torch", None, Unsupported("not here")), contender("openvino", 1000))
    rows = peer_rows(standings)
    assert rows[1].ratio is None
    assert peers_as_data(rows)["engines"][1]["throughput"]["value"] > 0
    table = peers_table(rows)
    at = [column.title for column in table.columns].index("÷ torch")
    assert [row[at] for row in table.rows] == ["", ""]


def test_rounds_of_time_have_the_steps_that_the_warm_up_promises(race):
    slow = {"FAKE_REALTIME": 1, "WARMUP_STEPS": 5, "REPEAT": 1}
    (standing,) = race(contender("torch", 20_000_000, **slow), round_s=0.5)
    record = standing.outcome.record
    # 5 steps of 20 ms and the 20 ms until all begin.
    assert 15 <= record.case.steps <= 25
    assert str(record.request["steps"]) == f"{record.case.steps} (rounds of about 0.5 s)"
    assert len(standing.outcome.samples) == 2 * record.case.steps


LOOKED = {"FAKE_CANARY_NS": "1700", "STEPS": 6}
SPELLS = "1000000,1000000,2000000"


def test_ratios_are_of_undisturbed_batches_where_every_engine_has_enough(race):
    standings = race(
        contender("torch", 1_000_000, **LOOKED), contender("openvino", SPELLS, **LOOKED)
    )
    assert peer_rows(standings)[1].ratio.value == pytest.approx(0.75)
    rows = peer_rows(standings, "undisturbed")
    assert rows[1].ratio.value == pytest.approx(1)
    text = peers_text(rows)
    assert "  ratios are of undisturbed batches alone" in text
    assert "openvino and torch do not differ beyond the noise" in text
    row = next(line for line in text.splitlines() if "4000 ± 0" in line)
    assert "100 %" in row
    data = peers_as_data(rows)
    assert (data["judged"], data["why_not_undisturbed"]) == ("undisturbed", None)
    assert [one["undisturbed_throughput"]["value"] for one in data["engines"]] == [
        pytest.approx(4000)
    ] * 2
    assert data["engines"][1]["full_speed_percent"] == 100


def test_where_one_engine_has_too_few_undisturbed_batches_ratios_are_as_experienced(race):
    waiting = {"FAKE_WAITED_NS": "1000000", **LOOKED}
    refused = Contender("zentorch", None, Unsupported("no such convolutions", hint="another"))
    standings = race(
        contender("torch", 1_000_000, **LOOKED), contender("openvino", SPELLS, **waiting), refused
    )
    rows = peer_rows(standings, "undisturbed")
    assert rows[1].ratio.value == pytest.approx(0.75)
    why = "ratios are of what was experienced, since openvino has too few undisturbed batches"
    assert f"! {why}" in peers_text(rows)
    assert peers_as_data(rows)["judged"] == "experienced"


def test_data_for_programs_has_every_figure_with_its_interval(race):
    standings = race(contender("torch", 1_000_000), contender("openvino", 1_000_000))
    data = peers_as_data(peer_rows(standings))
    assert data["reference"] == "torch"
    assert (data["batch_size"], data["instances"], data["rounds"]) == (2, 2, 6)
    theirs = data["engines"][1]
    assert theirs["ratio"] == {"value": 1, "low": 1, "high": 1}
    assert theirs["beyond_noise"] is False
    assert theirs["throughput"]["low"] == pytest.approx(4000)
    assert theirs["latency_ms"]["value"] == pytest.approx(1)
    assert len(theirs["throughput_by_round"]) == 6
    assert theirs["accuracy"] is None


def test_all_engines_are_planned_alike_but_for_the_engine(monkeypatch):
    monkeypatch.setattr(peers, "packages_of", lambda *_: {})
    settings = collect({}, ["BATCH_SIZE=8", "CORES_PER_INSTANCE=1", "WEIGHTS=random"], {})
    ours, theirs = plan_peers(INT8, ("torch", "openvino"), settings, host())
    assert replace(theirs.planned.case, engine="torch") == ours.planned.case
    assert ours.planned.placement == theirs.planned.placement
    assert ours.planned.case.repeat == peers.ROUNDS
    assert str(ours.planned.request["repeat"]) == f"{peers.ROUNDS} (default peers)"
    assert str(ours.planned.request["batch_size"]) == "8 (--set)"


def test_what_an_engine_cannot_run_is_a_contender_without_a_case(monkeypatch):
    monkeypatch.setattr(peers, "packages_of", lambda *_: {})
    name = CaseName("inference", "throughput", "avx_bfloat16")
    (found,) = plan_peers(name, ("onnxruntime",), {}, host())
    assert found.planned is None
    assert "no bf16 convolutions" in found.error.message


def test_a_request_that_cannot_be_right_is_refused_as_a_whole():
    settings = collect({}, ["INSTANCES=1000"], {})
    with pytest.raises(UsageError, match="do not fit"):
        plan_peers(INT8, ("torch", "openvino"), settings, host())


def test_an_engine_may_be_asked_by_a_former_name(monkeypatch):
    monkeypatch.setattr(peers, "packages_of", lambda *_: {})
    ours, theirs = plan_peers(INT8, ("torch-aot", "r50"), {}, host())
    assert (ours.engine, theirs.engine) == ("torch", "r50")
    assert [one.code for one in ours.planned.notices] == ["engine-renamed"]
    assert not theirs.planned.notices


def test_pytorch_and_our_own_kernels_stand_beside_the_peers():
    assert peers.ENGINES_BESIDE == ("torch", "r50", "onnxruntime", "openvino", "zentorch")
