"""Stored results: exact, whole and valid, or produced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from r50bench.assets.store import Store
from r50bench.errors import RunFailed, Unavailable
from r50bench.host.topology import Host
from r50bench.measure.bench import AssetResolver, Bench
from r50bench.mlperf.plan import plan_mlperf
from r50bench.mlperf.query import answers as answering
from r50bench.mlperf.query import identity
from r50bench.mlperf.query.answers import KIND, Answer, AnswerStore
from r50bench.mlperf.query.completion import complete
from r50bench.mlperf.query.terms import parse_terms
from r50bench.notices import Notice, Silent
from r50bench.planning.planned import Planned
from support import scripted_loadgen, synthetic_hosts
from support.checkpoints import flat_npz

HOST = synthetic_hosts.two_core_vm()


class Warned(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, notice: Notice) -> None:
        self.warnings.append(str(notice))


@dataclass
class Workplace:
    """A store, weights and pictures, and the log of the runs that were acted."""

    root: Path
    store: Store
    progress: Warned

    @property
    def runs(self) -> int:
        log = self.root / "log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def planned(self, terms: str = "", *, host: Host = HOST) -> Planned:
        texts = ["loadgen_output", "engine=fake", f"dataset={self.root / 'pictures'}"]
        if "weights=" not in terms:
            texts.append(f"weights={self.root / 'weights.npz'}")
        texts += filter(None, terms.split(","))
        query = complete(parse_terms(texts), {})
        return plan_mlperf(query.loadgen, query.settings, host)

    def bench(self, host: Host = HOST) -> Bench:
        return Bench(host, AssetResolver(self.store, Silent()), self.root / "runs", self.progress)

    def ask(self, terms: str = "", *, host: Host = HOST) -> Answer:
        run = partial(scripted_loadgen.run_mlperf, bench=self.bench(host))
        answers = AnswerStore(AssetResolver(self.store, self.progress), host, self.progress)
        return answers.answer(self.planned(terms, host=host), run)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.setenv("SCRIPT_LOG", str(tmp_path / "log"))
    flat_npz(tmp_path / "weights.npz")
    folder = tmp_path / "pictures" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.JPEG")
    return Workplace(tmp_path, Store(tmp_path / "cache"), Warned())


def test_what_was_run_is_stored_whole_and_found_again(workplace: Workplace) -> None:
    first = workplace.ask()
    again = workplace.ask("loadgen_dataset_size=20,framework=fake")
    assert (first.produced, again.produced, workplace.runs) == (True, False, 1)
    assert again.record == first.record
    assert again.folder == first.folder
    assert (again.folder / "loadgen" / "mlperf_log_detail.txt").read_text() == "the log\n"
    (run,) = (workplace.root / "runs").iterdir()
    (entry,) = [one for one in workplace.store.entries() if one.kind == KIND]
    assert entry.source["source"] == f"run {run.name}"
    assert entry.source["parts"]["weights"] == first.record.model.sha256


def test_what_decides_a_result_is_found_out_once_where_the_weights_are_kept(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counting(*args: Any) -> identity.Identity:
        asked.append(args)
        return identity.identify(*args)

    monkeypatch.setattr(answering, "identify", counting)
    assert workplace.ask().produced
    assert len(asked) == 1


@pytest.mark.parametrize(
    "terms",
    [
        "loadgen_dataset_size=3",
        "loadgen_mode=PerformanceOnly",
        "loadgen_scenario=SingleStream",
        "precision=bf16",
        "batch_size=2",
        "seed=1",
        "loadgen_seeds=v6.1",
        "customer_env=A=1",
    ],
)
def test_another_parameter_is_another_result(workplace: Workplace, terms: str) -> None:
    one, other = workplace.ask(), workplace.ask(terms)
    assert other.produced
    assert other.folder != one.folder


def test_other_weights_pictures_hosts_and_surroundings_are_other_results(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs_now() -> int:
        workplace.ask()
        workplace.ask()
        return workplace.runs

    assert runs_now() == 1
    flat_npz(workplace.root / "weights.npz", 1.0)
    assert runs_now() == 2
    noise = np.zeros((64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(workplace.root / "pictures" / "n01440764" / "3.JPEG")
    assert runs_now() == 3
    monkeypatch.setenv("FAKE_LATENCIES_NS", "5")
    assert runs_now() == 4
    monkeypatch.setattr(identity, "_version", lambda package: "99")
    assert runs_now() == 5
    workplace.ask(host=replace(HOST, model=99))
    assert workplace.runs == 6


def test_the_load_of_the_moment_is_no_part_of_the_host(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from r50bench.host.snapshot import snapshot

    def moments(host: Host) -> Mapping[str, object]:
        now = next(clock)
        return snapshot(host) | {
            "load_average": now, "running": now, "steal_share": now, "memory_available_bytes": now
        }  # fmt: skip

    clock = iter(range(100))
    monkeypatch.setattr(identity, "snapshot", moments)
    workplace.ask()
    assert not workplace.ask().produced


@pytest.mark.parametrize("ending", ["invalid", "failed"])
def test_a_run_without_a_valid_end_is_never_found(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("SCRIPT_ENDING", ending)
    for _ in range(2):
        with pytest.raises(RunFailed):
            workplace.ask()
    assert workplace.runs == 2
    assert len(list((workplace.root / "runs").iterdir())) == 2  # kept for whoever asks why
    monkeypatch.delenv("SCRIPT_ENDING")
    assert workplace.ask().produced


def test_a_result_that_loadgen_calls_invalid_is_not_stored(workplace: Workplace) -> None:
    def run(planned: Planned) -> object:
        outcome = scripted_loadgen.run_mlperf(planned, workplace.bench())
        loadgen = replace(outcome.record.loadgen, verdict="INVALID", errors=("too short",))
        return replace(outcome, record=replace(outcome.record, loadgen=loadgen))

    answers = AnswerStore(AssetResolver(workplace.store, Silent()), HOST, Silent())
    with pytest.raises(RunFailed, match="INVALID: too short"):
        answers.answer(workplace.planned("loadgen_mode=PerformanceOnly"), run)
    assert not [one for one in workplace.store.entries() if one.kind == KIND]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "loadgen" / "mlperf_log_detail.txt").unlink(),
        lambda folder: (folder / "loadgen" / "mlperf_log_detail.txt").write_text("the Log\n"),
        lambda folder: (folder / "record.json").write_text("{}"),
        lambda folder: (folder / "more").touch(),
    ],
    ids=["missing", "changed", "cut", "added"],
)
def test_a_damaged_result_is_run_again(
    workplace: Workplace, damage: Callable[[Path], None]
) -> None:
    damage(workplace.ask().folder)
    assert workplace.ask().produced
    found = workplace.ask()
    assert not found.produced
    assert workplace.store.verify(found.folder) == ()


def test_weights_that_change_during_the_run_leave_no_result(workplace: Workplace) -> None:
    def run(planned: Planned) -> object:
        flat_npz(workplace.root / "weights.npz", 7.0)
        return scripted_loadgen.run_mlperf(planned, workplace.bench())

    answers = AnswerStore(AssetResolver(workplace.store, Silent()), HOST, Silent())
    with pytest.raises(RunFailed, match="changed while the run was prepared"):
        answers.answer(workplace.planned(), run)
    assert workplace.ask().produced


def test_a_stored_result_is_found_without_the_network(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from r50bench.assets import sources

    def provide(store: Store) -> None:
        store.produce(
            "weights",
            "resnet50-v1-keras-1.0.4",
            lambda entry: np.savez(entry / "resnet50-v1.npz", some=np.zeros(1)),
            {},
        )

    asked: list[str] = []

    def unreachable(url: str, *args: object, **kwargs: object) -> Path:
        asked.append(url)
        raise Unavailable("no route")

    monkeypatch.setattr(sources, "fetch_url", unreachable)
    provide(workplace.store)
    assert workplace.ask("weights=auto").produced
    asked.clear()
    found = workplace.ask("weights=auto")
    assert (found.produced, asked) == (False, [])
    # By name they are the same bytes, and so the same result.
    assert not workplace.ask("weights=v1").produced
