"""``r50bench mlperf``: one scenario of MLPerf's LoadGen, answered by this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec

from r50bench.assets.store import default_store
from r50bench.cli.options import (
    collect_settings,
    dry_run_option,
    full_option,
    json_option,
    options_of,
    out_option,
    quiet_option,
    set_option,
)
from r50bench.cli.plan_text import describe_host, describe_plan, plan_as_data
from r50bench.cli.shell import remember, write_kpi_file
from r50bench.errors import RunFailed
from r50bench.host import topology
from r50bench.host.topology import Host
from r50bench.loadgen_settings import (
    COMPLIANCE_TESTS,
    LOADGEN_KEYS,
    LOADGEN_MODES,
    OFFICIAL_SEEDS,
    SCENARIOS,
    LoadgenSettings,
    parse_loadgen,
)
from r50bench.measure.session import Outcome
from r50bench.mlperf.offline_beside import offline_beside
from r50bench.mlperf.plan import PlannedMlperf, plan_mlperf, run_mlperf
from r50bench.report.kpi_block import block_text, kpi_block
from r50bench.report.loadgen import mlperf_text
from r50bench.report.terminal import TerminalProgress
from r50bench.results.history import History, history_path
from r50bench.results.record import Record

__all__ = ["mlperf"]


_OPTIONS = (
    ("scenario", "|".join(SCENARIOS), "How queries come; Offline by default."),
    ("mode", "|".join(LOADGEN_MODES), "AccuracyOnly by default."),
    ("dataset_size", "N", "Use the first N pictures; all by default."),
    ("buffer_size", "N", "Pictures that LoadGen draws from in performance; 1024 by default."),
    ("query_count", "N", "Least number of queries; MLPerf's by default."),
    ("duration_s", "SECONDS", "Least duration; MLPerf's 600 by default."),
    ("target_qps", "X", "Expected throughput (Offline) or offered rate (Server)."),
    ("target_latency", "MS", "Expected latency (streams) or latency bound (Server: 15)."),
    ("samples_per_query", "N", "Samples of a MultiStream query; 8 by default."),
    ("multistreamness", "N", "Another name of --samples-per-query."),
    ("server_coalesce_queries", "BOOL", "Have LoadGen issue queries that are due together."),
    ("compliance_test", "|".join(COMPLIANCE_TESTS), "Run this test of MLPerf's, PerformanceOnly."),
    ("seeds", "|".join(OFFICIAL_SEEDS), "The round whose official seeds are used; v5.1."),
)
_SHORTER = {"compliance_test": ("--compliance",)}
_PARAMETERS = (
    "precision",
    "batch_size",
    "cores_per_instance",
    "instances",
    "across_nodes",
    "warmup_steps",
    "timeout_s",
    "dataset",
    "skip_bad_pictures",
    "weights",
    "engine",
    "device",
    "allocator",
    "seed",
    "customer_env",
    "matmul_min_dim",
    "verbose",
)


def _loadgen_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds LoadGen's parameters, each also under the query-driven workflow's own name."""
    for name, metavar, text in reversed(_OPTIONS):
        short = "--" + name.removesuffix("_s").replace("_", "-")
        names = dict.fromkeys(
            [*_SHORTER.get(name, ()), short, f"--loadgen-{name.replace('_', '-')}"]
        )
        command = click.option(*names, f"loadgen_{name}", metavar=metavar, help=text)(command)
    return command


