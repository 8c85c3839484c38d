from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from r50bench.engines.evidence.judge import count_kernels, judge
from r50bench.engines.fake.engine import FakeEngine, Fault, Script
from r50bench.engines.registry import load_engine
from r50bench.errors import UsageError


@pytest.fixture
def batch():
    return np.zeros((2, 3, 224, 224), np.float32)


def engine(spec, **environ):
    return FakeEngine(replace(spec, engine="fake"), Script.read(environ))


def test_inferences_take_the_scripted_time_to_the_nanosecond(spec, batch):
    fake = engine(spec, FAKE_LATENCIES_NS="10,3", FAKE_START_NS="100")
    runner = fake.runner(0)
    seen = [fake.clock()]
    for _ in range(3):
        runner.infer(runner.prepare(batch))
        seen.append(fake.clock())
    assert seen == [100, 110, 113, 123]


def test_instances_have_latencies_and_start_skew_of_their_own(spec, batch):
    shared = replace(spec, runners=2, first_instance=2)
    fake = engine(shared, FAKE_LATENCIES_NS="10;20", FAKE_START_NS="0,1,2,3")
    seen = {}

    def instance(index):
        runner = fake.runner(index)
        runner.infer(batch)
        seen[index] = fake.clock()

    threads = [threading.Thread(target=instance, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {0: 2 + 10, 1: 3 + 20}


def test_real_time_is_spent_only_when_asked(spec, batch):
    began = time.monotonic()
    engine(spec, FAKE_LATENCIES_NS="5000000000").runner(0).infer(batch)
    assert time.monotonic() - began < 1
    began = time.monotonic()
    engine(spec, FAKE_LATENCIES_NS="20000000", FAKE_REALTIME="1").runner(0).infer(batch)
    assert time.monotonic() - began >= 0.02


def test_answers_are_cycled_over_the_pictures_seen(spec, batch):
    runner = engine(spec, FAKE_ANSWERS="3,7,999").runner(0)
    logits = np.concatenate([runner.logits(runner.infer(batch)) for _ in range(2)])
    assert logits.dtype == np.float32
    assert logits.shape == (4, 1000)
    best = np.argsort(-logits, axis=1)[:, :5]
    assert best[:, 0].tolist() == [3, 7, 999, 3]
    assert best[2].tolist() == [999, 0, 1, 2, 3]


def test_without_a_script_the_answer_is_read_from_the_picture(spec, batch):
    batch[1, 0, 0, 0], batch[1, 1, 0, 0] = 2.2, 4.9
    runner = engine(spec).runner(0)
    assert runner.infer(batch).argmax(1).tolist() == [0, 16 * 2 + 5]


def test_a_scripted_error_strikes_the_instance_and_inference_it_names(spec, batch):
    fake = engine(replace(spec, runners=2), FAKE_FAULT="raise@2#1")
    spared, struck = fake.runner(0), fake.runner(1)
    for _ in range(3):
        spared.infer(batch)
    struck.infer(batch)
    with pytest.raises(RuntimeError, match="inference 2"):
        struck.infer(batch)


def test_a_short_answer_lacks_a_row(spec, batch):
    assert engine(spec, FAKE_FAULT="short").runner(0).infer(batch).shape == (1, 1000)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kill@3", Fault("kill", 3)),
        ("hang@3#1", Fault("hang", 3, 1)),
        ("exit@10", Fault("exit", 10)),
        ("short#1", Fault("short", 1, 1)),
    ],
)
def test_faults_are_read(text, fault):
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["kill", "explode@1", "kill@x", "kill@1#", "shortly"])
def test_what_is_no_fault_is_refused(text):
    with pytest.raises(UsageError, match="FAKE_FAULT"):
        Fault.parse(text)


def test_what_is_no_number_is_refused(spec):
    with pytest.raises(UsageError, match="FAKE_LATENCIES_NS"):
        engine(spec, FAKE_LATENCIES_NS="fast")


def never():
    raise AssertionError


@pytest.mark.parametrize("precision", ["avx_fp32", "avx_bfloat16", "avx_int8", "amx_int8"])
def test_its_kernel_log_proves_the_precision_and_costs_no_time(spec, precision):
    asked = replace(spec, precision=precision)
    fake = engine(asked)
    fake.runner(0)
    evidence = judge(count_kernels(fake.observe(never)), asked)
    assert evidence.proved
    assert fake.clock() == 0


def test_its_kernel_log_can_be_made_to_prove_nothing(spec):
    fake = engine(spec, FAKE_KERNELS="jit_bf16:avx512_core bf16")
    evidence = judge(count_kernels(fake.observe(never)), replace(spec, precision="avx_bfloat16"))
    assert not evidence.proved


def test_the_registry_loads_it_with_the_workers_environment(spec, batch, monkeypatch):
    monkeypatch.setenv("FAKE_START_NS", "41")
    fake = load_engine(replace(spec, engine="fake"))
    fake.runner(0)
    assert (fake.name, fake.clock()) == ("fake", 41)
    fake.close()


def test_an_engine_that_does_not_exist_is_refused(spec):
    with pytest.raises(UsageError, match="'torsh'"):
        load_engine(replace(spec, engine="torsh"))
