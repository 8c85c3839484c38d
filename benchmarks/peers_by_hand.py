"""Runs r50bench's engine beside ONNX Runtime and OpenVINO, side by side on this machine.

    python benchmarks/peers_by_hand.py [--rounds 7] [--weights v1] [--onnx-int8]

Two instances of one core each, batch 8, each in a process of its own bound to its CPU. All
contenders are loaded first; then each round runs one after the other for a few seconds, starting
with another each time, so that a change of clock or neighbours strikes all alike. What is printed
are medians over the rounds, and of each round's ratio to r50bench.

Needs, beside r50bench: pip install onnx onnxruntime openvino nncf
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r50bench.assets.imagenet import open_dataset
from r50bench.assets.preprocess import normalise, preprocess
from r50bench.assets.store import Store, default_store
from r50bench.assets.weights import Weights, resolve_weights
from r50bench.case import Case
from r50bench.engines.artifacts import ensure_artifact
from r50bench.engines.base import EngineSpec
from r50bench.engines.environment import worker_environment
from r50bench.host.isa import native_precisions
from r50bench.host.topology import Host, read_host
from r50bench.progress import Silent

OURS = "r50bench"
INSTANCES = 2
_WARMUP_BATCHES = 5


@dataclass(frozen=True)
class Contender:
    """One engine at one numerics: what it loads, and the environment of its workers."""

    name: str
    numerics: str
    model: str
    environment: Mapping[str, str]


# --- preparing, in the parent ---------------------------------------------------------------------


def contenders(arguments: argparse.Namespace, host: Host, folder: Path) -> list[Contender]:
    """Compiles, exports and quantises all that this CPU runs natively, from the same weights."""
    store = default_store()
    weights = resolve_weights(arguments.weights, store, Silent(), need_real=False, seed=1)
    pictures = preprocess(
        open_dataset("sample", store, Silent()), store, Silent(), skip_bad=False
    ).array
    native = [
        name
        for name in native_precisions(host)
        if name.startswith("avx_") and _numerics(name) in arguments.numerics
    ]
    found = [
        _ours(precision, numerics, weights, pictures, host, store, arguments.batch)
        for precision, numerics in zip(native, map(_numerics, native), strict=True)
    ]
    plain = _peer_environment()
    onnx = str(_export(weights, arguments.batch, folder))
    if "avx_fp32" in native:
        found.append(Contender("onnxruntime", "fp32", onnx, plain))
        found.append(Contender("openvino", "fp32", onnx, plain))
    if "avx_bfloat16" in native:
        found.append(Contender("openvino", "bf16", onnx, plain))
    if "avx_int8" in native:
        quantised = _quantise_openvino(onnx, pictures, weights.convention, arguments.batch, folder)
        found.append(Contender("openvino", "int8", quantised, plain))
        if arguments.onnx_int8:
            quantised = _quantise_onnx(onnx, pictures, weights.convention, arguments.batch, folder)
            found.append(Contender("onnxruntime", "int8", quantised, plain))
    return found


def _numerics(precision: str) -> str:
    return {"avx_fp32": "fp32", "avx_bfloat16": "bf16", "avx_int8": "int8"}[precision]


def _ours(
    precision: str,
    numerics: str,
    weights: Weights,
    pictures: Path,
    host: Host,
    store: Store,
    batch: int,
) -> Contender:
    import msgspec

    case = Case(
        mode="throughput",
        precision=precision,
        batch_size=batch,
        cores_per_instance=1,
        instances=INSTANCES,
        steps=1,
        warmup_steps=_WARMUP_BATCHES,
    )
    environment = worker_environment(case, host, os.environ)
    spec = EngineSpec(
        engine="torch",
        device="cpu",
        precision=precision,
        graph=weights.graph,
        convention=weights.convention,
        state_dict=weights.state_dict,
        batch_size=batch,
        threads=1,
        calibration=str(pictures) if numerics == "int8" else None,
    )
    compiled, _ = ensure_artifact(spec, weights.sha256, host, store, Silent(), environment)
    return Contender(OURS, numerics, msgspec.json.encode(compiled).decode(), environment)


def _peer_environment() -> dict[str, str]:
    """One thread, nothing else: peers choose their instruction sets, and OpenVINO aborts under a
    preloaded tcmalloc."""
    numeric = ("OMP_", "ONEDNN_", "DNNL_", "MKL", "KMP_", "LD_PRELOAD")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(numeric)}
    return {**kept, "OMP_NUM_THREADS": "1"}


def _export(weights: Weights, batch: int, folder: Path) -> Path:
    import torch

    from r50bench.models.resnet50 import build_model

    path = folder / "resnet50.onnx"
    model = build_model(weights.graph, weights.state_dict).to(memory_format=torch.contiguous_format)
    example = torch.zeros(batch, 3, 224, 224)
    torch.onnx.export(
        model, (example,), str(path), input_names=["batch"], output_names=["logits"], dynamo=False
    )
    return path


def _calibration(pictures: Path, convention: str, batch: int) -> list[Any]:
    """Returns full batches; the last is filled up from the beginning."""
    import numpy as np

    raw = np.load(pictures)
    count = -(-len(raw) // batch) * batch
    wrapped = np.take(raw, range(count), axis=0, mode="wrap")
    return [
        np.ascontiguousarray(normalise(wrapped[at : at + batch], convention))
        for at in range(0, count, batch)
    ]


def _quantise_openvino(onnx: str, pictures: Path, convention: str, batch: int, folder: Path) -> str:
    import nncf
    import openvino

    batches = _calibration(pictures, convention, batch)
    model = nncf.quantize(
        openvino.convert_model(onnx), nncf.Dataset(batches), subset_size=len(batches)
    )
    path = folder / "int8.xml"
    openvino.save_model(model, path, compress_to_fp16=False)
    return str(path)


def _quantise_onnx(onnx: str, pictures: Path, convention: str, batch: int, folder: Path) -> str:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter(_calibration(pictures, convention, batch))

        def get_next(self) -> dict[str, Any] | None:
            found = next(self._batches, None)
            return None if found is None else {"batch": found}

    folded, path = folder / "folded.onnx", folder / "int8.onnx"
    quant_pre_process(onnx, str(folded))
    quantize_static(
        str(folded), str(path), Reader(), quant_format=QuantFormat.QDQ, per_channel=True
    )
    return str(path)


# --- running one contender, in a worker -----------------------------------------------------------


def _load(contender: Contender, batch: int) -> Callable[[], object]:
    """Returns a call that runs one batch of noise."""
    import numpy as np

    noise = np.random.default_rng(1).normal(size=(batch, 3, 224, 224)).astype(np.float32)
    match contender.name:
        case "r50bench":
            return _load_ours(contender.model, noise)
        case "onnxruntime":
            return _load_onnxruntime(contender.model, noise)
        case "openvino":
            return _load_openvino(contender, noise)
    raise ValueError(contender.name)


def _load_ours(encoded: str, noise: Any) -> Callable[[], object]:
    import msgspec

    from r50bench.engines.registry import load_engine

    runner = load_engine(msgspec.json.decode(encoded, type=EngineSpec)).runner(0)
    prepared = runner.prepare(noise)
    return lambda: runner.infer(prepared)


def _load_onnxruntime(model: str, noise: Any) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"batch": noise})


def _load_openvino(contender: Contender, noise: Any) -> Callable[[], object]:
    import openvino

    hint = "bf16" if contender.numerics == "bf16" else "f32"
    compiled = openvino.Core().compile_model(
        contender.model,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": hint,
            "ENABLE_CPU_PINNING": False,
        },
    )
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(noise))
    return request.infer


def serve(batch: int, cpu: int) -> None:
    """Loads the contender on stdin's first line; each further line is a number of seconds to run.

    Answers ``ready``, then images per second each time.
    """
    os.sched_setaffinity(0, {cpu})
    contender = Contender(**json.loads(sys.stdin.readline()))
    infer = _load(contender, batch)
    for _ in range(_WARMUP_BATCHES):
        infer()
    print("ready", flush=True)
    for line in sys.stdin:
        count, began = 0, time.perf_counter()
        end = began + float(line)
        while time.perf_counter() < end:
            infer()
            count += 1
        print(count * batch / (time.perf_counter() - began), flush=True)


# --- measuring, in the parent ---------------------------------------------------------------------


class Pair:
    """The two workers of one contender, which run at the same time."""

    def __init__(self, contender: Contender, batch: int, cpus: list[int]) -> None:
        self.contender = contender
        self._workers = [self._start(batch, cpu) for cpu in cpus]
        for worker in self._workers:
            self._say(worker, json.dumps(vars(contender)))
        for worker in self._workers:
            self._hear(worker)

    def images_per_second(self, seconds: float) -> float:
        """Runs both for ``seconds`` and returns their sum."""
        for worker in self._workers:
            self._say(worker, str(seconds))
        return sum(float(self._hear(worker)) for worker in self._workers)

    def close(self) -> None:
        """Ends both workers."""
        for worker in self._workers:
            worker.kill()
            worker.wait()

    def _start(self, batch: int, cpu: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__, "--batch", str(batch), "--serve", str(cpu)],
            env=dict(self.contender.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _say(self, worker: subprocess.Popen[str], line: str) -> None:
        assert worker.stdin is not None
        worker.stdin.write(line + "\n")
        worker.stdin.flush()

    def _hear(self, worker: subprocess.Popen[str]) -> str:
        assert worker.stdout is not None
        line = worker.stdout.readline()
        if not line:
            raise SystemExit(f"a worker of {self.contender.name} {self.contender.numerics} died")
        return line


def measure(pairs: list[Pair], rounds: int, seconds: float) -> list[list[float]]:
    """Returns images/s by pair and round."""
    figures: list[list[float]] = [[] for _ in pairs]
    for number in range(rounds):
        for offset in range(len(pairs)):
            at = (number + offset) % len(pairs)
            figures[at].append(pairs[at].images_per_second(seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return figures


def table(found: list[Contender], figures: list[list[float]]) -> list[str]:
    """Returns one line per contender: median and spread, and ours over theirs round by round."""
    lines = [f"{'numerics':9} {'engine':12} {'images/s':>9} {'min-max':>15}  r50bench / this"]
    ours = {one.numerics: own for one, own in zip(found, figures, strict=True) if one.name == OURS}
    for one, own in sorted(zip(found, figures, strict=True), key=lambda pair: pair[0].numerics):
        line = f"{one.numerics:9} {one.name:12} {statistics.median(own):9.1f}"
        line += f" {min(own):7.1f}-{max(own):7.1f}"
        if one.name != OURS:
            ratios = [mine / theirs for mine, theirs in zip(ours[one.numerics], own, strict=True)]
            line += f"  {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one contender in a round")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--weights", default="auto", help="as of r50bench run")
    parser.add_argument("--numerics", nargs="+", default=["fp32", "bf16", "int8"], help="of these")
    parser.add_argument("--onnx-int8", action="store_true", help="ONNX Runtime int8 (QDQ) too")
    parser.add_argument("--serve", type=int, metavar="CPU", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve(arguments.batch, arguments.serve)
        return
    host = read_host()
    cpus = [core.cpus[0] for core in host.cores[:INSTANCES]]
    if len(cpus) < INSTANCES:
        raise SystemExit(f"{INSTANCES} cores are needed")
    with tempfile.TemporaryDirectory() as folder:
        found = contenders(arguments, host, Path(folder))
        pairs: list[Pair] = []
        try:
            for contender in found:
                pairs.append(Pair(contender, arguments.batch, cpus))
            figures = measure(pairs, arguments.rounds, arguments.seconds)
        finally:
            for pair in pairs:
                pair.close()
    print("\n".join(table(found, figures)))


if __name__ == "__main__":
    main()
