"""Verbs that a cluster's nodes can do instead of this machine: ``--fleet ADDRESS``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

__all__ = ["SentAround"]

_OPTION = "--fleet"


class SentAround(click.Command):
    """A command that takes ``--fleet ADDRESS``, and has every node of that cluster do the rest."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        text = "Have every node of this cluster do it, see 'r50bench fleet run --verb'."
        self.params.append(click.Option([_OPTION], metavar="ADDRESS", help=text))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[__name__] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        address = ctx.params.pop("fleet")
        if address is None:
            return super().invoke(ctx)
        from r50bench.cli.fleet_run import run  # most runs are of this machine

        verb = ctx.info_name or ""
        words = _without_option(ctx.meta[__name__], ctx)
        with run.make_context(
            "run", ["--address", address, "--verb", verb, "--", *words], parent=ctx.parent
        ) as sent:
            return run.invoke(sent)


def _without_option(words: Sequence[str], ctx: click.Context) -> Iterator[str]:
    """Yields the words without the option and its value, however they are spelled."""
    normalize = ctx.token_normalize_func or str
    rest = iter(words)
    for word in rest:
        if word == "--":
            yield word
            break
        name, equals, _ = word.partition("=")
        if name.startswith("--") and normalize(name) == _OPTION:
            if not equals:
                next(rest, None)
            continue
        yield word
    yield from rest
