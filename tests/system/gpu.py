#!/usr/bin/env python3
"""Checks on a real GPU all that r50bench does there, in under 8 minutes.

    python3 tests/system/gpu.py [LOG] [--limit SECONDS] [--only STEP]...

It needs no installation (``PYTHONPATH=src`` will do), an NVIDIA GPU, a CUDA build of torch, and the
weights and sample pictures, from the network or in the cache (``R50BENCH_CACHE``). Each step has a
limit of its own; a table sums them up, and the exit status is 1 where one failed. LOG gets all that
is printed, and what each command said. With ``--only`` the steps whose names are given are done, in
that order; ``--limit`` begins no step later than that.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TextIO

SOURCE = Path(__file__).resolve().parents[2] / "src"
PRECISIONS = ("cuda_fp32", "cuda_tf32", "cuda_bfloat16", "cuda_fp16")
LIMIT_S = 420.0
"""No step begins later; the longest takes a minute."""
REFUSED_WITHIN_S = 3.0
"""A refusal: Python's start and the driver's answer, on a machine that has other things to do."""


class StepFailed(Exception):
    """What a step found wrong."""


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        try:
            return json.loads(self.out)
        except ValueError:
            raise StepFailed(f"no JSON, exit {self.status}: {self.err[-400:]}") from None


@dataclass
class Checks:
    """The steps so far, the folder of the records, and where all is logged."""

    folder: Path
    log: TextIO | None
    limit_s: float
    began: float = field(default_factory=time.monotonic)
    rows: list[tuple[str, str, float, str]] = field(default_factory=list)
    reference: list[int] = field(default_factory=list)
    top1: dict[str, list[int]] = field(default_factory=dict)

    def say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        self.note(text)

    def note(self, text: str) -> None:
        if self.log is not None:
            self.log.write(f"{text}\n")
            self.log.flush()

    def step(self, name: str, check: Callable[[], str]) -> None:
        """Does one step; what it returns is shown beside its name."""
        start = time.monotonic()
        if start - self.began > self.limit_s:
            self.rows.append((name, "SKIPPED", 0.0, "the time is up"))
            return
        try:
            state, words = "ok", check()
        except StepFailed as failure:
            state, words = "FAILED", str(failure)
        except Exception as error:  # noqa: BLE001  a step that breaks must not hide the others
            state, words = "FAILED", f"{type(error).__name__}: {error}"
        self.rows.append((name, state, time.monotonic() - start, words))
        self.say(f"{state:7} {time.monotonic() - start:6.1f} s  {name}: {words}")

    def r50bench(self, *words: str, limit_s: float = 60, env: dict[str, str] | None = None) -> Said:
        start = time.monotonic()
        path = os.pathsep.join(filter(None, (str(SOURCE), os.environ.get("PYTHONPATH"))))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "r50bench", *words],
                env={**os.environ, "PYTHONPATH": path, **(env or {})},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise StepFailed(f"not done within {limit_s:g} s: {' '.join(words)}") from None
        said = Said(done.returncode, done.stdout, done.stderr, time.monotonic() - start)
        self.note(f"$ r50bench {' '.join(words)}   [exit {said.status}, {said.seconds:.1f} s]")
        self.note(said.out[:20000] + said.err[-6000:])
        if "Traceback" in said.err:
            raise StepFailed(f"a traceback: {said.err.strip().splitlines()[-1]}")
        return said

    def record(self, *words: str, limit_s: float = 60) -> dict[str, Any]:
        """Runs one case and returns its valid record, whose kernels were proved."""
        said = self.r50bench("run", *words, "--json", "--out", "runs", limit_s=limit_s)
        if said.status != 0:
            raise StepFailed(f"exit {said.status}: {_last_line(said.err)}")
        (record,) = said.json()
        if record["status"] != "valid" or not record["evidence"]["proved"]:
            raise StepFailed(f"{record['status']}: {record['evidence']['summary']}")
        return dict(record)

    def answers(self, *words: str) -> list[int]:
        """Scores the sample and returns the likeliest class of each picture, in their order."""
        record = self.record(*words, "--dataset", "sample", "--batch-size", "4")
        with (self.folder / record["folder"] / "predictions.csv").open() as file:
            rows = list(csv.DictReader(file))
        return [int(row[next(name for name in row if name.startswith("top"))]) for row in rows]


def _last_line(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-2:])[:400]


def _figure(record: dict[str, Any], name: str) -> float | None:
    return next((float(kpi["value"]) for kpi in record["kpis"] if kpi["name"] == name), None)


def versions(_: Checks) -> str:
    text = (
        "import torch, sys; p = torch.cuda.get_device_properties(0);"
        "print('Python', sys.version.split()[0], 'torch', torch.__version__, 'cuDNN',"
        " torch.backends.cudnn.version(), p.name, p.multi_processor_count, 'SM')"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise StepFailed(_last_line(done.stderr))
    return done.stdout.strip()


def doctor(checks: Checks) -> str:
    said = checks.r50bench("doctor", "--json")
    told = said.json()
    if said.status not in (0, 3) or "NVIDIA" not in told["host"]:
        raise StepFailed(f"exit {said.status}: {told['host']}")
    return f"{told['host']}: {', '.join(one['code'] for one in told['findings']) or 'nothing'}"


def nvidia_smi_serves_too(checks: Checks) -> str:
    """Hides the management library: the host line must be the same."""
    hidden = checks.folder / "hidden"
    hidden.mkdir()
    (hidden / "pynvml.py").write_text("raise ImportError('hidden')\n")
    path = os.pathsep.join(filter(None, (str(hidden), str(SOURCE), os.environ.get("PYTHONPATH"))))
    hosts = [
        checks.r50bench("doctor", "--json", env=env).json()["host"]
        for env in ({}, {"PYTHONPATH": path})
    ]
    if hosts[0] != hosts[1]:
        raise StepFailed(f"{hosts[0]} became {hosts[1]}")
    return "the same host"


def listed(checks: Checks) -> str:
    said = checks.r50bench("list", "inference_*_cuda_*")
    missing = [name for name in PRECISIONS if f"inference_throughput_{name}" not in said.out]
    if said.status or missing:
        raise StepFailed(f"exit {said.status}, missing: {missing}")
    return f"{said.out.count('inference_')} cases"


REFUSALS: tuple[tuple[int, Sequence[str], dict[str, str], str], ...] = (
    (6, ["inference_latency_cuda_int8"], {}, "int8"),
    (6, ["inference_latency_int8", "--device", "cuda"], {}, "int8"),
    (6, ["inference_latency_cuda_fp32"], {"CUDA_VISIBLE_DEVICES": ""}, "hides all"),
    (6, ["inference_latency_fp32", "--device", "cuda", "--engine", "r50"], {}, "CPUs only"),
    (2, ["inference_latency_avx_fp32", "--device", "cuda"], {}, "contradicts"),
    (2, ["inference_latency_cuda_fp16", "--instances", "99"], {}, "GPU of its own"),
    (2, ["inference_latency_cuda_fp16", "--batch-size", "9999999"], {}, "GPU memory"),
)


def refusals(checks: Checks) -> str:
    slowest = 0.0
    for status, words, env, sentence in REFUSALS:
        said = checks.r50bench("run", *words, env=env)
        if said.status != status or sentence not in said.err:
            raise StepFailed(f"{' '.join(words)}: exit {said.status}: {_last_line(said.err)}")
        slowest = max(slowest, said.seconds)
    if slowest > REFUSED_WITHIN_S:
        raise StepFailed(f"the slowest took {slowest:.1f} s")
    return f"{len(REFUSALS)} refused, the slowest in {slowest:.2f} s"


def cpu_reference(checks: Checks) -> str:
    checks.reference = checks.answers("inference_accuracy_fp32", "--engine", "torch-eager")
    return f"{len(checks.reference)} pictures"


def accuracy(checks: Checks, precision: str) -> str:
    checks.top1[precision] = checks.answers(f"inference_accuracy_{precision}")
    pairs = list(zip(checks.top1[precision], checks.reference, strict=True))
    same = sum(mine == theirs for mine, theirs in pairs)
    exact = precision in ("cuda_fp32", "cuda_tf32")
    if same < len(pairs) - (0 if exact else 1):
        raise StepFailed(f"{same} of {len(pairs)} as in fp32 on the CPU")
    return f"{same} of {len(pairs)} as in fp32 on the CPU"


def throughput(checks: Checks, precision: str, batch: int | None = None) -> str:
    more = () if batch is None else ("--batch-size", str(batch), "--steps", "50")
    record = checks.record(f"inference_throughput_{precision}", "--repeat", "3", *more)
    rate, share = _figure(record, "Average Throughput"), _figure(record, "Efficiency")
    energy, gpu = _figure(record, "GPU Energy per Image"), record["gpus"][0]
    if not rate or record["limit"] is None or not gpu["after"]["clock_mhz"]:
        raise StepFailed(f"no rate, limit or clock: {rate}, {record['limit']}, {gpu['after']}")
    return (
        f"{rate:.0f} img/s at batch {record['case']['batch_size']}, efficiency"
        f" {'-' if share is None else f'{share:.1f} %'}, {gpu['after']['clock_mhz']} MHz,"
        f" {gpu['after']['power_w']} W, {'-' if energy is None else f'{energy * 1e3:.1f} mJ'}/img,"
        f" {record['evidence']['summary']}; {record['engine']['version']}; limit"
        f" {record['limit']['gop_per_s'] / 1e3:.0f} TOP/s, {record['limit']['triad_gb_per_s']:.0f}"
        f" GB/s; slowed: {gpu['slowdowns'] or 'no'}"
    )


def latency(checks: Checks, precision: str, *more: str) -> str:
    record = checks.record(f"inference_latency_{precision}", "--steps", "300", *more)
    parts = [f"{name} {_figure(record, name):.3f} ms" for name in ("P50 Latency", "P99 Latency")]
    return f"{', '.join(parts)}; {record['evidence']['summary']}"


def graph_or_not(checks: Checks) -> str:
    plainly = ("--set", "CUDA_GRAPH=0")
    plain = checks.answers("inference_accuracy_cuda_fp16", *plainly)
    graph = checks.top1.get("cuda_fp16") or checks.answers("inference_accuracy_cuda_fp16")
    if plain != graph:
        raise StepFailed("answers differ")
    return f"the same answers; without a graph: {latency(checks, 'cuda_fp16', *plainly)}"


def wrong_label(checks: Checks) -> str:
    """Has cuDNN multiply in IEEE float32 under a name that says TF32."""
    words = ("inference_throughput_cuda_tf32", "--customer-env", "NVIDIA_TF32_OVERRIDE=0")
    said = checks.r50bench("run", *words, "--out", "runs")
    if said.status != 5 or "is not what ran" not in said.err:
        raise StepFailed(f"exit {said.status}: {_last_line(said.err)}")
    return _last_line(said.err)[:160]


def other_engine(checks: Checks, engine: str) -> str:
    record = checks.record("inference_throughput_cuda_bfloat16", "--engine", engine, limit_s=120)
    return f"{_figure(record, 'Average Throughput'):.0f} img/s; {record['evidence']['summary']}"


def loadgen(checks: Checks, scenario: str) -> str:
    words = ("mlperf", "--scenario", scenario, "--mode", "PerformanceOnly", "--quick")
    words += ("--precision", "cuda_fp16")
    said = checks.r50bench(*words, "--json", "--out", "runs", limit_s=90)
    if said.status:
        raise StepFailed(f"exit {said.status}: {_last_line(said.err)}")
    result = said.json()["loadgen"]
    share = result["overhead"]
    beside = "" if share is None else f", {100 * share:.1f} % beside the closed loop"
    score = result["score"] or 0.0
    return f"{result['verdict']} {score:.1f} {result['score_unit']}{beside}"


def by_query(checks: Checks) -> str:
    query = (
        "loadgen_output,execution_device=gpu,precision=float16,loadgen_scenario=SingleStream,"
        "loadgen_mode=AccuracyOnly"
    )
    said = checks.r50bench("byquery", query, limit_s=90)
    if said.status:
        raise StepFailed(f"exit {said.status}: {_last_line(said.err)}")
    return _last_line(said.out)[:160]


def peers(checks: Checks) -> str:
    words = ("--precision", "cuda_fp32", "--engines", "torch,torch-eager,onnxruntime")
    said = checks.r50bench(
        "peers", *words, "--repeat", "3", "--round-seconds", "0.5", "--json", "--out", "runs",
        limit_s=120,
    )  # fmt: skip
    if said.status:
        raise StepFailed(f"exit {said.status}: {_last_line(said.err)}")
    return json.dumps(said.json())[:400]


def main_job(checks: Checks) -> str:
    said = checks.r50bench("run", "--device", "cuda", "--out", "main", limit_s=150)
    if said.status:
        raise StepFailed(f"exit {said.status}: {_last_line(said.err)}")
    checks.say(said.out)
    return f"done in {said.seconds:.0f} s"


Step = Callable[[Checks], str]


def _for_each_precision() -> Iterator[tuple[str, Step]]:
    for check in (accuracy, throughput, latency):
        for name in PRECISIONS:
            yield f"{check.__name__} {name}", partial(check, precision=name)


STEPS: dict[str, Step] = {
    "versions": versions,
    "doctor": doctor,
    "doctor by nvidia-smi": nvidia_smi_serves_too,
    "list": listed,
    "refusals": refusals,
    "fp32 on the CPU": cpu_reference,
    **dict(_for_each_precision()),
    "graph or not": graph_or_not,
    "a wrong label": wrong_label,
    "Offline": partial(loadgen, scenario="Offline"),
    "SingleStream": partial(loadgen, scenario="SingleStream"),
    "peers": peers,
    "byquery": by_query,
    "Server": partial(loadgen, scenario="Server"),
    "torch-eager": partial(other_engine, engine="torch-eager"),
    "main job": main_job,
    "batch 512": partial(throughput, precision="cuda_bfloat16", batch=512),
    "torch-compile": partial(other_engine, engine="torch-compile"),
}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("log", nargs="?", metavar="LOG", help="where all is written, too")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS")
    parser.add_argument("--only", action="append", choices=STEPS, metavar="STEP")
    return parser


def main(words: Sequence[str]) -> int:
    """Runs all steps and returns the exit status: 0, too, where there is no GPU to check."""
    if not any(map(os.path.exists, ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"))):
        sys.stdout.write("skipped: no NVIDIA driver is loaded here\n")
        return 0
    asked = _arguments().parse_args(words)
    with ExitStack() as life:
        log = life.enter_context(Path(asked.log).open("w")) if asked.log else None
        folder = life.enter_context(tempfile.TemporaryDirectory(prefix="r50bench-gpu-"))
        checks = Checks(Path(folder), log, asked.limit)
        for name in asked.only or STEPS:
            checks.step(name, partial(STEPS[name], checks))
        checks.say("\nstep                      state    seconds  found")
        for name, state, seconds, found in checks.rows:
            checks.say(f"{name:25} {state:8} {seconds:7.1f}  {found[:230]}")
        failed = [name for name, state, _, _ in checks.rows if state == "FAILED"]
        total = time.monotonic() - checks.began
        checks.say(f"{len(checks.rows)} steps in {total:.0f} s, failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
