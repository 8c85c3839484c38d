"""What there is to choose from."""

from __future__ import annotations

from r50bench.case import CaseName
from r50bench.parameters import collect
from r50bench.planning.effective_case import effective_case
from r50bench.tune.space import Configuration, space_around
from support import synthetic_hosts


def space(name: str, asked: dict[str, list[int | str | bool]] | None = None, *sets: str):
    host = synthetic_hosts.spr_two_sockets()
    case = effective_case(CaseName.parse(name), collect({}, sets, {}), host).case
    return space_around(case, asked or {}, host, lambda one: one.batch_size != 2)


def test_throughput_chooses_batches_and_every_divisor_of_a_nodes_cores() -> None:
    found = space("inference_throughput_int8", None, "ENGINE=fake")
    assert found.batches == (1, 2, 4, 8, 16, 32, 64)
    assert found.cores == (1, 2, 4, 7, 8, 14, 28, 56)
    assert found.allocators == ("auto",)
    assert found.sharings == (False,)
    assert found.engines == ("fake",)
    assert found.start == Configuration(16, 56, "auto", False, "fake")


def test_latency_keeps_its_batch_size() -> None:
    assert space("inference_latency_int8").batches == (1,)


def test_torch_may_share_weights() -> None:
    assert space("inference_throughput_int8").sharings == (False, True)


def test_what_was_asked_is_what_there_is_and_the_start_is_nearest_to_the_default() -> None:
    found = space("inference_throughput_int8", {"batch_size": [4, 32], "cores_per_instance": [7]})
    assert found.batches == (4, 32)
    assert found.cores == (7,)
    assert (found.start.batch_size, found.start.cores_per_instance) == (4, 7)


def test_only_what_is_possible_is_in_the_space() -> None:
    found = space("inference_throughput_int8", {"batch_size": [1, 2], "cores_per_instance": [7]})
    assert {one.batch_size for one in found.all()} == {1}
    assert found.variants(Configuration(2, 7, "auto", False)) == []
