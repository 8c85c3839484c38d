"""Logs of the Workload Services Framework's ResNet-50, from its version 23.3 on.

``logs-<case>/`` holds ``workload-config.yaml`` and ``itr-<n>/<worker>/`` with ``status`` (0:
passed), ``benchmark_<mode>_<topology>_<precision>_<function>_<data type>_<time>.log``, and
``output/*.log``, one of each instance. Each iteration is a run. Where the log has KPI lines, as
``kpi.sh`` prints them, a primary one among them, they are its figures; else they are worked out
from the instances as the workload does: throughput is their sum, latency (per image) and accuracy
their mean. Before them the log has the parameters, ``KEY: value``, and what lscpu says, which look
like KPI lines and are none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from r50bench.case import MODES
from r50bench.errors import UsageError
from r50bench.history.kpi_lines import KpiLines, read_kpi_lines
from r50bench.history.old_files import NUMBER, read_text, run_id
from r50bench.results.foreign import ForeignFigure, ForeignRun

__all__ = ["read_kpi_output", "read_wsf_logs"]

_LOG = re.compile(
    r"benchmark_(?P<MODE>[a-z]+)_(?P<TOPOLOGY>[a-z0-9]+)_(?P<PRECISION>\w+?)_"
    r"(?P<FUNCTION>inference|training)_(?P<DATA_TYPE>[a-z]+)_"
    r"(?P<time>\d\d-\d\d-\d\d-\d\d-\d\d-\d\d)\.log",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"^(PLATFORM|MODE|TOPOLOGY|FUNCTION|PRECISION|BATCH_SIZE|WARMUP_STEPS|STEPS|DATA_TYPE"
    r"|CORES_PER_INSTANCE|CASE_TYPE|WEIGHT_SHARING|VERBOSE|CUSTOMER_ENV):[ \t]*(.*?)[ \t]*$",
    re.MULTILINE,
)
_FOLDER = re.compile(r"(?:.*-)?logs-(.+)", re.DOTALL)
_THROUGHPUT = re.compile(rf"Throughput:\s*{NUMBER}\s*fps")
_LATENCY = re.compile(rf"inference latency\s*{NUMBER}\s*ms")
_ACCURACY = re.compile(rf"Accuracy:\s*{NUMBER}|\* Acc@1\s+{NUMBER}")


def _logs(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("benchmark_*.log") if _LOG.fullmatch(path.name))


def read_wsf_logs(folder: Path) -> tuple[list[ForeignRun], list[tuple[str, str]]]:
    """Returns the runs in ``folder`` and below it, and what could not be read with the reason."""
    runs, refused = [], []
    for log in sorted(_logs(folder)):
        try:
            runs.append(_run(log))
        except UsageError as error:
            refused.append((str(log), error.message))
    return runs, refused


def _run(log: Path) -> ForeignRun:
    named = _LOG.fullmatch(log.name)
    assert named is not None
    instances = sorted(log.parent.glob("output/*.log"))
    texts = [read_text(path) for path in (log, *instances)]
    said = read_kpi_lines(texts[0].splitlines())
    mode = named["MODE"].lower()
    settings = {key: named[key] for key in ("MODE", "TOPOLOGY", "PRECISION", "DATA_TYPE")}
    settings |= dict(_PARAMETER.findall(texts[0])) | _tunables(log.parent) | said.settings
    worked_out = _worked_out(texts[1:] or texts, mode)
    figures = said.figures if said.of_a_script else worked_out
    passed = _passed(log.parent)
    return ForeignRun(
        id=run_id("wsf", log.name, *texts),
        created=_time(named["time"]),
        workload="wsf",
        name=_case(log) or f"{named['FUNCTION']}_{mode}_{named['PRECISION']}",
        mode=mode if mode in MODES else "",
        passed=passed and bool(figures),
        figures=figures if passed else (),
        source=str(log.parent.absolute()),
        settings={key: text for key, text in settings.items() if text},
    )


def _worked_out(texts: Sequence[str], mode: str) -> tuple[ForeignFigure, ...]:
    """Returns the figures of all instances, that of the mode first."""
    found = [
        _over_instances(texts, "Throughput", "fps", _THROUGHPUT, math.fsum),
        _over_instances(texts, "Latency", "ms/image", _LATENCY, _mean),
        _over_instances(texts, "Accuracy", "", _ACCURACY, _mean),
    ]
    figures = [figure for figure in found if figure is not None]
    return tuple(sorted(figures, key=lambda figure: figure.name.lower() != mode))


def _over_instances(
    texts: Sequence[str],
    name: str,
    unit: str,
    pattern: re.Pattern[str],
    join: Callable[[Sequence[float]], float],
) -> ForeignFigure | None:
    """Returns what the last such line of each text says, joined; None unless every text has one."""
    values = []
    for text in texts:
        matches = list(pattern.finditer(text))
        if not matches:
            return None
        values.append(float(next(group for group in matches[-1].groups() if group)))
    return ForeignFigure(name, unit, join(values))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _passed(worker: Path) -> bool:
    """Whether every worker of the iteration said 0; without any status nothing passed."""
    states = sorted(worker.parent.glob("*/status"))
    return bool(states) and all(read_text(state).strip() == "0" for state in states)


def _case(log: Path) -> str:
    """Returns the case that the folder of the logs is named after, empty where none is."""
    matches = (_FOLDER.fullmatch(parent.name) for parent in log.parents)
    return next((match[1] for match in matches if match), "")


def _tunables(worker: Path) -> dict[str, str]:
    """Returns the parameters in ``workload-config.yaml``, a ``KEY: value`` a line, indented."""
    for folder in list(worker.parents)[:3]:
        config = folder / "workload-config.yaml"
        if config.is_file():
            lines = re.findall(r"^\s+([A-Z][A-Z0-9_]*):[ \t]*(.*?)[ \t]*$", read_text(config), re.M)
            return {key: text.strip("'\"") for key, text in lines}
    return {}


def _time(text: str) -> str:
    try:
        return datetime.strptime(text, "%m-%d-%y-%H-%M-%S").isoformat()
    except ValueError:
        return ""


def read_kpi_output(path: Path) -> ForeignRun | None:
    """Returns the run that a file of ``kpi.sh``'s output tells of; None if it has no figures."""
    text = read_text(path)
    said: KpiLines = read_kpi_lines(text.splitlines())
    if not said.figures:
        return None
    words = {key.upper(): value for key, value in said.settings.items()}
    parts = [words.get(key, "") for key in ("FUNCTION", "MODE", "PRECISION", "CASE_TYPE")]
    mode = words.get("MODE", "").lower()
    return ForeignRun(
        id=run_id("wsf", path.name, text),
        created="",
        workload="wsf",
        name="_".join(part for part in parts if part) or path.stem,
        mode=mode if mode in MODES else "",
        passed=True,
        figures=said.figures,
        source=str(path.absolute()),
        settings=said.settings,
    )
