"""Runs one real engine in a process of its own, with the environment of a worker."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec

__all__ = ["probe", "run_program"]

# Loads the spec of argv[1], runs one batch per instance in threads of their own, and prints JSON.
PROBE = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import msgspec, numpy as np
from r50bench.assets.preprocess import dummy_pictures, normalise
from r50bench.engines.base import EngineSpec
from r50bench.engines.registry import load_engine
from r50bench.errors import R50BenchError

spec = msgspec.json.decode(sys.argv[1], type=EngineSpec)
batch = normalise(dummy_pictures(spec.batch_size, 3), spec.convention)

def instance(index):
    runner = engine.runner(index)
    prepared = runner.prepare(batch)
    logits = runner.logits(runner.infer(prepared))
    return logits, lambda: runner.infer(prepared)

try:
    engine = load_engine(spec)
except R50BenchError as error:
    print(json.dumps({"error": type(error).__name__, "message": error.message}))
    sys.exit()
with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
    answers = [
        thread.submit(instance, index).result()
        for index, thread in enumerate((first, second)[: spec.runners])
    ]
    log = first.submit(engine.observe, answers[0][1]).result()
before = engine.clock()
said = {
    "version": engine.version,
    "dtype": str(answers[0][0].dtype),
    "logits": [logits.tolist() for logits, _ in answers],
    "log": log,
    "ticks": engine.clock() - before,
}
engine.close()
print(json.dumps(said))
"""


def probe(spec, environment):
    """Returns what the engine of ``spec`` says and answers, or its error and message."""
    return run_program(PROBE, spec, environment)


def run_program(program, spec, environment, *arguments):
    """Runs Python source with the spec as JSON for argv[1]; returns the JSON that it prints last.

    ``arguments`` follow as argv[2] and so on.
    """
    done = subprocess.run(
        [sys.executable, "-c", program, msgspec.json.encode(spec).decode(), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
