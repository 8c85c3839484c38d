"""The face of an engine: float32 batch in, float32 logits out; and what is known of it unloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from r50bench.host.topology import Host

if TYPE_CHECKING:  # workers alone look at cores
    from r50bench.host.canary import CoreWatch

__all__ = [
    "CPU_NUMERICS",
    "CUDA_NUMERICS",
    "Engine",
    "EngineDescriptor",
    "EngineSpec",
    "Runner",
    "ScriptedCanary",
]

PYTHON_VARIABLE = "R50BENCH_WORKER_PYTHON"
"""Names the other interpreter in the environment of workers and compilers; absent for this one."""

CPU_NUMERICS = frozenset({"fp32", "bf16", "bf32", "int8"})
"""What an engine without gaps has on CPUs."""

CUDA_NUMERICS = frozenset({"fp32", "tf32", "bf16", "fp16"})
"""What an engine without gaps has on GPUs."""


def _nothing(host: Host, precision: str) -> str:
    return ""


@dataclass(frozen=True)
class EngineDescriptor:
    """What is known of an engine before anything of it is imported; one in each engine's folder.

    ``name`` is what ``--engine`` takes.
    ``framework`` says whose code computes the convolutions, for people; ``query_word`` says it in
    queries; ``variant`` tells engines of one framework apart, such as AOTInductor.

    ``load``, ``evidence`` and ``prepare`` are import strings, ``module:callable``, so that heavy
    modules are imported only where they are used. ``load`` takes an :class:`EngineSpec` in the
    worker and returns an :class:`Engine`. ``evidence`` takes a precision and returns the
    :class:`.judge.Rule` that its kernels must meet. ``prepare``, None where nothing is made ahead,
    takes a spec and a :class:`.preparation.Preparation` in the parent and returns the spec with
    what was made, and whether that was now.

    ``numerics`` are by device what it computes; ``lacking`` says, as a clause, what keeps its
    kernels for a precision from a host (empty: nothing), by looking at files at most.
    ``shares_weights``: instances of one process can share one copy. ``allocator``: tcmalloc is
    ``faster``, makes no difference (``any``), or aborts it (``system``). ``packages`` must be
    installed (of names that ``|`` separates, one), ``int8_packages`` beside them for int8;
    ``install`` says how.

    ``times_layers``: its kernels on CPUs say how long each took. ``uses_onednn``: oneDNN's
    variables have an effect. ``scripted``: it computes nothing, and its figures say nothing of the
    host. ``among_peers``: ``r50bench peers`` measures it unless told otherwise. ``preparation``
    says in MLPerf's words how its weights are transformed, ``preparation_on_gpu`` how on a GPU,
    ``quantised_by`` whose tool makes its int8.
    """

    name: str
    framework: str
    query_word: str
    load: str
    evidence: str
    prepare: str | None = None
    variant: str = ""
    numerics: Mapping[str, frozenset[str]] = field(default_factory=lambda: {"cpu": CPU_NUMERICS})
    lacking: Callable[[Host, str], str] = _nothing
    shares_weights: bool = False
    allocator: Literal["faster", "any", "system"] = "any"
    packages: tuple[str, ...] = ()
    int8_packages: tuple[str, ...] = ()
    install: str = ""
    times_layers: bool = False
    uses_onednn: bool = False
    scripted: bool = False
    among_peers: bool = False
    preparation: str = ""
    preparation_on_gpu: str = ""
    quantised_by: str = ""

    @property
    def title(self) -> str:
        """Framework and variant, such as ``PyTorch with AOTInductor``."""
        return f"{self.framework} with {self.variant}" if self.variant else self.framework


@dataclass(frozen=True)
class EngineSpec:
    """Everything a worker needs to load an engine; plain data, sent as JSON.

    ``graph`` is ``v1`` or ``v1.5``; ``state_dict`` the path of the model's state dict as
    :mod:`r50bench.assets.weights` keeps it, or ``random:<seed>``; ``convention`` the name of the
    preprocessing the weights were trained with. ``artifact`` is the folder with the compiled model
    of engines that are compiled ahead (None for the others); ``loader`` the extension that lets
    several runners share it, or one give up the interpreter (None for others); ``kernels`` the
    library of our own kernels that the artifact is a plan for (None where it is none). ``threads``
    are the cores of one instance; ``runners`` says how many instances share one copy of the weights
    in this process; ``first_instance`` is the number, in the whole run, of this process's instance
    0; ``calibration`` the path of a uint8 array (N, 224, 224, 3) RGB that int8 is calibrated on,
    and ``quantised`` the folder of a model for which that is done (None where it is not).
    ``beside_python`` asks of an inference to let other Python threads run, also of a single one.
    ``cuda_graph`` asks for the whole inference to be captured once, and then replayed.
    """

    engine: str
    device: str
    precision: str
    graph: str
    convention: str
    state_dict: str
    batch_size: int
    threads: int
    runners: int = 1
    first_instance: int = 0
    artifact: str | None = None
    loader: str | None = None
    kernels: str | None = None
    calibration: str | None = None
    quantised: str | None = None
    beside_python: bool = False
    cuda_graph: bool = False


class Runner(Protocol):
    """One instance's way into the engine. It is used from one thread only."""

    def prepare(self, batch: Any) -> Any:
        """Takes a float32 array (batch, 3, 224, 224), normalised; returns what ``infer`` takes.

        Copies to the engine's own layout and device; meant to run outside the measured window.
        """

    def windows(self, pictures: Any, size: int) -> Callable[[int], Any]:
        """Takes float32 (rows, 3, 224, 224); returns what prepares ``size`` of them from a row on.

        Without a copy where the engine can read the array as it lies; it must not change before
        ``infer`` returns. A window is good until the next one of the same array is asked for.
        """

    def infer(self, prepared: Any) -> Any:
        """Runs one batch and returns when the logits are complete.

        The output is good until the next inference of this runner.
        """

    def logits(self, output: Any) -> Any:
        """Returns an output of ``infer`` as a float32 numpy array (batch, 1000)."""


class Engine(Protocol):
    """A loaded model. Loading happens in a worker whose environment and affinity are already set.

    ``version`` names the library that computes, such as ``torch 2.13.0+cpu``.
    """

    name: str
    version: str

    def runner(self, index: int) -> Runner:
        """Returns the way in for instance ``index`` of this process (0 ≤ index < runners).

        Call it in the thread that will use the runner, after binding that thread to its CPUs: the
        number of OpenMP threads is set per thread, and the threads that the first inference starts
        inherit the binding.
        """

    def clock(self) -> int:
        """Returns the engine's time in ns: the clock that batches are stamped with."""

    def observe(self, infer: Callable[[], object]) -> str:
        """Runs ``infer`` once and returns the log of the kernels it used.

        The text is what :func:`r50bench.engines.evidence.judge.count_kernels` reads. Slow: never
        call it in the measured window.
        """

    def close(self) -> None:
        """Releases what the engine holds."""


@runtime_checkable
class ScriptedCanary(Protocol):
    """An engine that says itself what a look at its cores finds, as it does with its clock."""

    def canary(self) -> CoreWatch | None:
        """Returns what looks, in the thread of a runner, on its clock; None where nothing does."""
