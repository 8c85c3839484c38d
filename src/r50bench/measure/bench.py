"""The bench: what every measurement of one command is given beside the case itself.

Whatever measures makes it with :func:`bench_here`, and says with :func:`announce_host` and
:func:`announce_cases` what is to be known beforehand.

One :class:`AssetResolver` serves all sessions of a command, so that a whole main job runs one
model. What reads pictures, or measures the machine, is imported where a case asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from r50bench.assets.store import Store, default_store, sha256_of
from r50bench.assets.weights import Weights, check_choice, resolve_weights
from r50bench.case import Case, Placement
from r50bench.engines.registry import ENGINES
from r50bench.errors import AssetError, RunFailed, Unsupported, UsageError
from r50bench.host.doctor import examine
from r50bench.host.isa import describe_host
from r50bench.host.topology import Host
from r50bench.notices import Notice, Progress, no_share_of_peak, unsteady_peak
from r50bench.parameters import UNDERSTOOD_VARIABLES
from r50bench.planning.effective_case import EffectiveCase
from r50bench.planning.placement import place
from r50bench.report.kpi_block import tuned_values
from r50bench.results.record import Limit

if TYPE_CHECKING:
    from r50bench.assets.imagenet import Dataset
    from r50bench.assets.preprocess import Pictures
    from r50bench.measure.measured_peak import MeasuredPeak

__all__ = [
    "AssetResolver",
    "Bench",
    "Calibration",
    "announce_cases",
    "announce_host",
    "bench_here",
    "scripted_limit",
]

_DUMMY_CALIBRATION_PICTURES = 20
_MOST_OF_DATASET = 100


@dataclass(frozen=True)
class Calibration:
    """Pictures that int8 is calibrated on: a uint8 array file and a few words for the record."""

    array: Path
    description: str


class AssetResolver:
    """Resolves what cases name, fetching and preparing it where needed."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self.store = store
        self._progress = progress
        self._weights: dict[tuple[str, int], Weights] = {}
        self._datasets: dict[str, Dataset] = {}
        self._pictures: dict[tuple[str, bool], Pictures] = {}
        self._peaks: dict[tuple[int, ...], MeasuredPeak | RunFailed] = {}
        self._canary: Path | RunFailed | None = None
        self._noted: set[str | Notice] = set()

    def check(self, case: Case) -> None:
        """Refuses what ``case`` names and cannot be, before anything is fetched or prepared.

        Raises:
            UsageError: its weights are no file, or random and to be scored; its data set is none.
            AssetError: something of them may not be read.
        """
        check_choice(case.weights, need_real=case.mode == "accuracy")
        self.count_pictures(case)

    def count_pictures(self, case: Case) -> int:
        """Returns how many pictures the data set of ``case`` has, 0 where it is fed dummies.

        The sample is not fetched for it, and nothing is decoded.
        """
        if case.data_type != "real":
            return 0
        from r50bench.assets.imagenet import SAMPLE, SAMPLE_PICTURES

        sample = case.dataset == SAMPLE
        return SAMPLE_PICTURES if sample else len(self._opened(case.dataset).pictures)

    def weights(self, case: Case) -> Weights:
        """Returns the weights of ``case``, resolved once; accuracy takes no random ones."""
        key = (case.weights, case.seed)
        need_real = case.mode == "accuracy"
        found = self._weights.get(key)
        if found is None or (need_real and found.weights == "random"):
            found = self._weights[key] = resolve_weights(
                case.weights, self.store, self._progress, need_real=need_real, seed=case.seed
            )
            if found.weights == "file":
                from r50bench.models.checkpoint import read_checkpoint

                # Read for what it raises: before a minute of compiling, and for every engine.
                read_checkpoint(Path(found.state_dict), found.graph)
        return found

    def pictures(self, case: Case) -> Pictures | None:
        """Returns the pictures ``case`` is fed, or None for dummy input."""
        if case.data_type != "real":
            return None
        return self._prepared(case.dataset, skip_bad=case.skip_bad_pictures)

    def calibration(self, case: Case) -> Calibration:
        """Returns the pictures to calibrate int8 on, disjoint from those scored where possible.

        The 20 sample pictures serve every data set but themselves. Where they cannot be had, the
        first pictures of the case's own data set do, and where it is fed none, seeded dummy ones;
        the record says which.
        """
        from r50bench.assets.imagenet import SAMPLE

        pictures = self.pictures(case)
        try:
            sample = self._prepared(SAMPLE, skip_bad=False)
        except AssetError as error:
            if pictures is not None and case.dataset != SAMPLE:
                return self._excerpt(pictures)
            if case.mode == "accuracy":
                raise
            text = "int8 is calibrated on dummy pictures: no real ones can be had"
            self._progress.warn(Notice("calibration", text, error.hint or ""))
            return self._dummy_calibration(case.seed)
        words = f"{len(sample.labels)} sample pictures"
        if case.mode == "accuracy" and pictures is not None:
            words += f", {_shared(sample, pictures) or 'none'} of them also scored"
        return Calibration(sample.array, words)

    def limit(self, case: Case, host: Host) -> Limit | None:
        """Returns what the cores of the case do at most, measuring it where that was not done yet.

        The fake engine's limit is what its script says, None if nothing.
        """
        placement = place(host, case)
        cpus = tuple(cpu for slot in placement.slots for cpu in slot.cpus)
        if ENGINES[case.engine].scripted:
            return scripted_limit(case, cpus)
        if case.device == "cuda":
            return self._gpu_limit(case, host, placement)
        from r50bench.measure.measured_peak import limit_of

        if cpus not in self._peaks:
            try:
                self._peaks[cpus] = self._peak(host, cpus)
            except RunFailed as error:  # asked again for each case, and no wiser then
                self._peaks[cpus] = error
        found = self._peaks[cpus]
        if isinstance(found, RunFailed):
            raise found
        return limit_of(found, case.precision)

    def _peak(self, host: Host, cpus: tuple[int, ...]) -> MeasuredPeak:
        if host.emulated_on:
            raise RunFailed(
                f"an emulated {host.arch} has none", hint="measure on a CPU of that architecture"
            )
        from r50bench.measure.measured_peak import known_peak

        known = known_peak(host, cpus, self.store)
        if known is not None:
            return known
        from r50bench.measure.peak_program import ensure_peak  # once a boot

        return ensure_peak(host, cpus, self.store, self._progress)

    def _gpu_limit(self, case: Case, host: Host, placement: Placement) -> Limit:
        from r50bench.engines.environment import worker_environment
        from r50bench.measure.gpu_peak import gpu_limit
        from r50bench.measure.gpus import gpus_of

        environment = worker_environment(case, host, os.environ)
        gpus = gpus_of(placement, host)
        return gpu_limit(gpus, case.precision, environment, self.store, host, self._progress)

    def limit_if_known(self, case: Case, host: Host) -> Limit | Notice | None:
        """Like :meth:`limit`, but where that raises, a notice that says why.

        That is told once, and so is that the limit may be too low.
        """
        try:
            limit = self.limit(case, host)
        except (RunFailed, Unsupported) as error:
            return self._told(no_share_of_peak(error.message, error.hint or ""))
        if limit is not None and not limit.steady:
            self._told(unsteady_peak())
        return limit

    def _told(self, notice: Notice) -> Notice:
        if notice not in self._noted:
            self._noted.add(notice)
            self._progress.warn(notice)
        return notice

    def canary(self, host: Host) -> tuple[Path | None, str]:
        """Returns the library that looks at cores between batches, or None and a clause why not.

        A note says so too, once.
        """
        if self._canary is None:
            try:
                self._canary = _canary_library(host, self.store, self._progress)
            except RunFailed as error:  # asked again for each case, and no wiser then
                self._canary = error
        if isinstance(self._canary, RunFailed):
            self._note("no canary", self._canary)
            return None, self._canary.message
        return self._canary, ""

    def _note(self, what: str, error: RunFailed | Unsupported) -> None:
        """Says, once, what there is none of, and why."""
        sentence = f"{what}: {'; '.join(filter(None, (error.message, error.hint)))}"
        if sentence not in self._noted:
            self._noted.add(sentence)
            self._progress.note(sentence)

    def _excerpt(self, pictures: Pictures) -> Calibration:
        count = min(len(pictures.labels), _MOST_OF_DATASET)

        def make(folder: Path) -> None:
            np.save(folder / "pictures.npy", np.load(pictures.array, mmap_mode="r")[:count])

        folder = self.store.produce(
            "excerpts",
            f"{count}-of-{pictures.sha256[:16]}",
            make,
            {"source": str(pictures.array)},
            self._progress,
        )
        words = f"the first {count} pictures of the data set, which are also scored"
        text = f"int8 is calibrated on {words}: the sample cannot be had"
        self._progress.warn(Notice("calibration", text))
        return Calibration(folder / "pictures.npy", words)

    def _prepared(self, dataset: str, *, skip_bad: bool) -> Pictures:
        key = (dataset, skip_bad)
        if key not in self._pictures:
            from r50bench.assets.preprocess import preprocess

            opened = self._opened(dataset)
            self._pictures[key] = preprocess(opened, self.store, self._progress, skip_bad=skip_bad)
        return self._pictures[key]

    def _opened(self, dataset: str) -> Dataset:
        if dataset not in self._datasets:
            from r50bench.assets.imagenet import open_dataset

            self._datasets[dataset] = open_dataset(dataset, self.store, self._progress)
        return self._datasets[dataset]

    def _dummy_calibration(self, seed: int) -> Calibration:
        from r50bench.assets.preprocess import dummy_pictures

        count = _DUMMY_CALIBRATION_PICTURES

        def make(folder: Path) -> None:
            np.save(folder / "pictures.npy", dummy_pictures(count, seed))

        folder = self.store.produce(
            "dummy-pictures", f"{count}-seed-{seed}", make, {"source": f"seed {seed}"}
        )
        return Calibration(folder / "pictures.npy", f"{count} dummy pictures")


