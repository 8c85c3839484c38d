"""What a LoadGen run is asked, in the words of the query-driven MLPerf workflow: its rows beside
those of a case in :mod:`.table`, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from r50bench.errors import UsageError, did_you_mean
from r50bench.load import COMPLIANCE_TESTS, LOADGEN_MODES, SCENARIOS, LoadgenSettings
from r50bench.mlperf_rules import ROUNDS
from r50bench.parameters import Setting, collect
from r50bench.parameters.parameter import (
    Parameter,
    Value,
    device,
    name_of,
    number,
    one_of,
    printable,
    verbosity,
    whole_number,
    yes_or_no,
)

__all__ = ["WORKFLOW", "collect_workflow", "loadgen_of", "why_idle", "without_effect"]

# LoadGen counts in 64 bits, durations and latencies in nanoseconds among them.
_COUNT = whole_number(1, 10**12 - 1)
_POSITIVE = number(above=0, below=10**12)

WORKFLOW: tuple[Parameter, ...] = (
    Parameter(
        name="loadgen_scenario",
        sets="loadgen",
        field="scenario",
        reader=name_of(*SCENARIOS),
        help="How queries come; Offline by default.",
        block="LOADGEN_SCENARIO",
    ),
    Parameter(
        name="loadgen_mode",
        sets="loadgen",
        field="mode",
        reader=name_of(*LOADGEN_MODES),
        help="AccuracyOnly by default.",
        block="LOADGEN_MODE",
    ),
    Parameter(
        name="loadgen_dataset_size",
        sets="loadgen",
        field="dataset_size",
        reader=_COUNT,
        help="Use the first N pictures; all by default.",
        block="LOADGEN_DATASET_SIZE",
    ),
    Parameter(
        name="loadgen_buffer_size",
        sets="loadgen",
        field="buffer_size",
        reader=_COUNT,
        help="Pictures that LoadGen draws from in performance; 1024 by default.",
        block="LOADGEN_BUFFER_SIZE",
    ),
    Parameter(
        name="loadgen_query_count",
        sets="loadgen",
        field="query_count",
        reader=_COUNT,
        help="Least number of queries; MLPerf's by default.",
        inert_under=("score",),
        block="LOADGEN_QUERY_COUNT",
    ),
    Parameter(
        name="loadgen_duration_s",
        sets="loadgen",
        field="duration_s",
        reader=_POSITIVE,
        unit="SECONDS",
        help="Least duration; MLPerf's 600 by default.",
        inert_under=("score",),
        block="LOADGEN_DURATION_S",
    ),
    Parameter(
        name="loadgen_target_qps",
        sets="loadgen",
        field="target_qps",
        reader=_POSITIVE,
        help="Expected throughput (Offline) or offered rate (Server).",
        inert_under=("score",),
        block="LOADGEN_TARGET_QPS",
    ),
    Parameter(
        name="loadgen_target_latency",
        sets="loadgen",
        field="target_latency_ms",
        reader=_POSITIVE,
        unit="MS",
        help="Expected latency (streams) or latency bound (Server: 15).",
        inert_under=("score",),
        block="LOADGEN_TARGET_LATENCY",
    ),
    Parameter(
        name="loadgen_samples_per_query",
        sets="loadgen",
        field="samples_per_query",
        reader=_COUNT,
        help="Samples of a MultiStream query; 8 by default.",
        only_scenario="MultiStream",
        block="LOADGEN_SAMPLES_PER_QUERY",
    ),
    Parameter(
        name="loadgen_multistreamness",
        sets="loadgen",
        field="samples_per_query",
        reader=_COUNT,
        help="Another name of --samples-per-query.",
    ),
    Parameter(
        name="loadgen_server_coalesce_queries",
        sets="loadgen",
        field="server_coalesce_queries",
        reader=yes_or_no,
        only_scenario="Server",
        help="Have LoadGen issue queries that are due together.",
    ),
    Parameter(
        name="loadgen_compliance_test",
        sets="loadgen",
        field="compliance_test",
        reader=name_of(*COMPLIANCE_TESTS),
        help="Run this test of MLPerf's, PerformanceOnly.",
        shorter="--compliance",
        block="LOADGEN_COMPLIANCE_TEST",
    ),
    Parameter(
        name="loadgen_seeds",
        sets="loadgen",
        field="seeds",
        reader=one_of(*ROUNDS),
        help="The round whose official seeds are used; v5.1.",
        block="LOADGEN_SEEDS",
    ),
    Parameter(
        name="loadgen_quick",
        sets="loadgen",
        field="quick",
        reader=yes_or_no,
        help="A run of a few seconds, which does not comply with MLPerf.",
    ),
    Parameter(
        name="sut_name",
        sets="loadgen",
        reader=printable(80, "NAME"),
        help="What to call the system in a submission.",
        block="SUT_NAME",
    ),
    Parameter(
        name="verbosity",
        field="verbose",
        reader=verbosity,
        help="The workflow's name of --verbose.",
    ),
    Parameter(
        name="execution_device",
        field="device",
        reader=device,
        help="The workflow's name of --device.",
    ),
)
"""What the query-driven MLPerf workflow says of a run, under its names: how LoadGen is set, and
other names of a case's parameters."""

