"""``r50bench fleet run``, on nodes that do as they are told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from r50bench.cli import fleet_options
from r50bench.fleet.frames import Begun, Ended, Order, Surveyed, written
from r50bench.fleet.transport import Event, Node
from r50bench.notices import Notice
from r50bench.results.history import History, history_path
from support.command_line import Call
from support.fleet_records import parcel_of
from support.scripted_fleet import DIES, ScriptedFleet, Step, node, steps_of
from support.surveys import survey

INT8 = "inference_throughput_int8"
FP32 = "inference_throughput_fp32"

Fleet = Callable[..., ScriptedFleet]


def told(name: str) -> list[Step]:
    return [
        (0.1, written(Surveyed(msgspec.to_builtins(survey(name))))),
        (0.0, written(Ended(0))),
    ]


def answers(node: Node, order: Order) -> Iterable[Step]:
    """Tells of itself, and answers any case with a record of its own; ``slow`` takes twice."""
    if not order.words:
        return told(node.name)
    if node.name == "mortal":
        return [(0.0, written(Begun(0))), (1.0, DIES)]
    ms = 20.0 if node.name == "slow" else 10.0
    words = re.sub(r"\W+", "_", " ".join(order.words))
    return steps_of(parcel_of(f"{node.name}-{words}", ms=ms))


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fleet:
    """Makes a fleet of nodes by name, found by whatever address, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def made(
        *names: str, script: Callable[[Node, Order], Iterable[Step]] = answers
    ) -> ScriptedFleet:
        fleet = ScriptedFleet([node(name) for name in names], script)
        monkeypatch.setattr(fleet_options, "RayTransport", lambda address: fleet)
        return fleet

    return made


def sent(fleet: ScriptedFleet) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, order.words) for _, name, order in fleet.started if order.words]


def test_the_same_cases_run_on_every_node_and_come_home_into_one_folder_and_history(
    fleet: Fleet, r50bench_here: Call
) -> None:
    made = fleet("fast", "slow")
    answer = r50bench_here(
        "fleet", "run", INT8, FP32, "--batch-size", "8", "--set", "STEPS=20", "--out", "out", "-q"
    )
    assert answer.code == 0, answer.err
    assert sorted(sent(made)) == [
        (name, ("run", case, "--batch-size=8", "--set=STEPS=20"))
        for name in ("fast", "slow")
        for case in (FP32, INT8)
    ]
    assert f"{INT8}: best is fast" in answer.out
    assert re.search(rf"^{INT8} +fast +1600 ± 0 +img/s +100\.0 %$", answer.out, re.MULTILINE)
    assert re.search(r"^ +slow +800\.0 ± 0 +img/s +50\.0 %$", answer.out, re.MULTILINE)
    assert len(list(Path("out").rglob("record.json"))) == 4
    assert Path("out/report.html").is_file()
    with History(history_path()) as history:
        assert len(history.entries()) == 4
    assert made.closed


def test_a_node_that_dies_is_a_row_and_ends_it_with_5_and_the_same_goes_on(
    fleet: Fleet, r50bench_here: Call
) -> None:
    fleet("fast", "mortal")
    answer = r50bench_here("fleet", "run", INT8, "--out", "out", "-q")
    assert answer.code == 5
    assert f"! mortal ({INT8}): the node died" in answer.out
    assert "1 of 2 answers failed; mortal" in answer.err
    assert "the same with --out out tries them again" in answer.err

    def healed(node: Node, order: Order) -> Iterable[Step]:
        return steps_of(parcel_of("healed")) if order.words else told(node.name)

    again = fleet("fast", "mortal", script=healed)
    answer = r50bench_here("fleet", "run", INT8, "--out", "out", "-q")
    assert answer.code == 0
    assert sent(again) == [("mortal", ("run", INT8))]
    assert len(list(Path("out").rglob("record.json"))) == 2


def test_what_a_node_that_does_not_even_tell_of_itself_lacks_is_a_row(
    fleet: Fleet, r50bench_here: Call
) -> None:
    def script(node: Node, order: Order) -> Iterable[Step]:
        if node.name == "bare":
            return [(0.0, written(Ended(failure="r50bench cannot be used there")))]
        return answers(node, order)

    fleet("bare", "fast", script=script)
    answer = r50bench_here("fleet", "run", INT8, "-q")
    assert answer.code == 5
    assert f"! bare ({INT8}): r50bench cannot be used there" in answer.out


