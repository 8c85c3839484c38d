"""``QUERY , get KEY`` as the shell delivers it: a pipeline of two stages, in any spacing.

Terms and stages are both separated by commas, and whether a comma stands alone decides nothing:
what begins with the word ``get`` is the second stage, all else is the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from r50bench.errors import UsageError

__all__ = ["QueryCommand", "split_command", "split_terms"]

_EXAMPLE = "for example: loadgen_output,loadgen_scenario=Offline , get accuracy"


@dataclass(frozen=True)
class QueryCommand:
    """The texts of the query's terms, and the key whose value is asked (None: all there is)."""

    terms: tuple[str, ...]
    key: str | None


def split_command(words: Sequence[str]) -> QueryCommand:
    """Returns the parts of a command line.

    Raises:
        UsageError: no query, an empty term, or anything but one ``get KEY`` at the end.
    """
    pieces = _pieces(words)
    if not pieces:
        raise UsageError("no query", hint=_EXAMPLE)
    actions = _actions(pieces)
    if not actions:
        return QueryCommand(tuple(pieces), None)
    if actions != [len(pieces) - 1]:
        raise UsageError("'get KEY' stands once, at the end", hint=_EXAMPLE)
    asked = pieces.pop().split()[1:]
    if len(asked) != 1:
        raise UsageError(f"'get' takes one key, here {len(asked)}", hint=_EXAMPLE)
    if not pieces:
        raise UsageError("'get' stands alone, without a query before it", hint=_EXAMPLE)
    return QueryCommand(tuple(pieces), asked[0])


def split_terms(words: Sequence[str]) -> tuple[str, ...]:
    """Returns the terms of a query that nothing is got from; none where there are no words.

    Raises:
        UsageError: an empty term, or a ``get``.
    """
    pieces = _pieces(words)
    if _actions(pieces):
        raise UsageError("'get' belongs to 'r50bench byquery'", hint="here --json gives every key")
    return tuple(pieces)


def _pieces(words: Sequence[str]) -> list[str]:
    text = " ".join(words).strip()
    pieces = [piece.strip() for piece in text.split(",")] if text else []
    if "" in pieces:
        raise UsageError(
            f"{text!r} has an empty term: two commas in a row, or one at an end", hint=_EXAMPLE
        )
    return pieces


def _actions(pieces: Sequence[str]) -> list[int]:
    return [number for number, piece in enumerate(pieces) if piece.split()[0] == "get"]
