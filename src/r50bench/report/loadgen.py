"""What is said of a LoadGen run: in KPI blocks, and in the one table of ``r50bench mlperf``."""

from __future__ import annotations

from collections.abc import Iterator

from r50bench.mlperf_rules import PERCENTILE
from r50bench.parameters.workflow import WORKFLOW, why_idle
from r50bench.report.table import named_lines
from r50bench.results.kpi import accuracy_line
from r50bench.results.record import LoadgenResult, Record
from r50bench.wording import counted, figure

__all__ = ["loadgen_notes", "loadgen_settings", "mlperf_text", "performance_text"]

_MS_PER_NS = 1e-6


def loadgen_settings(result: LoadgenResult) -> Iterator[tuple[str, str]]:
    """Yields what LoadGen was asked, under the names of the query-driven workflow."""
    settings = result.settings
    yield "LOADGEN_VERSION", result.version
    for row in WORKFLOW:
        if row.block and not why_idle(row, settings):
            yield row.block, _given(getattr(settings, row.field))


def loadgen_notes(result: LoadgenResult) -> Iterator[str]:
    """Yields LoadGen's verdict, errors and warnings, and whether the run complies."""
    if result.verdict:
        yield f"LoadGen's verdict: {result.verdict}"
    yield _compliance(result)
    for error in result.errors:
        yield f"LoadGen's error: {error}"
    for warning in result.warnings:
        yield f"LoadGen's warning: {warning}"


def mlperf_text(record: Record, offline: Record | None = None) -> str:
    """Returns the table of one LoadGen run: performance, verdict, what it is to be compared with.

    ``offline`` is the Offline run that a Server run is set against, if there is one. Notices were
    told when they arose, and stand in the record's block.
    """
    rows = [("scenario", _scenario(record))]
    result = record.loadgen
    if result is None:
        rows.append(("failed", record.reason or "no reason given"))
    else:
        rows += [*_timed_rows(result), *_offline_rows(record, offline), *_accuracy_rows(record)]
        rows += [("error", error) for error in result.errors]
        rows += [("warning", warning) for warning in result.warnings]
        rows.append(("MLPerf", _compliance(result)))
    if record.evidence is not None:
        proof = "proved" if record.evidence.proved else "not proved"
        rows.append(("kernels", f"{record.evidence.summary}, {proof}"))
    return "\n".join(named_lines(rows)) + "\n"


def _scenario(record: Record) -> str:
    case = record.case
    layout = (
        f"{counted(case.instances, 'instance')} × {counted(case.cores_per_instance, 'core')},"
        f" batch {case.batch_size}"
    )
    what = record.name.removeprefix("mlperf_").removesuffix(f"_{case.precision}")
    return f"{what.replace('_', ' ')} · {case.precision} · {layout}"


def _timed_rows(result: LoadgenResult) -> Iterator[tuple[str, str]]:
    if result.score is None:
        return
    yield "performance", f"{performance_text(result)}   ({result.score_name})"
    yield "verdict", result.verdict
    for name, target in _targets(result):
        yield name, f"{target} ({'measured' if result.target_measured else 'given'})"
    if result.bound_ns is not None:
        p99 = result.percentiles_ns["99.00"]
        relation = "within" if p99 <= result.bound_ns else "beyond"
        yield "p99", f"{_ms(p99)}, {relation} the bound of {_ms(result.bound_ns)}"
    yield "raw engine", _raw(result)
    for tried, verdict, score in result.peak_search:
        yield "searched", f"target {figure(tried)}: {verdict}, {figure(score)} {result.score_unit}"


def _offline_rows(server: Record, offline: Record | None) -> Iterator[tuple[str, str]]:
    result = server.loadgen
    if result is None or result.settings.scenario != "Server" or result.score is None:
        return
    if offline is None or offline.loadgen is None or offline.loadgen.score is None:
        command = f"--scenario Offline --mode PerformanceOnly --precision {server.case.precision}"
        yield "Offline", f"not measured yet; to compare: r50bench mlperf {command}"
        return
    score, unit = offline.loadgen.score, offline.loadgen.score_unit
    below = f"Server lies {100 * (1 - result.score / score):.1f} % below it"
    where = f"batch {offline.case.batch_size}, {offline.id}"
    yield "Offline", f"{figure(score)} {unit} ({where}); {below}"


def _accuracy_rows(record: Record) -> Iterator[tuple[str, str]]:
    if record.accuracy is not None:
        yield "accuracy", accuracy_line(record.accuracy)


def _targets(result: LoadgenResult) -> Iterator[tuple[str, str]]:
    settings = result.settings
    if settings.target_qps is not None:
        yield "target", f"{figure(settings.target_qps)} samples/s"
    elif settings.target_latency_ms is not None:
        yield "target", f"{figure(settings.target_latency_ms)} ms"


def _raw(result: LoadgenResult) -> str:
    """The closed loop's figure that the scenario's is to be compared with, and how far it lies."""
    assert result.raw_throughput is not None
    assert result.raw_latency_ns is not None
    throughput = f"{figure(result.raw_throughput)} samples/s"
    if result.settings.scenario == "Server":
        assert result.score is not None
        below = 100 * (1 - result.score / result.raw_throughput)
        why = ", to meet the bound" if result.verdict == "VALID" else ""
        return f"{throughput}; Server lies {below:.1f} % below it{why}"
    if result.settings.scenario == "Offline":
        return f"{throughput}{_overhead(result)}"
    # The performance is LoadGen's estimate from above, and not what is compared.
    percent = PERCENTILE[result.settings.scenario]
    loadgen = _ms(result.percentiles_ns[f"{percent:.2f}"])
    raw = f"p{percent:g} {_ms(result.raw_latency_ns)}; LoadGen's {loadgen}"
    return f"{raw}{_overhead(result)}"


def _overhead(result: LoadgenResult) -> str:
    share = result.overhead
    return "" if share is None else f"; harness overhead {100 * share:.2f} %"


def performance_text(result: LoadgenResult) -> str:
    """Returns LoadGen's result with its unit, latencies in ms; empty where there is none."""
    if result.score is None:
        return ""
    if result.score_unit == "ns":
        return _ms(result.score)
    return f"{figure(result.score)} {result.score_unit}"


def _compliance(result: LoadgenResult) -> str:
    if result.compliant:
        return "as MLPerf's rules ask"
    return f"not compliant: {result.why_not_compliant}"


def _ms(nanoseconds: float) -> str:
    return f"{figure(nanoseconds * _MS_PER_NS)} ms"


def _given(value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