def test_where_no_node_answers_nothing_is_begun(fleet: Fleet, r50bench_here: Call) -> None:
    made = fleet("a", script=lambda node, order: [(1.0, DIES)])
    for words in ([INT8], ["--verb", "sweep", "--share", "--", INT8, "--set", "BATCH_SIZE=1 2"]):
        made.alive = [node("a")]
        answer = r50bench_here("fleet", "run", *words)
        assert answer.code == 5
        assert "no node answered; a: the node died" in answer.err
        assert not list(Path("r50bench-fleet").iterdir())


def test_where_no_host_can_run_it_it_ends_with_6(fleet: Fleet, r50bench_here: Call) -> None:
    def script(node: Node, order: Order) -> Iterable[Step]:
        if not order.words:
            return told(node.name)
        tail = ("r50bench: AMD EPYC cannot run amx_int8: it lacks amx_int8", "  hint: …")
        return [(0.0, written(Begun(0))), (1.0, written(Ended(6, tail=tail)))]

    fleet("a", "b", script=script)
    answer = r50bench_here("fleet", "run", "inference_throughput_amx_int8", "-q")
    assert answer.code == 6
    assert "AMD EPYC cannot run amx_int8: it lacks amx_int8" in answer.out


def test_prices_give_images_for_them(fleet: Fleet, r50bench_here: Call, tmp_path: Path) -> None:
    fleet("fast", "slow")
    (tmp_path / "prices").write_text("fast 4\nslow 1\n")
    answer = r50bench_here("fleet", "run", INT8, "--prices", "prices", "--json", "-q")
    (standing,) = json.loads(answer.out)["standings"]
    assert [(cell["node"], cell["images_for_1"]) for cell in standing["cells"]] == [
        ("fast", 1_440_000.0),
        ("slow", 2_880_000.0),
    ]
    (tmp_path / "prices").write_text("fast 4\n")
    answer = r50bench_here("fleet", "run", INT8, "--prices", "prices", "-q")
    assert "no price is given for slow" in answer.err


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["sweep", INT8, "--set", "BATCH_SIZE=1 2", "--fleet", "auto"], None),
        (["sweep", "--fleet=auto", INT8, "--set", "BATCH_SIZE=1 2"], None),
        (["fleet", "run", "--verb", "sweep", "--", INT8, "--set", "BATCH_SIZE=1 2"], None),
        (["tune", INT8, "--budget", "60s", "--FLEET", "auto"], ("tune", INT8, "--budget", "60s")),
        (
            ["mlperf", "--loadgen_scenario=Offline", "--quick", "--fleet", "auto"],
            ("mlperf", "--loadgen_scenario=Offline", "--quick"),
        ),
    ],
)
def test_other_verbs_are_sent_whole_from_either_side(
    fleet: Fleet,
    r50bench_here: Call,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    asked: tuple[str, ...] | None,
) -> None:
    made = fleet("fast", "slow")
    answer = r50bench_here(*words)
    assert answer.code == 0, answer.err
    expected = asked or ("sweep", INT8, "--set", "BATCH_SIZE=1 2")
    assert sent(made) == [("fast", expected), ("slow", expected)]


