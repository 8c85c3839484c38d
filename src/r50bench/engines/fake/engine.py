"""An engine that computes nothing and takes exactly as long as it is told.

Its clock is virtual: it stands still but for the latencies of the script, so that KPIs can be
checked to the last digit. The script is read from the worker's environment when the engine loads:

``FAKE_LATENCIES_NS``
    Latency of each inference in ns, cycled: ``"1000000,2000000"``. Instances may have lists of
    their own, separated by semicolons and cycled too: ``"1000000;2000000,3000000"`` gives
    instances 0, 2, … the first list. Default 1000000.
``FAKE_START_NS``
    What the clock shows to an instance at first, by instance, cycled: ``"0,500"``. Default 0.
``FAKE_REALTIME``
    ``1`` makes every inference really sleep for its latency; the clock stays virtual.
``FAKE_ANSWERS``
    The likeliest class of each picture seen, cycled over the pictures of a batch and on over the
    batches: ``"3,7,7"``. The second likeliest is one above, the third two above, and so on,
    modulo 1000. Without it the answer is the class ``16 × r + g`` modulo 1000 where r and g are the
    first pixel's first two channels of the normalised batch, rounded.
``FAKE_FAULT``
    ``"kill@N"`` (SIGKILL to itself), ``"exit@N"`` (exits with status 3), ``"raise@N"``,
    ``"hang@N"`` at the N-th inference of an instance, counted from 1 with first batch and warm-up;
    ``"short"`` answers one row too few, ``"nan"`` one logit that is no number, ``"other"`` a far
    class for the last picture, all three from the N-th on where there is an ``@N``; ``"kill@N#I"``
    strikes instance I only.
``FAKE_KERNELS``
    Implementation and source type that the kernel log claims for all convolutions:
    ``"jit_bf16:avx512_core bf16"``; on CUDA the name of all kernels. Default: what the precision
    calls for.
``FAKE_CANARY_NS``
    What the canary takes at each look of a measured round, in lists as the latencies are. Without
    it there is no canary. A look takes no time of the virtual clock.
``FAKE_WAITED_NS``
    For how long, at each of these looks, a thread is said to have waited for a CPU since the last;
    likewise in lists. Default 0.
``FAKE_PEAK``
    What the cores are said to do at most, in 1e9 operations and bytes per second: ``"950,23"``.
    Without it their limit is not known. Read by :mod:`r50bench.measure.measured_peak`, in the
    parent.

Every inference counts and costs, but for the one of the kernel log, which is not run.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r50bench.engines.base import EngineSpec
from r50bench.engines.evidence.judge import CONVOLUTIONS, CUDA_PREFIX
from r50bench.errors import UsageError
from r50bench.host.canary import CoreWatch
from r50bench.models.architecture import CLASSES
from r50bench.models.layers import CLASSIFIER, Layer, layers
from r50bench.precision import PRECISIONS

__all__ = ["FakeEngine", "Fault", "Script"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong: ``kind`` at inference ``at`` of ``instance`` (None: of every instance)."""

    kind: str
    at: int = 1
    instance: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Reads a value of FAKE_FAULT.

        Raises:
            UsageError: it is none.
        """
        kind = "short|nan|other|(?:kill|hang|raise|exit)(?=@)"
        match = re.fullmatch(rf"({kind})(?:@(\d+))?(?:#(\d+))?", text)
        if match is None:
            raise UsageError(
                f"FAKE_FAULT={text!r} is no fault",
                hint="kill@N, hang@N, raise@N, exit@N, short, nan or other; #I for instance I only",
            )
        kind, at, instance = match.groups()
        return cls(kind, int(at or 1), None if instance is None else int(instance))

    def strikes(self, kind: str, count: int, instance: int) -> bool:
        """Whether this is the fault ``kind`` at inference ``count`` of ``instance``."""
        here = self.instance is None or self.instance == instance
        return self.kind == kind and here and count >= self.at


@dataclass(frozen=True)
class Script:
    """The FAKE_* variables, read.

    Lists are never empty but for ``answers`` and ``canary_ns`` (none given).
    """

    latencies_ns: tuple[tuple[int, ...], ...]
    starts_ns: tuple[int, ...]
    answers: tuple[int, ...]
    realtime: bool
    fault: Fault | None
    kernels: str | None
    canary_ns: tuple[tuple[int, ...], ...] = ()
    waited_ns: tuple[tuple[int, ...], ...] = ((0,),)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Script:
        """Reads the script.

        Raises:
            UsageError: a variable is not as the module says.
        """
        fault = environ.get("FAKE_FAULT")
        canary = environ.get("FAKE_CANARY_NS")
        return cls(
            latencies_ns=_lists(environ, "FAKE_LATENCIES_NS", "1000000"),
            starts_ns=_integers("FAKE_START_NS", environ.get("FAKE_START_NS") or "0"),
            answers=_integers("FAKE_ANSWERS", environ["FAKE_ANSWERS"])
            if environ.get("FAKE_ANSWERS")
            else (),
            realtime=environ.get("FAKE_REALTIME") == "1",
            fault=Fault.parse(fault) if fault else None,
            kernels=environ.get("FAKE_KERNELS") or None,
            canary_ns=_lists(environ, "FAKE_CANARY_NS", "") if canary else (),
            waited_ns=_lists(environ, "FAKE_WAITED_NS", "0"),
        )


def _lists(environ: Mapping[str, str], name: str, default: str) -> tuple[tuple[int, ...], ...]:
    return tuple(_integers(name, text) for text in (environ.get(name) or default).split(";"))


def _integers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            f"{name}={text!r} is no list of integers", hint="integers separated by commas"
        ) from None


class FakeEngine:
    """See the module. Each instance has a clock of its own, bound to the thread of its runner."""

    name = "fake"
    version = "fake 1"

    def __init__(self, spec: EngineSpec, script: Script | None = None) -> None:
        self._spec = spec
        self._script = script if script is not None else Script.read(os.environ)
        self._here = threading.local()

    def runner(self, index: int) -> _FakeRunner:
        """Returns instance ``index`` and makes its clock that of the calling thread."""
        runner = _FakeRunner(self._script, self._spec.first_instance + index)
        self._here.runner = runner
        return runner

    def clock(self) -> int:
        """Returns the virtual time of the calling thread's instance."""
        now: int = self._here.runner.now_ns
        return now

    def canary(self) -> CoreWatch | None:
        """Returns the scripted looks of the calling thread's instance."""
        index = self._here.runner.instance
        return _ScriptedLooks(self._script, index) if self._script.canary_ns else None

    def observe(self, infer: Callable[[], object]) -> str:
        """Returns the log of a run that used one kernel for all convolutions; runs nothing.

        The layers have the shapes that the torch engines give them, and take 0.1 ms each.
        """
        claimed = self._script.kernels or PRECISIONS[self._spec.precision].kernels.usual
        if self._spec.device == "cuda":
            return f"{CUDA_PREFIX}{claimed}\n" * CONVOLUTIONS
        implementation, source_type = claimed.split()
        shapes = layers(self._spec.graph, pulled_back=True)
        return "".join(
            _log_line(layer, self._spec.batch_size, implementation, source_type) for layer in shapes
        )

    def close(self) -> None:
        """Holds nothing."""


