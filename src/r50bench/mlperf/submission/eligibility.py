"""Which runs may be submitted, and what each lacks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from r50bench.engines.registry import recorded_engine
from r50bench.errors import R50BenchError
from r50bench.load import COMPLIANCE_TESTS, SCENARIOS
from r50bench.mlperf.run.logs import SUMMARY_LOG
from r50bench.mlperf.run.official_settings import least_duration
from r50bench.mlperf.submission.runs import ACCURACY, PERFORMANCE, Run, asked_of_loadgen
from r50bench.mlperf_rules import COMPLETE_DATASET, DEFAULT_ROUND, ROUNDS, Round, round_of
from r50bench.results.files import read_bounded
from r50bench.results.kpi import accuracy_percent
from r50bench.results.record import Record

__all__ = ["Objection", "again", "objections_to_run", "objections_to_set", "without"]

_OTHER_TYPE = 'leave its runs out, or say "system_type": "datacenter,edge" in the --system file'


@dataclass(frozen=True)
class Objection:
    """Why a run, or the set of runs, cannot be submitted.

    ``subject`` is the record's id or the scenario; ``mend`` says what to do. ``shortened`` marks
    what only makes a run too small: in the open division such runs are still laid out, as a tree
    that is labelled not compliant.
    """

    subject: str
    text: str
    mend: str
    shortened: bool = False


def objections_to_run(run: Run, version: str, division: str) -> list[Objection]:
    """Returns all that MLPerf would hold against one run."""
    official = round_of(version)
    found = [*_faults(run, official, division)]
    if ACCURACY in run.parts:
        found += _accuracy_objections(run, official, division)
    if run.parts != (ACCURACY,):
        found += _performance_objections(run, official)
    return found


def _faults(run: Run, official: Round, division: str) -> Iterator[Objection]:
    """Yields what makes a run of any size worthless."""
    identity, case = run.record.id, run.record.case
    for error in run.log.errors:
        yield Objection(identity, f"LoadGen reported an error: {error}", "run it again")
    qsl, index, schedule = (
        run.count(f"effective_{name}_rng_seed") for name in ("qsl", "sample_index", "schedule")
    )
    seeds = (qsl, index, schedule)
    if seeds != official.seeds:
        names_of = {round_.seeds: name for name, round_ in ROUNDS.items()}
        yield Objection(
            identity,
            f"it ran with the seeds of {names_of.get(seeds, 'no round')}, not of {official.name}",
            f"run it again with --seeds {official.name}",
        )
    if run.record.model is None or run.record.engine is None or run.record.data is None:
        yield Objection(identity, "its record names no model, engine or data", "run it again")
    elif run.record.data.kind != "real":
        yield Objection(identity, "it was fed dummy data", "run it on pictures")
    elif division == "closed" and run.record.model.graph != "v1.5":
        yield Objection(
            identity,
            f"it ran ResNet-50 {run.record.model.graph}, and the reference model is v1.5",
            "run v1.5 weights, or submit to the open division",
        )
    if recorded_engine(case.engine).scripted:
        yield Objection(
            identity, "the fake engine ran no model", "run it with a real engine", shortened=True
        )
    for name in ("user.conf", SUMMARY_LOG):
        if why := _unfit(run.logs / name):
            yield Objection(identity, why, "run it again")


def _unfit(file: Path) -> str | None:
    """Returns why a file cannot be handed in, None where it can."""
    try:
        return None if read_bounded(file).strip() else f"its {file.name} is empty"
    except FileNotFoundError:
        return f"its {file.name} is missing"
    except R50BenchError as error:
        return f"its {file.name} cannot be read: {error.message}"


def _accuracy_objections(run: Run, official: Round, division: str) -> Iterator[Objection]:
    identity, accuracy = run.record.id, run.record.accuracy
    if accuracy is None or accuracy.total < 1:
        yield Objection(identity, "its record has no accuracy", "run it again")
        return
    pictures = run.count("effective_accuracy_sample_count")
    answered = {picture for picture, _ in run.answers()}
    if not accuracy.total == pictures == len(answered):
        yield Objection(
            identity,
            f"its record counts {accuracy.total} pictures, LoadGen {pictures}, and"
            f" {len(answered)} were answered",
            "run it again",
        )
    if pictures != COMPLETE_DATASET:
        yield Objection(
            identity,
            f"{pictures:,} pictures were scored, not {COMPLETE_DATASET:,}",
            "run AccuracyOnly on the whole validation set",
            shortened=True,
        )
    percent, target = accuracy_percent(accuracy), official.accuracy_target_percent
    if division == "closed" and float(percent) < target:
        yield Objection(
            identity,
            f"accuracy {percent} % is below the {target} % of the closed division",
            "take more accurate weights or precision, or the open division",
        )


def _performance_objections(run: Run, official: Round) -> Iterator[Objection]:
    identity = run.record.id
    if run.log.verdict != "VALID":
        why = run.log.reason or "it gives no reason"
        verdict = run.log.verdict or "without a verdict"
        yield Objection(identity, f"LoadGen leaves the result {verdict}: {why}", "run it again")
    bound = run.count("effective_target_latency_ns")
    most = round(official.server_bound_ms * 1e6)
    if run.scenario == "Server" and bound > most:
        yield Objection(
            identity,
            f"its latency bound was {bound / 1e6:.10g} ms, above {official.server_bound_ms:g} ms",
            "leave the bound at its default",
        )
    samples = run.count("effective_samples_per_query")
    if run.scenario == "MultiStream" and samples != official.samples_per_query:
        yield Objection(
            identity,
            f"{samples} samples per query, not {official.samples_per_query}",
            "leave the samples per query at their default",
        )
    for name, found, least in _sizes(run, official):
        if found < least:
            yield Objection(
                identity,
                f"{name} {found:,}, not {least:,} or more",
                "run it at its official length",
                shortened=True,
            )


def _sizes(run: Run, official: Round) -> Iterator[tuple[str, int, int]]:
    """Yields (name, what the run had, the least that is official)."""
    duration_ms = round(official.duration_s * 1e3)
    yield "least duration in ms", run.count("effective_min_duration_ms"), duration_ms
    loaded = run.count("effective_performance_sample_count")
    yield "pictures held at a time", loaded, official.performance_pictures
    if run.scenario == "Offline":
        yield "samples", run.count("effective_samples_per_query"), official.counts["Offline"]
    if run.scenario == "MultiStream":
        yield (
            "least queries",
            run.count("effective_min_query_count"),
            official.counts["MultiStream"],
        )


def again(refused: Record, official: Round, division: str, system_type: str) -> str:
    """Returns how to run again what failed, so that it can be submitted then; or not at all."""
    asked = asked_of_loadgen(refused)
    assert asked is not None
    closed = division == "closed"
    if closed and asked.scenario not in official.required_scenarios.get(system_type, ()):
        return _OTHER_TYPE
    changes = []
    if recorded_engine(refused.case.engine).scripted:
        changes.append("with a real engine")
    if closed and refused.model is not None and refused.model.graph != "v1.5":
        changes.append("with v1.5 weights")
    if asked.seeds != official.name:
        changes.append(f"with --seeds {official.name}")
    if closed and asked.measures and least_duration(asked).value < official.duration_s:
        changes.append("at its official length")
    return " ".join(["run it again", ", ".join(changes)]).rstrip()


def without(refused: Record, runs: Sequence[Run], division: str) -> str:
    """Returns how a submission does without a record that is refused; empty if it cannot.

    ``runs`` are those that can be submitted.
    """
    asked = asked_of_loadgen(refused)
    if asked is None or asked.mode == "FindPeakPerformance":
        return "leave it out"
    for run in runs:
        if (kept := asked_of_loadgen(run.record)) and kept.name == asked.name:
            return f"leave it out: {run.record.id} is the same, and valid"
    if division != "open":
        return ""
    if asked.compliance_test:
        return "leave it out: the open division asks for no compliance runs"
    others = [run.record.id for run in runs if run.scenario == asked.scenario]
    also = f", and so {', '.join(others)}" if others else ""
    return f"leave {asked.scenario} out: this run{also}" if len(others) < len(runs) else ""


def objections_to_set(
    runs: Sequence[Run], version: str, division: str, system_type: str
) -> list[Objection]:
    """Returns what the runs lack together: parts that are missing, doubled, or do not match."""
    return [
        *_differences(runs),
        *(found for name in SCENARIOS for found in _scenario_objections(name, runs, division)),
        *(_missing_scenarios(runs, version, system_type) if division == "closed" else ()),
    ]


def _scenario_objections(scenario: str, runs: Sequence[Run], division: str) -> Iterator[Objection]:
    here = [run for run in runs if run.scenario == scenario]
    if not here:
        return
    optional = COMPLIANCE_TESTS if division == "open" else ()
    for part in (ACCURACY, PERFORMANCE, *COMPLIANCE_TESTS):
        found = [run.record.id for run in here if part in run.parts]
        if len(found) > 1:
            yield Objection(
                scenario,
                f"{len(found)} runs give its {part}: {', '.join(found)}",
                f"leave out all but one: the newest is {max(found)}",
            )
        if not found and part not in optional:
            mend = f"add one: {_command(scenario, part, here[0].record)}"
            if division == "open" and len(here) < len(runs):
                ids = ", ".join(run.record.id for run in here)
                mend += f"; or leave {scenario} out, which is {ids}"
            yield Objection(scenario, f"no {part} run", mend)
    yield from _mixtures(scenario, here)


def _mixtures(scenario: str, runs: Sequence[Run]) -> Iterator[Objection]:
    """Yields what differs between the runs of one scenario, which are one implementation."""
    for name in ("precision", "engine", "device"):
        found = {str(getattr(run.record.case, name)) for run in runs}
        if len(found) > 1:
            yield Objection(
                scenario,
                f"its runs differ in {name}: {', '.join(sorted(found))}",
                "submit runs of one implementation",
            )


def _missing_scenarios(runs: Sequence[Run], version: str, system_type: str) -> Iterator[Objection]:
    required = round_of(version).required_scenarios.get(system_type, ())
    present = {run.scenario for run in runs}
    for scenario in required:
        if scenario not in present:
            yield Objection(
                scenario,
                f"the closed division asks it of a system of type {system_type}",
                "add its runs, or submit to the open division",
            )
    for scenario in sorted(present - set(required)):
        yield Objection(
            scenario,
            f"a system of type {system_type} does not have it",
            _OTHER_TYPE,
        )


def _differences(runs: Sequence[Run]) -> Iterator[Objection]:
    """Yields what shows that not all runs are of one system and one model."""
    identities = [_identity(run) for run in runs]
    for name in identities[0] if identities else ():
        found = sorted({identity[name] for identity in identities})
        if len(found) > 1:
            yield Objection(
                "all runs",
                f"the {name} differs: {', '.join(found)}",
                "submit runs of one system and one model",
            )


def _identity(run: Run) -> dict[str, str]:
    record = run.record
    host = record.host
    return {
        "host": str(host.get("fingerprint", "unknown")),
        "processor": str(host.get("model_name")),
        "number of cores": str(host.get("cores")),
        "weights": record.model.sha256 if record.model else "none",
        "framework": record.engine.version if record.engine else "none",
        "r50bench": record.r50bench_version,
    }


def _command(scenario: str, part: str, beside: Record) -> str:
    """Returns what runs a missing part as ``beside``, another of the scenario, was run."""
    case, asked = beside.case, asked_of_loadgen(beside)
    assert asked is not None
    options = {
        "scenario": scenario,
        "mode": "AccuracyOnly" if part == ACCURACY else "PerformanceOnly",
        "compliance-test": part if part in COMPLIANCE_TESTS else None,
        "precision": case.precision,
        "engine": case.engine,
        "device": case.device if case.device != "cpu" else None,
        "weights": case.weights if case.weights != "auto" else None,
        "dataset": case.dataset if case.dataset != "sample" else None,
        "seeds": asked.seeds if asked.seeds != DEFAULT_ROUND.name else None,
    }
    words = (f"--{name} {shlex.quote(word)}" for name, word in options.items() if word)
    return " ".join(["r50bench mlperf", *words])