@click.command("mlperf", epilog="Empty values mean the default.")
@_loadgen_options
@click.option("--sut-name", metavar="NAME", help="What to call the system in a submission.")
@click.option(
    "--verbosity", type=click.IntRange(0), metavar="N", help="The workflow's name of --verbose."
)
@click.option(
    "--quick", is_flag=True, help="A run of a few seconds, which does not comply with MLPerf."
)
@dry_run_option("what would run and where")
@full_option
@json_option("the record")
@out_option("the record goes")
@quiet_option
@set_option("Set a parameter by name, such as loadgen_target_qps=100 or BATCH_SIZE=8.")
@options_of(_PARAMETERS)
def mlperf(
    quick: bool,
    verbosity: int | None,
    dry_run: bool,
    full: bool,
    as_json: bool,
    out: Path,
    quiet: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Runs MLPerf's LoadGen on this machine: one scenario, one mode, ResNet-50.

    LoadGen judges the run itself; its logs and user.conf lie in the record's folder. Durations and
    counts are MLPerf's official ones unless --quick, --duration or --query-count shorten them, and
    a shortened run says so wherever it appears. A target that is not given is measured first.

    The options of LoadGen also go by the names of the query-driven workflow, as
    --loadgen-target-qps 100 or --set loadgen_target_qps=100; the other parameters are those of
    'r50bench run'. The precision is fp32 unless given.
    """
    if verbosity is not None:
        options["verbose"] = options["verbose"] or verbosity > 0
    loadgen, others = _read(options, sets, quick=quick)
    host = topology.read_host()
    planned = plan_mlperf(loadgen, collect_settings(_beside(options), others), host)
    if dry_run:
        _show_plan(planned, host, as_json=as_json)
        return
    _run(planned, host, out, as_json=as_json, quiet=quiet, full=full)


def _read(
    options: Mapping[str, str | bool | None], sets: Sequence[str], *, quick: bool
) -> tuple[LoadgenSettings, list[str]]:
    """Returns LoadGen's settings, and the ``--set`` texts that are about other parameters."""
    values: dict[str, str] = {"loadgen_quick": "True"} if quick else {}
    others = []
    for text in sets:
        key, equals, value = text.partition("=")
        name = key.strip().lower()
        if equals and (name in LOADGEN_KEYS or name.startswith("loadgen_")):
            values[name] = value
        elif equals and name == "verbosity":
            others.append(f"VERBOSE={_verbose(value)}")
        else:
            others.append(text)
    values |= {key: str(options[key]) for key in LOADGEN_KEYS if options.get(key) is not None}
    return parse_loadgen(values), others


def _verbose(verbosity: str) -> str:
    """Returns what VERBOSE is for a level of the workflow's, whatever else for what is none."""
    return str(int(verbosity) > 0) if verbosity.strip().isdecimal() else verbosity


def _beside(options: Mapping[str, str | bool | None]) -> dict[str, str | bool | None]:
    return {name: value for name, value in options.items() if name not in LOADGEN_KEYS}


def _show_plan(planned: PlannedMlperf, host: Host, *, as_json: bool) -> None:
    effective, placement = planned.effective, planned.planned.placement
    if as_json:
        plan = plan_as_data(effective, placement, effective.notes)
        data = plan | {"name": planned.name, "loadgen": asdict(planned.loadgen)}
        click.echo(json.dumps(data, indent=2))
        return
    asked = [
        f"  LOADGEN_{name.upper()}  {value}"
        for name, value in asdict(planned.loadgen).items()
        if value not in (None, "", False)
    ]
    plan_text = describe_plan(effective, placement, effective.notes)
    click.echo("\n".join([describe_host(host), "", planned.name, *asked, "", plan_text]))


def _run(
    planned: PlannedMlperf, host: Host, out: Path, *, as_json: bool, quiet: bool, full: bool
) -> None:
    with TerminalProgress(quiet=quiet) as progress:
        progress.note(describe_host(host))
        for note in planned.effective.notes:
            progress.warn(note)
        outcome = run_mlperf(planned, host, default_store(), out, progress, write_kpi_file)
        remember(outcome, progress)
    click.echo(_as_json(outcome) if as_json else _as_text(outcome, full=full), nl=False)
    if outcome.error is not None:
        raise outcome.error


def _as_json(outcome: Outcome) -> str:
    record = outcome.record
    figures = msgspec.to_builtins(kpi_block(record, outcome.samples).kpis)
    data = msgspec.to_builtins(record) | {
        "name": record.name,
        "folder": str(outcome.folder),
        "kpis": figures,
    }
    return json.dumps(data, indent=2) + "\n"


def _as_text(outcome: Outcome, *, full: bool) -> str:
    if full:
        text = block_text(kpi_block(outcome.record, outcome.samples)) + "\n"
    else:
        text = mlperf_text(outcome.record, _offline_beside(outcome.record))
    return f"{text}# record: {outcome.folder}   look again: r50bench kpi {outcome.folder}\n"


def _offline_beside(record: Record) -> Record | None:
    """Returns the Offline run to compare with; None, too, where the history cannot be read."""
    try:
        with History(history_path()) as history:
            return offline_beside(record, history)
    except RunFailed:
        return None