def _log_line(layer: Layer, images: int, implementation: str, source_type: str) -> str:
    if layer.name == CLASSIFIER:
        kind, problem = "matmul", f"{images}x{layer.channels_in}:{layer.channels_in}x{CLASSES}"
    else:
        kind = "convolution"
        axes = (
            f"i{axis}{layer.size_in}o{axis}{layer.size_out}k{axis}{layer.kernel}s{axis}"
            f"{layer.stride}d{axis}0p{axis}{layer.kernel // 2}"
            for axis in "hw"
        )
        problem = "_".join((f"mb{images}", f"ic{layer.channels_in}oc{layer.channels_out}", *axes))
    added = "attr-post-ops:sum" if layer.name.endswith(".conv3") else ""
    return (
        f"onednn_verbose,v1,primitive,exec,cpu,{kind},{implementation},forward_inference,"
        f"src:{source_type}::blocked:acdb::f0 wei:{source_type}::blocked:acdb::f0,"
        f"{added},,{problem},0.1\n"
    )


# By the likeliest class: a row that falls by one with each class after it, modulo the classes.
_LOGITS = np.float32(CLASSES) - (
    (np.arange(CLASSES) - np.arange(CLASSES)[:, None]) % CLASSES
).astype(np.float32)


class _FakeRunner:
    def __init__(self, script: Script, instance: int) -> None:
        lists = script.latencies_ns
        self.now_ns = script.starts_ns[instance % len(script.starts_ns)]
        self._script = script
        self.instance = instance
        self._latencies = lists[instance % len(lists)]
        self._count = 0
        self._pictures = 0

    def prepare(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(batch, np.float32)

    def windows(
        self, pictures: NDArray[np.float32], size: int
    ) -> Callable[[int], NDArray[np.float32]]:
        return lambda first: pictures[first : first + size]

    def infer(self, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        latency = self._latencies[self._count % len(self._latencies)]
        self._count += 1
        self._perhaps_fail()
        if self._script.realtime:
            time.sleep(latency / 1e9)
        self.now_ns += latency
        return self._answer(prepared)

    def logits(self, output: Any) -> NDArray[np.float32]:
        return np.asarray(output, np.float32)

    def _answer(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = len(batch)
        if self._script.answers:
            seen = np.arange(self._pictures, self._pictures + rows)
            answers = np.asarray(self._script.answers)
            likeliest = answers[seen % len(answers)]
        else:
            first = np.rint(batch[:, :2, 0, 0]).astype(np.int64)
            likeliest = 16 * first[:, 0] + first[:, 1]
        self._pictures += rows
        if self._strikes("other"):
            likeliest = likeliest + CLASSES // 2 * (np.arange(rows) == rows - 1)
        logits: NDArray[np.float32] = _LOGITS[likeliest % CLASSES]
        if self._strikes("nan"):
            logits[0, -1] = np.nan
        return logits[:-1] if self._strikes("short") else logits

    def _perhaps_fail(self) -> None:
        if self._strikes("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._strikes("exit"):
            os._exit(3)
        if self._strikes("raise"):
            raise RuntimeError(f"FAKE_FAULT at inference {self._count}")
        while self._strikes("hang"):
            time.sleep(3600)

    def _strikes(self, kind: str) -> bool:
        fault = self._script.fault
        return fault is not None and fault.strikes(kind, self._count, self.instance)


class _ScriptedLooks:
    """Looks of one instance that find what the script says, and are due after each batch."""

    def __init__(self, script: Script, instance: int) -> None:
        self._canary, self._waited = (
            cycle(lists[instance % len(lists)]) for lists in (script.canary_ns, script.waited_ns)
        )
        self._found: list[tuple[int, int, int]] = []

    def begin(self, most: int) -> None:
        self._found = []

    def look(self, after_ns: int) -> int:
        self._found.append((after_ns, next(self._canary), next(self._waited)))
        return after_ns

    def found(self) -> list[tuple[int, int, int]]:
        return self._found
