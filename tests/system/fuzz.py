"""Feeds r50bench generated inputs of every kind that it reads: nothing may raise, hang or be lost.

    python tests/system/fuzz.py --examples 10000 --seed 1
    python tests/system/fuzz.py --only records --examples 2000

Each kind is a function of one generated value. It may refuse it by an error meant for the user;
what it takes, it must have taken whole. ``tests/system/test_fuzz.py`` runs a small slice of each.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import shutil
import signal
import sqlite3
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "src")]

import numpy as np  # noqa: E402
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from PIL import Image  # noqa: E402

from r50bench.assets.decode import decode_all  # noqa: E402
from r50bench.assets.imagenet import open_dataset  # noqa: E402
from r50bench.assets.store import Store  # noqa: E402
from r50bench.case import CASE_TYPES, MODES, CaseName  # noqa: E402
from r50bench.errors import R50BenchError  # noqa: E402
from r50bench.mlperf.query.command import split_command  # noqa: E402
from r50bench.mlperf.query.completion import complete  # noqa: E402
from r50bench.mlperf.query.conditions import condition_of  # noqa: E402
from r50bench.mlperf.query.terms import parse_terms  # noqa: E402
from r50bench.models.checkpoint import read_checkpoint  # noqa: E402
from r50bench.notices import Silent  # noqa: E402
from r50bench.parameters import PARAMETERS, collect  # noqa: E402
from r50bench.parameters.value_lists import expand_numbers, read_axes  # noqa: E402
from r50bench.planning.effective_case import effective_case  # noqa: E402
from r50bench.planning.planned import plan_case  # noqa: E402
from r50bench.precision import PRECISIONS  # noqa: E402
from r50bench.report.kpi_block import block_text, kpi_block  # noqa: E402
from r50bench.results.files import to_json  # noqa: E402
from r50bench.results.history import History  # noqa: E402
from r50bench.results.record import read_record  # noqa: E402
from support import synthetic_hosts  # noqa: E402
from support.records import record_of, samples_of_latencies  # noqa: E402

HANG_S = 20
TEXT = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates, too
HOST = synthetic_hosts.spr_two_sockets()


class Hung(BaseException):
    """An example took longer than HANG_S."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raises Hung where what is inside takes too long."""

    def ring(number: int, frame: object) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """``data`` with some bytes replaced, and perhaps cut short or lengthened."""
    places = st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6)
    cuts = st.one_of(st.just(len(data)), st.integers(0, len(data)))

    def change(replaced: list[tuple[int, int]], cut: int, tail: bytes) -> bytes:
        changed = bytearray(data)
        for place, value in replaced:
            changed[place] = value
        return bytes(changed[:cut]) + tail

    return st.builds(change, places, cuts, st.binary(max_size=20))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def altered(tree: Any) -> st.SearchStrategy[Any]:
    """A tree of JSON with up to three values, anywhere in it, replaced or removed.

    Most get a value of their own type, so that more than the reader's types is tried.
    """

    def change(made: list[tuple[tuple[Any, ...], Any]]) -> Any:
        new = json.loads(json.dumps(tree))
        for path, value in made:
            _replace(new, path, value)
        return new

    def change_at(path: tuple[Any, ...]) -> st.SearchStrategy[tuple[tuple[Any, ...], Any]]:
        return st.tuples(st.just(path), _like(_at(tree, path)))

    return st.lists(st.sampled_from(list(_paths(tree))).flatmap(change_at), max_size=3).map(change)


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Values of the type of ``value``, and some of others."""
    same: st.SearchStrategy[Any] = JSON
    if isinstance(value, bool):
        same = st.booleans()
    elif isinstance(value, int):
        same = st.one_of(st.integers(-3, 10), st.integers(-(2**63), 2**63))
    elif isinstance(value, float):
        same = st.one_of(st.floats(), st.just(0.0))
    elif isinstance(value, str):
        same = st.one_of(TEXT, st.sampled_from(["fp32", "avx_int8", "cuda", "accuracy", "v1", ""]))
    return st.one_of(same, same, same, JSON, st.just(...))


def _paths(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield (*above, key)
        if isinstance(value, (dict, list)):
            yield from _paths(value, (*above, key))


def _replace(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(tree, (dict, list)) or (isinstance(tree, dict) and key not in tree):
            return
        if isinstance(tree, list) and not (isinstance(key, int) and key < len(tree)):
            return
        tree = tree[key]
    last = path[-1]
    if isinstance(tree, dict):
        if value is ...:
            tree.pop(last, None)
        else:
            tree[last] = value
    elif isinstance(tree, list) and isinstance(last, int) and last < len(tree):
        tree[last] = None if value is ... else value


# --- the kinds -------------------------------------------------------------------------------

_PARTS = ("inference", "training", *MODES, *PRECISIONS, "fp32", "int8", *CASE_TYPES, "test", "-")
_DESIGNED = st.tuples(
    st.just("inference"), st.sampled_from(MODES), st.sampled_from([*PRECISIONS, "fp32", "int8"])
).map("_".join)
NAMES = st.one_of(_DESIGNED, st.lists(st.sampled_from(_PARTS), max_size=6).map("_".join), TEXT)


def case_names(text: str) -> None:
    name = CaseName.parse(text)
    assert CaseName.parse(str(name)) == name


_VALUES = st.one_of(
    TEXT,
    st.integers(-(10**13), 10**13).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["auto", "1", "0", "True", "cuda", "v1", "v1.5", "A=1 B='2", "A=1", "8 ... 64"]
    ),
    st.sampled_from(["fp32", "torch", "r50", "fake", "sample"]),
)
_COUNTS = (
    "BATCH_SIZE",
    "STEPS",
    "WARMUP_STEPS",
    "CORES_PER_INSTANCE",
    "INSTANCES",
    "REPEAT",
    "SEED",
)
_FLAGS = ("WEIGHT_SHARING", "FORCE_WEIGHT_SHARING", "ACROSS_NODES", "SKIP_BAD_PICTURES", "VERBOSE")
_SETS = st.one_of(
    st.tuples(st.sampled_from(_COUNTS), st.integers(1, 64).map(str)),
    st.tuples(st.sampled_from(_FLAGS), st.sampled_from(["1", "0", "True", "False"])),
    st.tuples(st.just("ENGINE"), st.sampled_from(["torch", "r50", "fake", "onnxruntime"])),
    st.tuples(st.just("DATA_TYPE"), st.sampled_from(["real", "dummy"])),
    st.tuples(st.sampled_from([row.key for row in PARAMETERS]) | TEXT, _VALUES),
)
SETTINGS = st.tuples(st.one_of(_DESIGNED, _DESIGNED, NAMES), st.lists(_SETS, max_size=4))


def chosen_settings(case_and_values: tuple[str, list[tuple[str, str]]]) -> None:
    name, values = case_and_values
    asked = collect({}, [f"{key}={value}" for key, value in values], {})
    plan = plan_case(effective_case(CaseName.parse(name), asked, HOST), HOST)
    cpus = [cpu for slot in plan.placement.slots for cpu in slot.cpus]
    assert len(cpus) == plan.case.instances * plan.case.cores_per_instance
    assert len(set(cpus)) == len(cpus)


CONFIGURATION = st.lists(
    st.one_of(
        _SETS.map(lambda pair: (f"R50BENCH_{pair[0]}", pair[1])),
        st.tuples(st.sampled_from([name for row in PARAMETERS for name in row.variables]), _VALUES),
        st.tuples(TEXT, TEXT),
    ),
    max_size=4,
)


def configuration(variables: list[tuple[str, str]]) -> None:
    collect({}, (), dict(variables))


LISTS = st.lists(
    _SETS.map("=".join)
    | st.lists(st.integers(1, 64).map(str), min_size=1, max_size=4)
    .map(" ".join)
    .map(lambda values: f"BATCH_SIZE={values} ... 64")
    | st.lists(st.sampled_from(["1", "2", "8", "...", "…", "64", "-1", "10**9", "x"])).map(" ".join)
    | TEXT,
    max_size=3,
)


def value_lists(sets: list[str]) -> None:
    for text in sets:
        try:
            numbers = expand_numbers(text)
        except ValueError:
            continue
        assert all(isinstance(number, int) for number in numbers)
    read_axes(sets)


_WORDS = ["loadgen_output", "mlperf", "accuracy", "loadgen_scenario", "batch_size", "Offline"]
_SIGNS = [">=", "=", "!=", "<", ":=", "?", "-", "'", '"', ",", " ", "75", "1e309", "nan"]
_TERMS = st.lists(st.sampled_from(_WORDS + _SIGNS) | TEXT, max_size=5).map("".join)
_KNOWN_TERMS = st.sampled_from(
    [
        *("loadgen_output", "loadgen_scenario=Offline", "loadgen_mode=AccuracyOnly"),
        *("batch_size=8", "accuracy>=75", "verdict=VALID", "framework=pytorch", "performance>1.5"),
    ]
)
QUERIES = st.one_of(
    st.lists(_KNOWN_TERMS, max_size=4).map(lambda terms: [",".join(terms)]),
    st.lists(_TERMS | _KNOWN_TERMS | st.sampled_from([",", "get", "remove", "count"]), max_size=5),
)


def queries(words: list[str]) -> None:
    command = split_command(words)
    terms = parse_terms(command.terms)
    condition, values = condition_of(terms)
    with sqlite3.connect(":memory:") as memory:
        memory.execute("CREATE TABLE records (facts TEXT, value REAL)")
        memory.execute(f"SELECT 1 FROM records WHERE {condition}", tuple(values))
    memory.close()
    complete(terms, {})


def _jpeg() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 33, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=60)
    return file.getvalue()


PICTURES = st.one_of(mutated(_jpeg()), st.binary(max_size=99))


def pictures(data: bytes) -> None:
    with folder() as place:
        (place / "a.JPEG").write_bytes(data)
        failures = decode_all([place / "a.JPEG"], place / "a.npy", Silent())
        assert len(failures) <= 1
        assert all(reason for _, reason in failures)


_LINES = st.lists(
    st.one_of(
        st.integers(0, 999).map(lambda label: f"gone{label}.JPEG {label}"),
        TEXT.map(lambda text: text.replace("\n", "").replace("\r", "")),
        st.tuples(
            st.sampled_from(["a.JPEG", "./a.JPEG", "gone.JPEG", "b c"]), st.integers(-1, 1001)
        ).map(lambda pair: f"{pair[0]} {pair[1]}"),
    ),
    max_size=4,
)


def label_lists(lines: list[str]) -> None:
    with folder() as root:
        (root / "a.JPEG").touch()
        text = "\n".join(lines)
        (root / "val_map.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
        opened = open_dataset(str(root), Store(root / "cache"), Silent())
        listed = sum(bool(line.strip()) for line in lines)
        assert listed - 1 <= len(opened.pictures) + len(opened.absent) <= listed  # a heading


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, **{"conv1.weight": np.zeros((64, 3, 7, 7), np.float32)})
    return file.getvalue()


def _zip_of_torch() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", _PICKLE)
        archive.writestr("a/data/0", bytes(16))
        archive.writestr("a/byteorder", "little")
    return file.getvalue()


# {'conv1.weight': a tensor of four floats}, as torch.save pickles it.
_PICKLE = (
    b"\x80\x02}q\x00X\x0c\x00\x00\x00conv1.weightq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02"
    b"((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05"
    b"X\x03\x00\x00\x00cpuq\x06K\x04tq\x07QK\x00K\x04\x85q\x08K\x01\x85q\t\x89"
    b"ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
)
_HEADER = json.dumps(
    {"conv1.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
).encode()
_SAFETENSORS = struct.pack("<Q", len(_HEADER)) + _HEADER + bytes(4)
CHECKPOINTS = st.one_of(
    mutated(_npz()[:300]),
    mutated(_zip_of_torch()),
    mutated(_PICKLE),
    mutated(_SAFETENSORS),
    mutated(pickle.dumps({"state_dict": {"conv1.weight": [1.0]}, "epoch": 3})),
    st.binary(max_size=200),
)


def state_dicts(data: bytes) -> None:
    with folder() as place:
        (place / "a.pth").write_bytes(data)
        read_checkpoint(place / "a.pth", "v1.5")


_RECORD = record_of()
_RECORD_TREE = json.loads(to_json(_RECORD))
RECORDS = st.one_of(
    altered(_RECORD_TREE).map(lambda tree: json.dumps(tree).encode()),
    mutated(to_json(_RECORD)),
    JSON.map(lambda tree: json.dumps(tree).encode()),
)


def records(data: bytes) -> None:
    with folder() as place:
        (place / "record.json").write_bytes(data)
        record = read_record(place)
        block_text(kpi_block(record, samples_of_latencies([[10] * 20] * 2)))
        with History(place / "history.sqlite") as history:
            history.add(record, place)
            assert len(history.entries("facts ->> 'status' = ?", ("valid",))) <= 1


def _history() -> bytes:
    with folder() as place:
        with History(place / "history.sqlite") as history:
            history.add(_RECORD, place)
        return (place / "history.sqlite").read_bytes()


_HISTORY = _history()
HISTORIES = mutated(_HISTORY)


def histories(data: bytes) -> None:
    with folder() as place:
        (place / "history.sqlite").write_bytes(data)
        with History(place / "history.sqlite") as history:
            history.entries("facts ->> 'status' = ?", ("valid",))
            history.folder_of("a")


@dataclass(frozen=True)
class Kind:
    """What is generated, and what is done with it."""

    strategy: st.SearchStrategy[Any]
    take: Callable[[Any], None]


KINDS = {
    "case-names": Kind(NAMES, case_names),
    "settings": Kind(SETTINGS, chosen_settings),
    "configuration": Kind(CONFIGURATION, configuration),
    "value-lists": Kind(LISTS, value_lists),
    "queries": Kind(QUERIES, queries),
    "pictures": Kind(PICTURES, pictures),
    "label-lists": Kind(_LINES, label_lists),
    "state-dicts": Kind(CHECKPOINTS, state_dicts),
    "records": Kind(RECORDS, records),
    "histories": Kind(HISTORIES, histories),
}


def feed(kind: Kind, examples: int, start: int, *, quiet: bool = True) -> int:
    """Feeds one kind; returns how many inputs were refused. Raises what should not have been."""
    refused = 0

    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet if quiet else Verbosity.normal,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.strategy)
    def run(value: Any) -> None:
        nonlocal refused
        with bounded():
            try:
                kind.take(value)
            except R50BenchError:
                refused += 1

    run()
    return refused


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=10_000, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, action="append", help="these kinds alone")
    asked = parser.parse_args()
    chosen = asked.only or list(KINDS)
    failed = 0
    os.environ.setdefault("R50BENCH_DATA", tempfile.mkdtemp(prefix="r50bench-fuzz-"))
    for name in chosen:
        began = time.monotonic()
        count = -(-asked.examples // len(chosen))
        try:
            refused = feed(KINDS[name], count, asked.seed, quiet=False)
            said = f"{count} inputs, {refused} refused"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failed += 1
            notes = "\n  ".join(getattr(error, "__notes__", ()))
            said = f"FAILED: {type(error).__name__}: {error}\n  {notes}"
        print(f"{name}: {said}, {time.monotonic() - began:.0f} s", flush=True)
    if os.environ["R50BENCH_DATA"].startswith(tempfile.gettempdir()):
        shutil.rmtree(os.environ["R50BENCH_DATA"], ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
