"""The texts of a submission for people: what ran, what came out, how to run it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from r50bench.load import LoadgenSettings
from r50bench.mlperf.submission.implementation import calibration_of
from r50bench.mlperf.submission.runs import ACCURACY, PERFORMANCE, Run
from r50bench.results.kpi import accuracy_line
from r50bench.results.record import Record

__all__ = ["calibration_text", "code_readme", "label_text", "scenario_readme"]

_HEADLINE = "**NOT COMPLIANT: these are shortened runs, not an MLPerf result.**"


def label_text(reasons: Iterable[str]) -> str:
    """Returns what is said at the head of a labelled tree; empty without a reason."""
    lines = [f"- {reason}" for reason in reasons]
    if not lines:
        return ""
    return "\n".join([_HEADLINE, "", *lines, "", "It must not be submitted or published.", "", ""])


def scenario_readme(runs: Sequence[Run], label: str) -> str:
    """Returns the README.md beside user.conf for the runs of one scenario."""
    first = runs[0].record
    commands = [_command(run) for run in runs]
    return (
        f"# ResNet-50, {runs[0].scenario}\n\n{label}"
        f"{_what_ran(first)}\n\n"
        f"## Results\n\n{_results(runs)}\n\n"
        "## Run it again\n\n"
        "```\n" + "\n".join(commands) + "\n```\n\n"
        f"Records: {', '.join(run.record.id for run in runs)}\n"
    )


def code_readme(record: Record, label: str) -> str:
    """Returns the README.md of the code's folder: which program made the runs."""
    loadgen = record.loadgen.version if record.loadgen else "none"
    return (
        f"# r50bench\n\n{label}"
        f"All runs were made by r50bench {record.r50bench_version} (Apache License 2.0) with"
        f" mlcommons-loadgen {loadgen}.\n"
        "The README.md beside each user.conf gives the commands.\n"
    )


def calibration_text(records: Iterable[Record]) -> str:
    """Returns documentation/calibration.md."""
    by_precision = {record.case.precision: calibration_of(record) for record in records}
    parts = [f"## {name}\n\n{text}\n" for name, text in sorted(by_precision.items())]
    return "# Calibration and quantisation\n\n" + "\n".join(parts)


def _what_ran(record: Record) -> str:
    case, model = record.case, record.model
    assert model is not None
    rows = {
        "model": f"ResNet-50 {model.graph}, weights {model.source}",
        "sha256 of the weights": model.sha256,
        "engine": f"{case.engine}, {case.precision} on {case.device}",
        "instances": f"{case.instances}, of {case.cores_per_instance} cores each",
        "kernels": record.evidence.summary if record.evidence else "not observed",
    }
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _results(runs: Sequence[Run]) -> str:
    lines = []
    for run in runs:
        for part in run.parts:
            if part == ACCURACY and run.record.accuracy is not None:
                lines.append(f"- accuracy run: {accuracy_line(run.record.accuracy)}")
            elif part != ACCURACY:
                name = "performance run" if part == PERFORMANCE else part
                lines.append(f"- {name}: {run.score}")
    return "\n".join(lines)


def _command(run: Run) -> str:
    """Returns the command line that asks for the same run; paths are given by their last part."""
    case, loadgen = run.record.case, run.record.loadgen
    assert loadgen is not None
    settings = loadgen.settings
    options: dict[str, object] = {
        "scenario": settings.scenario,
        "mode": settings.mode,
        "compliance-test": settings.compliance_test or None,
        "seeds": settings.seeds,
        "dataset-size": settings.dataset_size,
        **(_timing(settings) if settings.measures else {}),
        "precision": case.precision,
        "engine": case.engine,
        "device": case.device,
        "weights": PurePath(case.weights).name,
        "dataset": PurePath(case.dataset).name,
        "batch-size": case.batch_size,
        "instances": case.instances,
        "cores-per-instance": case.cores_per_instance,
    }
    words = (f"--{name} {value}" for name, value in options.items() if value is not None)
    return " ".join(["r50bench mlperf", *words])


def _timing(settings: LoadgenSettings) -> dict[str, object]:
    """Returns what an accuracy run has no use for."""
    decimals = 6
    return {
        "buffer-size": settings.buffer_size,
        "duration": settings.duration_s,
        "query-count": settings.query_count,
        "target-qps": settings.target_qps and round(settings.target_qps, decimals),
        "target-latency": settings.target_latency_ms
        and round(settings.target_latency_ms, decimals),
    }