_BY_KEY = {row.key: row for row in WORKFLOW}
_STRENGTH = ("environment", "--set", "option")


def collect_workflow(
    options: Mapping[str, str | bool | None], sets: Iterable[str], environ: Mapping[str, str]
) -> tuple[LoadgenSettings, dict[str, Setting]]:
    """Returns how LoadGen is set, and what was asked of the case by parameter name.

    Arguments are those of :func:`r50bench.parameters.collect`; options and ``--set`` texts may
    name rows of :data:`WORKFLOW` too.

    Raises:
        UsageError: an unknown key, a value that is not valid, or what contradicts itself.
    """
    texts, others = _split(sets)
    given = {key: Setting(value, "--set") for key, value in _read(texts).items()}
    by_option = {
        row.key: str(options[row.name]) for row in WORKFLOW if options.get(row.name) is not None
    }
    given |= {key: Setting(value, "option") for key, value in _read(by_option).items()}
    settings = collect(options, others, environ)
    for key, setting in given.items():
        field = _BY_KEY[key].field
        if _BY_KEY[key].sets == "case" and not _is_stronger(settings.get(field), setting):
            settings[field] = setting
    return loadgen_of({key: setting.value for key, setting in given.items()}), settings


def _is_stronger(own: Setting | None, other: Setting) -> bool:
    return own is not None and _STRENGTH.index(own.source) > _STRENGTH.index(other.source)


def _split(sets: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Returns the values of the workflow's keys, and the texts that are about a case."""
    texts: dict[str, str] = {}
    others: list[str] = []
    for text in sets:
        key, equals, value = text.partition("=")
        name = key.strip().lower()
        if equals and (name in _BY_KEY or name.startswith("loadgen_")):
            texts[name] = value
        else:
            others.append(text)
    return texts, others


def _read(texts: Mapping[str, str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for key, text in texts.items():
        if key not in _BY_KEY:
            raise UsageError(
                f"unknown parameter {key!r}",
                hint=did_you_mean(key, _BY_KEY) or f"known: {' '.join(_BY_KEY)}",
            )
        if not text.strip():
            continue
        try:
            values[key] = _BY_KEY[key].parse(text.strip())
        except ValueError as error:
            raise UsageError(
                f"{key}={text}: {error}", hint=f"leave {key} out for its default"
            ) from None
    return values


def loadgen_of(values: Mapping[str, Value]) -> LoadgenSettings:
    """Returns the settings that ``values`` ask for, by the workflow's keys.

    The mode of a compliance test is PerformanceOnly unless another is asked for.

    Raises:
        UsageError: two keys contradict each other, or no run can have such settings.
    """
    rows = [(row, values[row.key]) for row in WORKFLOW if row.key in values]
    chosen: dict[str, Any] = {}
    for row, value in rows:
        if row.sets == "loadgen" and chosen.setdefault(row.field, value) != value:
            raise _contradiction(row, value)
    given = frozenset(chosen)
    if "compliance_test" in given:
        chosen.setdefault("mode", "PerformanceOnly")
    settings = LoadgenSettings(**chosen)
    _refuse_contradictions(settings, given)
    return settings


def why_idle(row: Parameter, settings: LoadgenSettings) -> str:
    """Returns why a value of ``row`` does nothing in a run with ``settings``; empty if it does."""
    if row.only_scenario not in ("", settings.scenario):
        return f"only {row.only_scenario} has it"
    offered = row.field == "target_qps" and settings.scenario == "Server"  # to whatever mode
    if settings.measures or offered or "score" not in row.inert_under:
        return ""
    return f"{settings.mode} times nothing"


def without_effect(settings: LoadgenSettings) -> Iterator[tuple[str, str]]:
    """Yields what ``settings`` ask beside the defaults that does nothing, and why.

    The first is worded as in a query: ``loadgen_duration_s=3``.
    """
    default = LoadgenSettings()
    for row in WORKFLOW:
        if row.sets != "loadgen":
            continue
        value = getattr(settings, row.field)
        if value != getattr(default, row.field) and (why := why_idle(row, settings)):
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            yield f"{row.key}={shown}", why


def _contradiction(row: Parameter, value: Value) -> UsageError:
    first = next(other.key for other in WORKFLOW if other.field == row.field)
    return UsageError(
        f"{row.key}={value} contradicts another name of the same parameter",
        hint=f"{row.key} is {first}: give one of them",
    )


def _refuse_contradictions(settings: LoadgenSettings, given: frozenset[str]) -> None:
    scenario, mode = settings.scenario, settings.mode
    if "target_qps" in given and scenario in ("SingleStream", "MultiStream"):
        raise UsageError(
            f"loadgen_target_qps has no meaning in {scenario}, which sends the next query when the"
            " last is answered",
            hint="the expected latency is loadgen_target_latency, in ms",
        )
    if "target_latency_ms" in given and scenario == "Offline":
        raise UsageError(
            "loadgen_target_latency has no meaning in Offline, which bounds no latency",
            hint="the expected throughput is loadgen_target_qps",
        )
    if settings.compliance_test and mode != "PerformanceOnly":
        raise UsageError(
            f"{settings.compliance_test} is a PerformanceOnly run, not {mode}",
            hint=f"--mode PerformanceOnly --compliance {settings.compliance_test}",
        )
