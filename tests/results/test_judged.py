"""Which figure processes are judged by, and what is said where they have none."""

from __future__ import annotations

from r50bench.results.judged import judged_figure, judged_where_all_can, undisturbed_of
from r50bench.results.kpi import ACCURACY, LATENCY, THROUGHPUT, Kpi, by_name
from support.measured_runs import looked_at, run_of


def figures(value: float | None, **looked: float) -> dict[str, Kpi]:
    return by_name(looked_at(run_of(100.0), value, **looked).figures)


NOBODY_LOOKED = by_name(run_of(100.0).figures)


def test_a_process_is_judged_by_all_batches_or_by_the_undisturbed_ones() -> None:
    found = figures(298.0)
    values = [judged_figure(found, THROUGHPUT, one) for one in ("experienced", "undisturbed")]
    assert [one and (one.name, one.value) for one in values] == [
        ("Average Throughput", 100.0),
        ("Undisturbed Throughput", 298.0),
    ]
    latency = by_name(looked_at(run_of(5.0, "latency"), 4.0).figures)
    alone = judged_figure(latency, LATENCY, "undisturbed")
    assert alone is not None
    assert (alone.name, alone.value) == ("Undisturbed Latency", 4.0)


def test_too_few_undisturbed_batches_or_no_look_at_all_give_no_figure_to_judge() -> None:
    assert judged_figure(figures(None), THROUGHPUT, "undisturbed") is None
    assert judged_figure(NOBODY_LOOKED, THROUGHPUT, "undisturbed") is None
    assert judged_figure(NOBODY_LOOKED, "Samples per Second", "undisturbed") is None


def test_accuracy_is_counted_whatever_the_cores_do() -> None:
    counted = judged_figure(by_name(run_of(95.0, "accuracy").figures), ACCURACY, "undisturbed")
    assert counted is not None
    assert counted.value == 95.0


def test_of_several_processes_the_batches_count_together() -> None:
    found = undisturbed_of(
        [figures(298.0, full_speed=80, passed=70), figures(None, full_speed=20, passed=2)],
        THROUGHPUT,
    )
    assert (found.processes, found.enough) == (2, 1)
    assert (found.full_speed, found.passed) == (0.5, 0.36)
    assert found.words == (
        "1 of 2 processes had enough undisturbed batches, cores at full speed in 50 % of all"
    )
    assert found.too_few
    assert found.seldom


def test_two_processes_are_enough_and_so_is_the_only_one() -> None:
    some = [figures(298.0), figures(299.0), figures(None)]
    assert not undisturbed_of(some, THROUGHPUT).too_few
    assert not undisturbed_of(some[:1], THROUGHPUT).too_few
    assert undisturbed_of(some[2:], THROUGHPUT).too_few


def test_without_a_look_it_is_said_that_nothing_looked() -> None:
    found = undisturbed_of([NOBODY_LOOKED], THROUGHPUT)
    assert (found.full_speed, found.passed, found.seldom) == (None, None, False)
    assert found.words == (
        "0 of 1 process had enough undisturbed batches, as nothing looked at the cores"
    )


def test_candidates_are_ranked_undisturbed_where_every_one_can_be() -> None:
    able, unable = figures(298.0), figures(None)
    assert judged_where_all_can({"a": able, "b": able}, THROUGHPUT) == ("undisturbed", "")
    assert judged_where_all_can({"a": able, "b": unable}, THROUGHPUT) == (
        "experienced",
        "b has too few undisturbed batches",
    )
    many = dict.fromkeys("bcde", unable)
    assert judged_where_all_can({"a": able} | many, THROUGHPUT)[1].startswith("4 of 5 have too few")
