"""A run as the original workload's logs tell it, for whoever reads those with its ``kpi.sh``.

That script takes ``KEY: value`` lines for parameters, and of every line with the word Throughput
or Accuracy the number after the colon: it adds up throughputs and counts their lines as instances.
So each instance has one such line, and no other line has these words. Throughput is each instance's
share of the record's figure; latency is per picture, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from r50bench.report.kpi_block import KpiBlock
from r50bench.results.kpi import accuracy_percent
from r50bench.results.record import Record
from r50bench.results.samples import Samples
from r50bench.results.timeline import instance_throughputs, windows

__all__ = ["benchmark_log", "instance_logs", "log_name"]

_PARAMETERS = (
    *("WORKLOAD", "PLATFORM", "MODE", "FUNCTION", "PRECISION", "BATCH_SIZE", "WARMUP_STEPS"),
    *("STEPS", "DATA_TYPE", "CORES_PER_INSTANCE", "WEIGHT_SHARING", "VERBOSE"),
)
_TOPOLOGY = "resnet50"
_NS_PER_MS = 1e6


def log_name(record: Record) -> str:
    """Returns ``benchmark_<mode>_resnet50_<precision>_inference_<data type>_<mm-dd-yy-…>.log``."""
    case = record.case
    created = datetime.fromisoformat(record.created).strftime("%m-%d-%y-%H-%M-%S")
    words = ("benchmark", case.mode, _TOPOLOGY, case.precision, "inference", case.data_type)
    return f"{'_'.join((*words, created))}.log"


def benchmark_log(block: KpiBlock, instances: tuple[str, ...]) -> str:
    """Returns the log of a whole run from its ``block`` and :func:`instance_logs`."""
    said = dict(block.settings)
    lines = [f"{key}: {said[key]}\n" for key in _PARAMETERS if key in said]
    return "".join((f"TOPOLOGY: {_TOPOLOGY}\n", *lines, *instances))


def instance_logs(record: Record, samples: Samples | None) -> tuple[str, ...]:
    """Returns what each instance of a valid record would have said; one text for its accuracy."""
    if record.accuracy is not None:
        return (f"Accuracy: {accuracy_percent(record.accuracy)}\n",)
    return () if samples is None else tuple(_timed(samples))


def _timed(samples: Samples) -> Iterator[str]:
    common = windows(samples)
    rates = None if common is None else instance_throughputs(samples, common)
    for place, number in enumerate(samples.instances):
        own = samples.where(samples.instance == number)
        latency = float(np.sum(own.latency_ns) / np.sum(own.images)) / _NS_PER_MS
        said = f"inference latency {latency:.3f} ms\n"
        yield said if rates is None else f"{said}Throughput: {rates[place]:.3f} fps\n"
