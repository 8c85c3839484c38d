"""``r50bench cache``: what is kept, where it came from, whether it is whole; and its removal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from r50bench.assets.store import Entry, Store, default_store
from r50bench.cli.shell import terminal_width
from r50bench.errors import CheckFailed, UsageError, did_you_mean
from r50bench.report.table import Column, Table

__all__ = ["cache", "work_collection"]

_COLUMNS = (
    Column("entry", "left"),
    Column("size", "right"),
    Column("age", "right"),
    Column("sha256", "left"),
    Column("source", "left", wraps=True),
)
_SOURCES = ("source", "url", "package", "dataset")  # the store's makers say one of them
_SHOWN_DIGITS = 12
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class _Kept:
    """An entry of the store, or what is left of one (``entry`` is None: it is not whole)."""

    kind: str
    key: str
    path: Path
    entry: Entry | None

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.key}"


@click.group("cache", short_help="Lists, verifies and removes what is kept.")
def cache() -> None:
    """Lists, verifies and removes what is kept: weights, pictures, compiled models, results.

    NAME is an entry (weights/resnet50-v1-keras-1.0.4), a kind (weights), or the beginning of an
    entry's own name (resnet50-v1-).
    """


@cache.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_entries(as_json: bool) -> None:
    """Lists all entries with size, age, hash and source."""
    store = default_store()
    kept = _kept(store)
    if as_json:
        click.echo(json.dumps([_as_data(one) for one in kept], indent=2))
    else:
        click.echo("\n".join(_table(kept, store)))


@cache.command("show")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def show(names: tuple[str, ...]) -> None:
    """Shows all that is known of entries: where they came from, and the hash of every file."""
    chosen = _chosen(_kept(default_store()), names)
    click.echo(json.dumps([_as_data(one, files=True) for one in chosen], indent=2))


@cache.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def verify(names: tuple[str, ...]) -> None:
    """Reads every byte of entries (of all, without NAME) and compares it with what was stored.

    Exits with 3 where one is damaged.
    """
    store = default_store()
    kept = _kept(store)
    damaged = []
    for one in _chosen(kept, names) if names else kept:
        problems = store.verify(one.path)
        click.echo(f"{one.name}: {'; '.join(problems) or 'as it was stored'}")
        if problems:
            damaged.append(one.name)
    if damaged:
        raise CheckFailed(
            f"{len(damaged)} damaged: {', '.join(damaged)}",
            hint=f"'r50bench cache remove {damaged[0]}': it is made again when it is needed",
        )


@cache.command("remove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Remove all entries.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(names: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Removes entries, after asking. Records of runs and files provided by hand stay."""
    if everything == bool(names):
        raise UsageError(
            "say what to remove", hint="r50bench cache remove NAME...; or --all for everything"
        )
    store = default_store()
    kept = _kept(store)
    _remove(store, kept if everything else _chosen(kept, names), yes=yes)


@click.command("work_collection", hidden=True)
@click.argument("words", nargs=-1)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def work_collection(words: tuple[str, ...], yes: bool) -> None:
    """The workflow's own way to say 'r50bench cache remove --all': work_collection , remove.

    There nobody is asked; here whoever is at the terminal is, and a script is not.
    """
    if " ".join(words).replace(",", " ").split() != ["remove"]:
        raise UsageError(
            f"unknown: work_collection {' '.join(words)}".rstrip(),
            hint="work_collection , remove; see also 'r50bench cache --help'",
        )
    store = default_store()
    _remove(store, _kept(store), yes=yes or not sys.stdin.isatty())


def _kept(store: Store) -> list[_Kept]:
    whole = [_Kept(entry.kind, entry.key, entry.path, entry) for entry in store.entries()]
    broken = [_Kept(path.parent.name, path.name, path, None) for path in store.incomplete()]
    return sorted(whole + broken, key=lambda one: one.name)


def _chosen(kept: Sequence[_Kept], names: Iterable[str]) -> list[_Kept]:
    """Returns the entries that are named, each once.

    Raises:
        UsageError: a name means none.
    """
    chosen: dict[str, _Kept] = {}
    for name in names:
        found = [one for one in kept if name in (one.name, one.kind)]
        found = found or [one for one in kept if name and one.key.startswith(name)]
        if not found:
            known = [word for one in kept for word in (one.name, one.kind, one.key)]
            raise UsageError(
                f"nothing that is kept is called {name!r}",
                hint=did_you_mean(name, known) or "see 'r50bench cache list'",
            )
        chosen |= {one.name: one for one in found}
    return list(chosen.values())


def _remove(store: Store, chosen: Sequence[_Kept], *, yes: bool) -> None:
    if not chosen:
        click.echo(f"nothing is kept in {store.root}")
        return
    size = _human(sum(_size(one) for one in chosen))
    for one in chosen:
        click.echo(f"{one.name}  {_human(_size(one))}")
    if not yes:
        _confirm(f"Remove what is listed, {size}, from {store.root}?")
    for one in chosen:
        store.remove(one.kind, one.key)
    click.echo(f"removed {size}")


def _confirm(question: str) -> None:
    """Asks at the terminal.

    Raises:
        UsageError: nobody is there to answer.
        Abort: the answer is no.
    """
    if not sys.stdin.isatty():
        raise UsageError("nothing was removed: nobody is there to be asked", hint="add --yes")
    click.confirm(question, abort=True, err=True)


def _size(one: _Kept) -> int:
    if one.entry is not None:
        return one.entry.size
    return sum(path.stat().st_size for path in one.path.rglob("*") if path.is_file())


def _human(size: float) -> str:
    """Returns a size in bytes with its unit, such as ``97.7 MiB``."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{size:.0f} B"


def _age(created: str) -> str:
    """Returns how long ago an ISO 8601 time was, in its largest unit."""
    seconds = (datetime.now(timezone.utc) - datetime.fromisoformat(created)).total_seconds()
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _table(kept: Sequence[_Kept], store: Store) -> list[str]:
    if not kept:
        return [f"nothing is kept in {store.root}"]
    total = _human(sum(_size(one) for one in kept))
    table = Table.of(_COLUMNS, map(_row, kept))
    return [table.text(terminal_width()), f"{total} in {store.root}"]


def _row(one: _Kept) -> tuple[str, ...]:
    if one.entry is None:
        return (one.name, _human(_size(one)), "-", "-", "! damaged: files are missing or cut short")
    entry = one.entry
    source = next((str(entry.source[word]) for word in _SOURCES if word in entry.source), "-")
    return (
        one.name,
        _human(entry.size),
        _age(entry.created),
        entry.sha256[:_SHOWN_DIGITS],
        _SHA256.sub(lambda digest: digest[0][:_SHOWN_DIGITS], source),
    )


def _as_data(one: _Kept, *, files: bool = False) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": one.kind, "key": one.key, "path": str(one.path)}
    if one.entry is None:
        return data | {"whole": False, "size": _size(one)}
    entry = one.entry
    data |= {"whole": True, "size": entry.size, "created": entry.created}
    data |= {"sha256": entry.sha256, "source": dict(entry.source)}
    return data | {"files": dict(entry.files)} if files else data