def test_a_sweep_is_shared_out_only_if_asked_and_says_so(fleet: Fleet, r50bench_here: Call) -> None:
    made = fleet("a", "b")
    answer = r50bench_here(
        "fleet", "run", "--verb", "sweep", "--share", "--", INT8, "--set", "BATCH_SIZE=1 2 4",
        "--steps", "20",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    words = [order for _, order in sent(made)]
    assert sorted(words) == [
        ("run", INT8, "--steps=20", f"--set=BATCH_SIZE={size}") for size in (1, 2, 4)
    ]
    assert "each point is measured on one of 2 twins" in answer.err


def test_a_sweep_is_not_shared_out_among_different_machines(
    fleet: Fleet, r50bench_here: Call
) -> None:
    def script(node: Node, order: Order) -> Iterable[Step]:
        cores = 8 if node.name == "a" else 16
        return [
            (0.1, written(Surveyed(msgspec.to_builtins(survey(node.name, cores=cores))))),
            (0.0, written(Ended(0))),
        ]

    fleet("a", "b", script=script)
    answer = r50bench_here(
        "fleet", "run", "--verb", "sweep", "--share", "--", INT8, "--set", "BATCH_SIZE=1 2"
    )
    assert answer.code == 2
    assert "shared out among twins" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["inference_throughput_int9"], "int9"),
        ([INT8, "--batch-size", "many"], "batch"),
        ([INT8, "--batchsize", "8"], "no such option: --batchsize"),
        (["--verb", "tune", "--", INT8, "--budgt", "3s"], "no such option: --budgt"),
        (["--verb", "sweep", "--", INT8, "--out", "x"], "--out of sweep is not sent to nodes"),
        (["--verb", "sweep", "--", INT8, "-N"], "--dry-run of sweep is not sent"),
        (["--verb", "sweep", "--steps", "3", "--", INT8], "options of sweep stand behind --"),
        (["--share", INT8], "--share is about the points of a sweep"),
        (["--verb", "sweep", "--share", "--", INT8], "names its cases and its points"),
        ([INT8, "--limit", "soon"], "--limit 'soon' is no time"),
        ([INT8, "--prices", "nowhere"], "there is no file nowhere"),
        (["--verb", "cache", "--", "remove"], "cache"),
    ],
)
def test_what_no_node_would_understand_is_refused_before_any_is_asked(
    fleet: Fleet, r50bench_here: Call, words: list[str], said: str
) -> None:
    made = fleet("a")
    answer = r50bench_here("fleet", "run", *words)
    assert answer.code == 2, answer.err
    assert said in answer.err
    assert made.started == []


def test_settings_of_this_shell_do_not_travel_and_are_said_to(
    fleet: Fleet, r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_SIZE", "64")
    made = fleet("a")
    answer = r50bench_here("fleet", "run", INT8)
    assert "BATCH_SIZE=64 has no effect: nodes have their own environment" in answer.err
    assert sent(made) == [("a", ("run", INT8))]


def test_an_interrupt_shows_what_came_home_and_leaves_the_cluster(
    fleet: Fleet, r50bench_here: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fleet("fast")
    events = made.events

    def interrupted(timeout_s: float) -> list[Event]:
        if len(made.started) == 3:
            raise KeyboardInterrupt
        return events(timeout_s)

    monkeypatch.setattr(made, "events", interrupted)
    answer = r50bench_here("fleet", "run", INT8, FP32, "-q")
    assert answer.code == 130
    assert re.search(rf"^{INT8} +fast +1600", answer.out, re.MULTILINE)
    assert re.search(r"^  hint: the same with --out \S+ goes on$", answer.err, re.MULTILINE)
    assert made.closed
    assert made.stopped == [3]


def test_what_the_doctor_finds_on_the_nodes_is_said_before_anything_is_measured(
    fleet: Fleet, r50bench_here: Call
) -> None:
    slowed = Notice("governor", "the governor is powersave", "set it to performance")

    def script(node: Node, order: Order) -> Iterable[Step]:
        if order.words:
            return answers(node, order)
        found = (slowed,) if node.name == "slowed" else ()
        told = msgspec.structs.replace(survey(node.name), findings=found)
        return [(0.1, written(Surveyed(msgspec.to_builtins(told)))), (0.0, written(Ended(0)))]

    fleet("fine", "slowed", script=script)
    answer = r50bench_here("fleet", "run", INT8)
    assert answer.code == 0
    assert "! slowed: the governor is powersave. Mend: set it to performance" in answer.err


def test_without_a_case_the_main_job_is_sent(fleet: Fleet, r50bench_here: Call) -> None:
    made = fleet("a")
    answer = r50bench_here("fleet", "run", "--steps", "20")
    assert answer.code == 0, answer.err
    assert sent(made) == [("a", ("run", "--steps=20"))]
    assert "inference_throughput_avx_int8 torch, batch 8" in answer.out