def _shared(some: Pictures, others: Pictures) -> int:
    """Returns how many of ``others`` are in ``some`` too, by their first two rows of pixels."""

    def heads(pictures: Pictures) -> list[bytes]:
        return [picture[:2].tobytes() for picture in np.load(pictures.array, mmap_mode="r")]

    known = set(heads(some))
    return sum(head in known for head in heads(others))


def _canary_library(host: Host, store: Store, progress: Progress) -> Path:
    """Returns the library of the loop that looks at the cores, built where it is not kept already.

    Raises:
        EngineError: there is no C++ compiler and no library kept, or it cannot be built.
    """
    from r50bench.engines.preparation import builder_of, digest
    from r50bench.host.toolchain import Compiler, compile_here
    from r50bench.measure.until_reboot import CANARY

    what = "the loop that looks at the cores between batches"

    def make(folder: Path, compiler: Compiler) -> None:
        from r50bench.host.canary import build_command  # built once

        progress.phase(f"building {what}")
        compile_here(build_command(compiler.words, CANARY, folder / "canary.so"), what)

    source = sha256_of(CANARY)
    purpose = "whether cores are at full speed is not known"
    stem = f"{host.arch}-{digest(source)}"
    builder = builder_of("canaries", stem, store, os.environ, purpose)
    provenance = {"source": f"{CANARY.name}, sha256 {source}"}
    folder, _ = builder.built(store, make, provenance, progress)
    return folder / "canary.so"


