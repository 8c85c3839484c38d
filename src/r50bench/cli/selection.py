"""Which cases a command line means: by name, glob, regular expression, or by their parts."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from types import FrameType

from r50bench.case import CASE_TYPES, CaseName, is_glob, strip_prefixes, workload_of
from r50bench.errors import UsageError, did_you_mean
from r50bench.host.isa import detect_platform
from r50bench.host.topology import Host
from r50bench.parameters import PARAMETERS, Setting, asked_device
from r50bench.precision import PRECISIONS, means

__all__ = ["CHOSEN_PARTS", "matching", "select"]

CHOSEN_PARTS = tuple(row.name for row in PARAMETERS if row.in_name and not row.checked_only)
"""The parts of a case's name among which there is a choice."""

_MAIN_ORDER = ("throughput", "latency", "accuracy")
_PATIENCE_S = 2.0
_FULL_NAME = "test_resnet50_pytorch_xeon_public_{}"


def select(
    words: Sequence[str],
    regex: str | None,
    settings: Mapping[str, Setting],
    host: Host,
    *,
    default_mode: str | None = None,
) -> tuple[CaseName, ...]:
    """Returns the cases that are asked, each once; none at all where nothing names any.

    A plain word is a case name, designed for this host or not. A glob and ``regex`` choose among
    the designed cases, narrowed by MODE, PRECISION and CASE_TYPE where an option or ``--set`` gives
    them; cases with a case type are chosen only where one is given so or the pattern names one,
    since whoever asks for a mode or a precision wants each case once.

    Without words, MODE, PRECISION and CASE_TYPE make the names: what is not given is
    ``default_mode``, or ranges over all modes, and over all precisions of this host.

    Raises:
        UsageError: a name is misspelt, a pattern matches nothing, or ``regex`` is malformed.
    """
    if not words and regex is None:
        return _from_parts(settings, host, default_mode)
    if regex is None and not any(map(is_glob, words)):
        return tuple(dict.fromkeys(map(CaseName.parse, words)))
    from r50bench.planning.designed_cases import designed_cases  # cases that are named need no list

    designed = _narrowed(designed_cases(host), settings)
    chosen: list[CaseName] = []
    for word in words:
        chosen += matching(word, designed, host) if is_glob(word) else [CaseName.parse(word)]
    if regex is not None:
        chosen += _matching_regex(regex, designed, host)
    return tuple(dict.fromkeys(chosen))


def matching(glob: str, designed: Iterable[CaseName], host: Host) -> list[CaseName]:
    """Returns the designed cases that a glob, or a plain name, matches, as :func:`select` says.

    Raises:
        UsageError: it matches none.
    """
    names = list(designed)
    pattern = strip_prefixes(glob)
    found = [name for name in _with_case_type(names, pattern) if fnmatchcase(str(name), pattern)]
    workload = workload_of(glob)
    return [replace(name, workload=workload) for name in found] or _none_matches(glob, names, host)


def _matching_regex(regex: str, designed: Sequence[CaseName], host: Host) -> list[CaseName]:
    """Matches anywhere in the name, also with the prefixes of the original workload's tests."""
    try:
        pattern = re.compile(regex, re.IGNORECASE)
    except re.error as error:
        raise UsageError(
            f"-R {regex!r} is no regular expression: {error}",
            hint="for a glob, leave out -R: r50bench run 'inference_*'",
        ) from None
    with _in_time(regex):
        found = [
            name
            for name in _with_case_type(designed, regex)
            if pattern.search(str(name)) or pattern.search(_FULL_NAME.format(name))
        ]
    return found or _none_matches(regex, designed, host)


@contextmanager
def _in_time(regex: str) -> Iterator[None]:
    """Ends a search that goes back and forth without end, as ``(a+)+$`` can.

    Raises:
        UsageError: it took longer than any plain expression takes by far.
    """

    def give_up(number: int, frame: FrameType | None) -> None:
        raise UsageError(
            f"-R {regex!r} does not come to an end within {_PATIENCE_S:g} s",
            hint="a repetition of what is repeated itself, such as (a+)+, does that: take one out",
        )

    former = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _with_case_type(names: Sequence[CaseName], pattern: str) -> Sequence[CaseName]:
    """Leaves out cases with a case type, unless the pattern names one or there are no others."""
    if any(word in pattern.lower() for word in CASE_TYPES[1:]):
        return names
    return [name for name in names if not name.case_type] or names


def _none_matches(pattern: str, designed: Sequence[CaseName], host: Host) -> list[CaseName]:
    names = [str(name) for name in designed]
    raise UsageError(
        f"no case matches {pattern!r} on this host ({detect_platform(host)})",
        hint=did_you_mean(re.sub(r"[*?^$.\[\]]", "", strip_prefixes(pattern)), names)
        or "see 'r50bench list'",
    )


def _from_parts(
    settings: Mapping[str, Setting], host: Host, default_mode: str | None
) -> tuple[CaseName, ...]:
    parts = {part: str(settings[part].value) for part in CHOSEN_PARTS if part in settings}
    if default_mode is not None:
        parts.setdefault("mode", default_mode)
    if not parts:
        return ()
    device = asked_device(settings)
    precisions = (parts["precision"],) if "precision" in parts else _all_precisions(host, device)
    modes = (parts["mode"],) if "mode" in parts else _MAIN_ORDER
    return tuple(
        CaseName.of_parts(mode, precision, parts.get("case_type", ""))
        for precision in precisions
        for mode in modes
    )


def _all_precisions(host: Host, device: str) -> tuple[str, ...]:
    from r50bench.planning.designed_cases import precisions_without_choice  # as above

    return precisions_without_choice(host, device)


def _narrowed(
    designed: Iterable[CaseName], settings: Mapping[str, Setting]
) -> tuple[CaseName, ...]:
    asked = {
        part: settings[part].value
        for part in CHOSEN_PARTS
        if part in settings and settings[part].source != "environment"
    }
    device = asked_device(settings, otherwise="")
    return tuple(
        name
        for name in designed
        if all(
            means(str(word), name.precision) if part == "precision" else getattr(name, part) == word
            for part, word in asked.items()
        )
        and device in ("", PRECISIONS[name.precision].device)
    )
