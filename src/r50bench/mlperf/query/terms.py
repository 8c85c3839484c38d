"""The terms of a query, and whether they hold of a record.

tag               it carries the tag
!tag  -tag  ^tag  tag-     it does not
key=value         equal; also == != <> < <= > >=, typed by the key; a time is as fine as it is given
key.              there is a value
key?  key+        the value is true: neither absent, nor False, 0 or empty
key-              it is not
"""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from r50bench.engines.registry import notice_of_former_name
from r50bench.errors import UsageError, did_you_mean
from r50bench.mlperf.query.times import Period
from r50bench.mlperf.query.vocabulary import (
    KEYS,
    REPOSITORY_KEYS,
    REPOSITORY_TAG,
    TAGS,
    Key,
    Scalar,
)
from r50bench.notices import Notice
from r50bench.precision import NUMERICS, PRECISIONS, numerics_of

__all__ = [
    "COMPARE",
    "Comparison",
    "Presence",
    "TagTerm",
    "Term",
    "Truth",
    "asks_for_repository",
    "notices_on_terms",
    "parse_terms",
    "query_text",
]

Facts = Mapping[str, Any]

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SYNONYMS = {"==": "=", "<>": "!="}

_COMPARISON = re.compile(r"(\w+)\s*(==|!=|<>|<=|>=|=|<|>)\s*(.+)", re.DOTALL)
_MARKED = re.compile(r"(\w+)([.?+-])")
_TAG = re.compile(r"([!^-]?)(\w+)")


@dataclass(frozen=True)
class TagTerm:
    """``tag``, or ``!tag`` where it is negated."""

    tag: str
    negated: bool = False

    def holds(self, tags: Collection[str], facts: Facts) -> bool:
        """Whether a record with these tags and facts is meant."""
        return (self.tag in tags) != self.negated

    def __str__(self) -> str:
        return f"!{self.tag}" if self.negated else self.tag


@dataclass(frozen=True)
class Comparison:
    """``key operator value``; of what has no such value only ``!=`` holds.

    ``text`` is the value as it was given.
    """

    key: Key
    operator: str
    value: Scalar | Period
    text: str = field(default="", compare=False)

    @property
    def given(self) -> Scalar:
        """The value, of a key that a run is given: none of them is a time."""
        assert not isinstance(self.value, Period)
        return self.value

    def holds(self, tags: Collection[str], facts: Facts) -> bool:
        known = facts.get(self.key.name)
        if known is None:
            return self.operator == "!="
        if self.key.name == "precision" and self.value in NUMERICS and known in PRECISIONS:
            known = numerics_of(known)
        if isinstance(self.value, Period):
            return self.value.holds(self.operator, known)
        return COMPARE[self.operator](known, self.value)

    def __str__(self) -> str:
        return f"{self.key.name}{self.operator}{query_text(self.value)}"


@dataclass(frozen=True)
class Presence:
    """``key.``: there is a value."""

    key: Key

    def holds(self, tags: Collection[str], facts: Facts) -> bool:
        return facts.get(self.key.name) is not None

    def __str__(self) -> str:
        return f"{self.key.name}."


@dataclass(frozen=True)
class Truth:
    """``key?`` (the value is true), or ``key-`` (it is not)."""

    key: Key
    wanted: bool

    def holds(self, tags: Collection[str], facts: Facts) -> bool:
        return bool(facts.get(self.key.name)) == self.wanted

    def __str__(self) -> str:
        return f"{self.key.name}{'?' if self.wanted else '-'}"


Term = TagTerm | Comparison | Presence | Truth


def parse_terms(texts: Iterable[str]) -> tuple[Term, ...]:
    """Reads terms.

    Raises:
        UsageError: a text is no term, its key or tag is not known, or its value is not of the
            key's type.
    """
    return tuple(_parse(text.strip()) for text in texts)


def notices_on_terms(terms: Iterable[Term]) -> tuple[Notice, ...]:
    """Returns a notice for every engine that is asked for by a former name."""
    given = [
        term.text for term in terms if isinstance(term, Comparison) and term.key.field == "engine"
    ]
    return tuple(notice for word in given if (notice := notice_of_former_name(word)) is not None)


def query_text(value: Scalar | Period) -> str:
    """Returns a value as it is written in a query."""
    if isinstance(value, tuple):
        return " ".join(f"{name}={shlex.quote(text)}" for name, text in value)
    if isinstance(value, float):
        # Every digit, without the exponent that no key's reader takes.
        return format(Decimal(repr(value)), "f")
    return str(value)


def _parse(text: str) -> Term:
    if match := _COMPARISON.fullmatch(text):
        name, sign, value = match.groups()
        return _comparison(_key(name, text), _SYNONYMS.get(sign, sign), value.strip(), text)
    if match := _MARKED.fullmatch(text):
        word, mark = match.groups()
        if mark == "-" and word in TAGS:
            return TagTerm(word, negated=True)
        key = _key(word, text)
        return Presence(key) if mark == "." else Truth(key, wanted=mark != "-")
    if match := _TAG.fullmatch(text):
        return TagTerm(_tag(match[2]), negated=bool(match[1]))
    hints = [_commas(text), "a term is tag, !tag, key=value (or != < <= > >=), key. , key? or key-"]
    raise UsageError(f"{text!r} is no term of a query", hint="; ".join(filter(None, hints)))


def _comparison(key: Key, sign: str, text: str, whole: str) -> Comparison:
    try:
        value = key.parse(text)
    except ValueError as error:
        default = None if key.role == "result" else f"leave {key.name} out for its default"
        raise UsageError(f"{whole}: {error}", hint=_commas(text) or default) from None
    if sign not in ("=", "!=") and not isinstance(value, int | float | str | Period):
        raise UsageError(f"{whole}: {key.name} has no order", hint="use = or !=")
    return Comparison(key, sign, value, text)


def _key(name: str, text: str) -> Key:
    if name not in KEYS:
        hint = did_you_mean(name, KEYS)
        if name in TAGS:
            hint = f"{name} is a tag: it stands alone, or as !{name}"
        raise UsageError(f"unknown key {name!r} in {text!r}", hint=hint or _known(KEYS))
    return KEYS[name]


def _tag(word: str) -> str:
    if word in TAGS:
        return word
    if word in KEYS:
        raise UsageError(
            f"{word!r} is a key and needs a value", hint=f"{word}=VALUE; or {word}. for any value"
        )
    raise UsageError(
        f"unknown tag {word!r}: nothing produces it",
        hint=did_you_mean(word, (*TAGS, *KEYS)) or _known(TAGS),
    )


def _commas(text: str) -> str | None:
    """Returns a hint where several terms seem to stand in one."""
    return "commas stand between terms, not blanks" if len(text.split()) > 1 else None


def _known(words: Iterable[str]) -> str:
    return f"known: {' '.join(words)}"


def asks_for_repository(texts: Iterable[str]) -> bool:
    """Whether the query would import recipes from a repository.

    Raises:
        UsageError: it has a term that no such query has.
    """
    terms = list(texts)
    if REPOSITORY_TAG not in terms:
        return False
    for term in terms:
        word = re.split(r"[=!<>]", term, maxsplit=1)[0]
        if term != word and word not in REPOSITORY_KEYS:
            raise UsageError(f"unknown key {word!r} in {term!r}", hint=_known(REPOSITORY_KEYS))
    return True
