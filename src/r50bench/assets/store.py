"""The cache on disk: entries made once, kept whole, with where they came from and their hashes.

    ROOT/<kind>/<key>/       one entry: its files and provenance.json
    ROOT/.making/            entries being made; what a dead process left is swept
    ROOT/.locks/             one lock file for each entry ever made
    ROOT/incoming/           files that the user provides by hand (see :mod:`.sources`)

An entry appears by one rename after all its bytes are on disk: it is either complete or absent.
Where two make the same one, since the file system knows no locks, the first to be done is kept.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from r50bench.errors import AssetError, R50BenchError, is_system_refusal, reason_of, system_refusal
from r50bench.host.surroundings import cache_folder
from r50bench.notices import Progress, Silent
from r50bench.results.files import Busy, Hold, checked_json, is_disk_full, read_bounded, sync

__all__ = ["PROVENANCE", "Entry", "Store", "default_store", "sha256_of", "stored_sha256"]

PROVENANCE = "provenance.json"
_MAKING = ".making"
_LOCKS = ".locks"
_JOINT = "@"  # between kind and key; no part of either
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=,-]{0,180}")
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_SPACE_BYTES = 1 << 20
_HINT_ELSEWHERE = "set R50BENCH_CACHE to a folder that you may write to, with a few GB free"


@dataclass(frozen=True)
class _KeptFile:
    sha256: str
    size: int


@dataclass(frozen=True)
class _Provenance:
    """What is read again of an entry's provenance.json."""

    created: str
    source: dict[str, Any]
    files: dict[str, _KeptFile]


@dataclass(frozen=True)
class Entry:
    """One complete entry. ``created`` is UTC in ISO 8601, ``size`` the bytes of all its files.

    ``files`` are their hashes by name, as they were stored; ``sha256`` is that of the only file, or
    of the names and hashes of all.
    """

    kind: str
    key: str
    path: Path
    created: str
    size: int
    source: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """The entry's hash, in hexadecimal."""
        if len(self.files) == 1:
            return next(iter(self.files.values()))
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


