"""All cores of an instance are looked at where its team can be asked, and its first one else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from r50bench.errors import EngineError
from r50bench.host import canary as host_canary
from r50bench.host.canary import build_command
from r50bench.host.toolchain import compiler_of

# A team as libgomp makes one, which the instance binds one to a core, as a session does.
OPENMP = """
import ctypes, json, os, sys, threading
from r50bench.measure.binding import bind_team, threads_of_process
from r50bench.measure.canary import open_canary

library, team, cpus = sys.argv[1], sys.argv[2], [int(word) for word in sys.argv[3].split(",")]
os.sched_setaffinity(0, cpus)
before = threads_of_process()
if team != "none":
    ctypes.CDLL(team).compute()
helpers = sorted(threads_of_process() - before)
if team != "none":
    bind_team(helpers, cpus)
else:
    helpers = [threading.get_native_id()] * (len(cpus) - 1)
    os.sched_setaffinity(0, cpus[:1])
canary = open_canary(library, cpus, helpers)
others = threads_of_process() - before - set(helpers)
print(json.dumps([canary.cpus(), canary.found()[0][1], len(others)]))
"""

COMPUTE = """
#include <omp.h>
extern "C" void compute() {
#pragma omp parallel
  omp_get_thread_num();
}
"""

CPUS = sorted(os.sched_getaffinity(0))[:2]

SOURCE = Path(host_canary.__file__).with_suffix(".cpp")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The canary's library, and one whose team computes."""
    try:
        compiler = compiler_of(os.environ, "no canary")
    except EngineError as error:
        pytest.skip(error.message)
    folder = tmp_path_factory.mktemp("canary")
    subprocess.run(build_command(compiler.words, SOURCE, folder / "canary.so"), check=True)
    source = folder / "team.cpp"
    source.write_text(COMPUTE)
    command = [*compiler.words, "-fopenmp", "-shared", "-fPIC", str(source)]
    done = subprocess.run([*command, "-o", str(folder / "team.so")], check=False)
    if done.returncode != 0:
        pytest.skip("this compiler has no OpenMP")
    return folder


def opened(built, team):
    done = subprocess.run(
        [sys.executable, "-c", OPENMP, str(built / "canary.so"), team, ",".join(map(str, CPUS))],
        env={**os.environ, "OMP_NUM_THREADS": str(len(CPUS))},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(len(CPUS) < 2, reason="a team takes two CPUs")
def test_the_threads_of_an_openmp_team_look_each_at_its_own_core(built):
    cpus, took_ns, others = opened(built, str(built / "team.so"))
    assert cpus == CPUS
    assert took_ns > 100
    assert others == 0


def test_without_such_a_team_the_first_core_is_looked_at(built):
    cpus, took_ns, _ = opened(built, "none")
    assert cpus == CPUS[:1]
    assert took_ns > 100