def scripted_limit(case: Case, cpus: tuple[int, ...]) -> Limit | None:
    """Returns the limit that the fake engine's script claims, None where it claims none.

    ``FAKE_PEAK="GOP_PER_S,GB_PER_S"`` in CUSTOMER_ENV.

    Raises:
        UsageError: the variable is something else.
    """
    text = dict(case.customer_env).get("FAKE_PEAK")
    if text is None:
        return None
    try:
        compute, memory = (float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            f"FAKE_PEAK={text!r} is no peak", hint="operations and bytes per second, in 1e9: 950,23"
        ) from None
    return Limit("fake", compute, memory, memory, cpus, "")


@dataclass(frozen=True)
class Bench:
    """Where cases run, what they run with, where their records go and who is told.

    ``assets`` resolves each weight, picture and peak once for all that is measured here.
    ``findings`` are the doctor's, of the moment before anything was compiled or measured, which
    would itself be taken for others' work. ``invocation`` goes into every record.
    """

    host: Host
    assets: AssetResolver
    out: Path
    progress: Progress
    findings: tuple[Notice, ...] = ()
    invocation: str | None = None


def bench_here(
    host: Host, out: Path, progress: Progress, assets: AssetResolver | None = None
) -> Bench:
    """Returns the bench of this process on ``host``, with what the doctor finds now.

    ``assets`` are given where something was resolved before; by default none was.
    """
    findings = examine(host, understood=UNDERSTOOD_VARIABLES)
    assets = assets or AssetResolver(default_store(), progress)
    return Bench(host, assets, out, progress, findings)


def announce_host(bench: Bench) -> None:
    """Says where it runs and what hurts there: the beginning of all that measures."""
    bench.progress.note(describe_host(bench.host))
    for finding in bench.findings:
        bench.progress.warn(finding)


def announce_cases(
    cases: Iterable[EffectiveCase], progress: Progress, notices: Iterable[Notice] = ()
) -> None:
    """Says ``notices`` and what each case is told, each sentence once, and what of it was tuned."""
    cases = tuple(cases)
    told = (notice for case in cases for notice in case.notices)
    for notice in dict.fromkeys((*notices, *told)):
        progress.warn(notice)
    for case in cases:
        if words := tuned_values(case.request):
            progress.note(f"{case.case.name}: {words}; --no-tuned takes the defaults")