class Store:
    """Entries under one root, named by kind (such as ``weights``) and key.

    A key must hold everything that decides the content: an entry is never made anew.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._said = False

    @property
    def incoming(self) -> Path:
        """The folder for files provided by hand; it need not exist."""
        return self.root / "incoming"

    def find(self, kind: str, key: str) -> Path | None:
        """Returns the entry's folder if it is complete: every file is there in its full size."""
        path = self._path(kind, key)
        return path if _complete(path) else None

    def newest(self, kind: str, stem: str) -> Entry | None:
        """Returns the newest complete entry whose key is ``stem``, a dash and another word."""
        entries = (entry for entry in self.entries() if entry.kind == kind)
        fitting = (entry for entry in entries if entry.key.rpartition("-")[0] == stem)
        return max(fitting, key=lambda entry: entry.created, default=None)

    def produce(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],
        provenance: Mapping[str, Any],
        progress: Progress | None = None,
        sound: Callable[[Path], bool] = lambda _: True,
    ) -> Path:
        """Returns the entry's folder; where there is none, ``make`` fills a new one first.

        Of several processes that ask at once, one makes the entry and the others wait for it. If
        ``make`` raises or its process dies, there is no entry. ``provenance`` says where the
        bytes came from; it is read after ``make`` has returned, which may thus complete it.
        ``sound`` looks into a whole entry: one that it refuses is made anew.

        Raises:
            AssetError: the disk is full, or the store cannot be written.
        """

        def fit(folder: Path) -> bool:
            return _complete(folder) and sound(folder)

        folder = self._path(kind, key)
        if fit(folder):
            return folder
        with self._errors_named(kind, key):
            self._prepare()
            with self._held(kind, key, progress or Silent()) as hold:
                if fit(folder):
                    return folder
                self._sweep(kind, key, hold)
                return self._make(kind, key, make, provenance, fit)

    def remove(self, kind: str, key: str) -> bool:
        """Removes an entry, whole or damaged; returns False where there is none.

        Whoever looks for it finds it or does not, never a part of it; who has its files open keeps
        them.

        Raises:
            AssetError: another process is making the entry, or the store cannot be written.
        """
        path = self._path(kind, key)
        if not path.is_dir():
            return False
        with self._errors_named(kind, key):
            self._prepare()
            try:
                with Hold(self._lock(kind, key)) as hold:
                    self._sweep(kind, key, hold)
                    aside = self._aside(kind, key)
                    _discard(path, aside)
                    shutil.rmtree(aside)
            except Busy:
                raise AssetError(
                    f"{kind} {key} is being made by another process", hint="wait for it, or end it"
                ) from None
        return True

    def entries(self) -> tuple[Entry, ...]:
        """Returns all complete entries, by kind and key."""
        entries = []
        for path in self._folders():
            record = _read_provenance(path)
            if record is not None and _has_all(path, record):
                entries.append(_entry(path, record))
        return tuple(entries)

    def incomplete(self) -> tuple[Path, ...]:
        """Returns the folders of entries that are no longer whole: files are missing or cut."""
        return tuple(path for path in self._folders() if not _complete(path))

    def verify(self, path: Path) -> tuple[str, ...]:
        """Reads every byte of the entry at ``path``; returns what is wrong with it, one line each.

        Nothing wrong gives an empty tuple.
        """
        record = _read_provenance(path)
        if record is None:
            return (f"{PROVENANCE} is missing or damaged",)
        problems = []
        present = {str(file.relative_to(path)) for file in _files(path)} - {PROVENANCE}
        for name, kept in record.files.items():
            if name not in present:
                problems.append(f"{name} is missing")
            elif sha256_of(path / name) != kept.sha256:
                problems.append(f"{name} is not what was stored")
        problems += [f"{name} was not stored with the entry" for name in present - {*record.files}]
        return tuple(sorted(problems))

    def _folders(self) -> list[Path]:
        by_hand = self.incoming
        folders = (path for path in self.root.glob("[!.]*/*") if path.parent != by_hand)
        return sorted(path for path in folders if path.is_dir() and _WORD.fullmatch(path.name))

    def _path(self, kind: str, key: str) -> Path:
        for word in (kind, key):
            if _WORD.fullmatch(word) is None:
                raise ValueError(f"not fit for a folder name: {word!r}")
        return self.root / kind / key

    def _lock(self, kind: str, key: str) -> Path:
        return self.root / _LOCKS / f"{kind}{_JOINT}{key}.lock"

    @contextmanager
    def _held(self, kind: str, key: str, progress: Progress) -> Iterator[Hold]:
        path = self._lock(kind, key)
        try:
            hold = Hold(path)
        except Busy:
            progress.note(f"another process is making {kind} {key}: waiting for it")
            hold = Hold(path, wait=True)
        with hold:
            if not self._said:
                self._said = True
                for notice in hold.notices():
                    progress.warn(notice)
            yield hold

    def _prepare(self) -> None:
        for folder in (_MAKING, _LOCKS):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def _aside(self, kind: str, key: str) -> Path:
        prefix = f"{kind}{_JOINT}{key}{_JOINT}"
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self.root / _MAKING))

    def _make(
        self,
        kind: str,
        key: str,
        make: Callable[[Path], None],
        provenance: Mapping[str, Any],
        fit: Callable[[Path], bool],
    ) -> Path:
        making = self._aside(kind, key)
        try:
            entry = making / "entry"
            entry.mkdir()
            make(entry)
            _seal(entry, kind, key, provenance)
            final = self._path(kind, key)
            final.parent.mkdir(exist_ok=True)
            if final.exists() and not fit(final):
                _discard(final, making)
            _place(entry, final, fit)
            sync(final.parent)
            return final
        except Exception as error:
            # Makers that run programs cannot tell a full disk from other failures of theirs.
            if shutil.disk_usage(making).free < _NO_SPACE_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _sweep(self, kind: str, key: str, own: Hold) -> None:
        """Removes what dead makers left: those whose lock is free, since makers hold theirs."""
        for folder in (self.root / _MAKING).iterdir():
            *owner, _ = folder.name.split(_JOINT)
            if owner == [kind, key]:
                _remove_dead(folder, own)
            elif len(owner) == 2:
                with suppress(Busy), Hold(self._lock(*owner)) as hold:
                    _remove_dead(folder, hold)

    @contextmanager
    def _errors_named(self, kind: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = Path(os.fsdecode(error.filename)) if error.filename else self.root
            if is_disk_full(error):
                raise AssetError(
                    f"the disk is full at {where}: {kind} {key} was not kept",
                    hint=f"free some space, or {_HINT_ELSEWHERE}",
                ) from error
            if error.errno in _UNWRITABLE and where.is_relative_to(self.root):
                raise _unwritable(self.root, error) from error
            if not self.root.exists():
                raise AssetError(
                    f"the cache {self.root} was removed while {kind} {key} was being made",
                    hint="run again; 'r50bench cache remove' leaves alone what is being made",
                ) from error
            if is_system_refusal(error):
                told = system_refusal(f"keep {kind} {key} in {where}", error)
                raise AssetError(told.message, hint=told.hint) from error
            raise


def default_store() -> Store:
    """Returns the user's store, whose folder is made if needed.

    It is :func:`.cache_folder`. One that exists but may only be read serves the entries it holds.

    Raises:
        AssetError: the folder does not exist and cannot be made.
    """
    root = cache_folder().path
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(root, error) from error
    return Store(root.resolve())


def _remove_dead(folder: Path, hold: Hold) -> None:
    with suppress(FileNotFoundError):  # its maker is alive and done, or another has swept it
        if hold.left_by_the_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _discard(path: Path, aside: Path) -> None:
    """Takes an entry out of the store at one stroke; its bytes go to ``aside`` or are deleted.

    An overlay refuses to rename a folder of a lower layer (a cache that came with an image), and
    so does a kind's folder that is a mount of its own. The entry ends with its provenance then.
    """
    try:
        path.rename(aside / "discarded")
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        (path / PROVENANCE).unlink(missing_ok=True)
        shutil.rmtree(path)


def _place(entry: Path, final: Path, fit: Callable[[Path], bool]) -> None:
    """Renames a whole entry to its place; without locks another may be there by now, and stays."""
    try:
        try:
            entry.rename(final)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            beside = final.with_name(f".{final.name}.{os.getpid()}")
            try:
                shutil.copytree(entry, beside)
                _sync_tree(beside)
                beside.rename(final)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except OSError:
        if not fit(final):
            raise


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def stored_sha256(file: Path) -> str | None:
    """Returns the sha256 that a file of an entry had when it was stored, None if that is lost."""
    record = _read_provenance(file.parent)
    kept = None if record is None else record.files.get(file.name)
    return None if kept is None else kept.sha256


def _unwritable(root: Path, error: OSError) -> AssetError:
    return AssetError(f"cannot write to the cache {root}: {reason_of(error)}", hint=_HINT_ELSEWHERE)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _read_provenance(path: Path) -> _Provenance | None:
    """Returns what was sealed; None where it is not there, damaged, or names files elsewhere."""
    try:
        record = checked_json(read_bounded(path / PROVENANCE), _Provenance)
        datetime.fromisoformat(record.created)
    except (OSError, ValueError, R50BenchError):
        return None
    outside = any(Path(name).is_absolute() or ".." in Path(name).parts for name in record.files)
    return None if outside else record


def _complete(path: Path) -> bool:
    record = _read_provenance(path)
    return record is not None and _has_all(path, record)


def _has_all(path: Path, record: _Provenance) -> bool:
    try:
        return all((path / name).stat().st_size == kept.size for name, kept in record.files.items())
    except (OSError, ValueError):  # a name that no file can have
        return False


def _entry(path: Path, record: _Provenance) -> Entry:
    size = sum(kept.size for kept in record.files.values())
    files = {name: kept.sha256 for name, kept in record.files.items()}
    return Entry(path.parent.name, path.name, path, record.created, size, record.source, files)


def _seal(entry: Path, kind: str, key: str, provenance: Mapping[str, Any]) -> None:
    files = {
        str(path.relative_to(entry)): {"sha256": sha256_of(path), "size": path.stat().st_size}
        for path in _files(entry)
    }
    record = {
        "kind": kind,
        "key": key,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "source": dict(provenance),
        "files": files,
    }
    (entry / PROVENANCE).write_text(json.dumps(record, indent=1) + "\n")
    _sync_tree(entry)


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync(path)
