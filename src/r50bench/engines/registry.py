"""Every engine by its name. Heavy modules load only for who needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pkgutil import resolve_name

from r50bench.case import FORMER_ENGINES
from r50bench.engines.base import PYTHON_VARIABLE, Engine, EngineDescriptor, EngineSpec
from r50bench.errors import EngineError, UsageError, did_you_mean
from r50bench.notices import Notice
from r50bench.precision import PRECISIONS

__all__ = [
    "DESCRIPTORS",
    "ENGINES",
    "engine_named",
    "load_engine",
    "notice_of_former_name",
    "packages_of",
    "present_name",
    "recorded_engine",
    "version_of",
]

DESCRIPTORS = {
    "torch": "r50bench.engines.torch:AOT",
    "r50": "r50bench.engines.r50:DESCRIPTOR",
    "torch-compile": "r50bench.engines.torch:COMPILE",
    "torch-eager": "r50bench.engines.torch:EAGER",
    "onnxruntime": "r50bench.engines.onnxruntime:DESCRIPTOR",
    "openvino": "r50bench.engines.openvino:DESCRIPTOR",
    "zentorch": "r50bench.engines.zentorch:DESCRIPTOR",
    "fake": "r50bench.engines.fake:DESCRIPTOR",
}
"""Where each engine describes itself, in the order of the help; the first is the default."""


class _Engines(Mapping[str, EngineDescriptor]):
    """Descriptors by name, each imported when it is first asked for."""

    def __getitem__(self, name: str) -> EngineDescriptor:
        descriptor: EngineDescriptor = resolve_name(DESCRIPTORS[name])
        return descriptor

    def __contains__(self, name: object) -> bool:
        return name in DESCRIPTORS

    def __iter__(self) -> Iterator[str]:
        return iter(DESCRIPTORS)

    def __len__(self) -> int:
        return len(DESCRIPTORS)


ENGINES: Mapping[str, EngineDescriptor] = _Engines()
"""In the order of the help; the first is the default."""


def engine_named(word: str) -> EngineDescriptor:
    """Returns the engine of a name, also a former one, in upper or lower case.

    Raises:
        UsageError: there is no such engine.
    """
    name = present_name(word)
    if name not in ENGINES:
        raise UsageError(
            f"unknown engine {word!r}",
            hint=did_you_mean(name, ENGINES) or f"known: {', '.join(ENGINES)}",
        )
    return ENGINES[name]


def recorded_engine(name: str) -> EngineDescriptor:
    """Returns the engine that a record names; what is not here has no more than its name.

    Records are read by versions, and in environments, that lack an engine they were made with.
    """
    known = ENGINES.get(name)
    return known or EngineDescriptor(name, framework=name, query_word=name, load="", evidence="")


def present_name(word: str) -> str:
    """Returns what an engine that once had the name ``word`` is called now; other words as are."""
    name = word.strip().lower()
    return FORMER_ENGINES.get(name, name)


def notice_of_former_name(word: str) -> Notice | None:
    """Returns what should be said where somebody used a former name of an engine, else None."""
    name = present_name(word)
    if name == word.strip().lower():
        return None
    engine = ENGINES[name]
    return Notice(
        "engine-renamed",
        f"engine {word} is called {name} now: {engine.title}",
        f"say {name}",
    )


def packages_of(
    engine: EngineDescriptor, precision: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """Returns the versions of the packages that an engine needs for a precision, by name.

    They are those that workers of ``environment`` find. Of names that ``|`` separates, the first
    that is installed does.

    Raises:
        EngineError: one is not installed; the hint says how to install it.
    """
    for_int8 = engine.int8_packages if PRECISIONS[precision].numerics.calibrated else ()
    found: dict[str, str] = {}
    for wanted in engine.packages + for_int8:
        names = wanted.split("|")
        versions = {name: version_of(name, environment) for name in names}
        installed = {name: text for name, text in versions.items() if text is not None}
        if not installed:
            raise EngineError(
                f"engine {engine.name}: {names[0]} is not installed",
                hint=engine.install or f"pip install {names[0]}",
            )
        found |= dict([next(iter(installed.items()))])
    return found


def version_of(package: str, environment: Mapping[str, str]) -> str | None:
    """Returns the version of a package that workers of ``environment`` find, None without it."""
    python = environment.get(PYTHON_VARIABLE)
    if python is not None:
        from r50bench.engines.interpreter import interpreter_of  # few cases have another Python

        return interpreter_of(python).packages.get(package.lower())
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def load_engine(spec: EngineSpec) -> Engine:
    """Loads the engine that ``spec`` names, in the worker.

    Raises:
        EngineError: what it needs is missing or damaged.
        Unsupported: this machine or this torch build cannot run it.
        UsageError: there is no such engine.
    """
    engine: Engine = resolve_name(engine_named(spec.engine).load)(spec)
    return engine
