"""The C++ compiler: one choice for all that is built here, and its version for their keys."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from r50bench.errors import EngineError

__all__ = [
    "Compiler",
    "compile_here",
    "compiler_of",
    "find_compiler",
    "plain_folder",
    "unknown_to",
]

_NAMES = ("g++", "clang++", "c++")
_TIMEOUT_S, _BUILD_TIMEOUT_S = 60.0, 120.0
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
# What assemblers and compilers, GNU's and clang's, say in the C locale of an instruction, register
# or option that is newer than they are.
_UNKNOWN = re.compile(
    r"no such instruction: `(?P<gas>\w+)"
    r"|bad register name `%?(?P<register>\w+)"
    r"|invalid instruction mnemonic '(?P<clang>\w+)"
    r"|unrecognized command[- ]line option '(?P<gcc>-[^']+)"
    r"|unknown argument: '(?P<option>-[^']+)"
    r"|invalid value '[^']*' in '(?P<value>-[^']+)"
)
_HINT = "install one (Debian, Ubuntu: apt install g++) or name it in CXX"


@dataclass(frozen=True)
class Compiler:
    """``words`` begin its command line; ``version`` is the first line that it says of itself."""

    words: tuple[str, ...]
    version: str

    @property
    def cxx(self) -> str:
        """Its words as the variable CXX takes them, quoted as for a shell."""
        return shlex.join(self.words)

    def as_one_word(self, folder: Path) -> str:
        """Returns what CXX must be for tools that take it for one program and quote nothing.

        That is a script in ``folder`` (see :func:`plain_folder`) where the words are several or
        need quotes. Its name says what it is: torch tells the kind of a compiler from its name.
        """
        if len(self.words) == 1 and _is_plain(self.cxx):
            return self.cxx
        script = folder / ("clang++" if "clang" in self.version.lower() else "g++")
        script.write_text(f'#!/bin/sh\nexec {self.cxx} "$@"\n')
        script.chmod(0o755)
        return str(script)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits for keys: what another compiler builds is something else."""
        told = "\0".join((*self.words, self.version))
        return hashlib.sha256(told.encode()).hexdigest()[:8]


def find_compiler(environ: Mapping[str, str]) -> Compiler | None:
    """Returns the compiler that CXX names, else the first of g++, clang++ and c++; None without.

    CXX holds a program and perhaps arguments, as for a shell; one with blanks in its path may stand
    unquoted. Empty, it is as if it were not there.
    """
    named = environ.get("CXX", "").strip()
    path = environ.get("PATH")
    for words in _named(named, path) if named else [(name,) for name in _NAMES]:
        program = shutil.which(words[0], path=path)
        if program is not None:
            changed = Path(program).stat().st_mtime_ns
            return Compiler(words, _version((program, *words[1:]), changed))
    return None


def compiler_of(environ: Mapping[str, str], purpose: str, otherwise: str = "") -> Compiler:
    """Like :func:`find_compiler`, for what cannot do without one.

    ``purpose`` begins the message, ``otherwise`` ends the hint with a way that needs none.

    Raises:
        EngineError: there is no compiler, or CXX cannot be taken apart.
    """
    compiler = find_compiler(environ)
    if compiler is not None:
        return compiler
    named = environ.get("CXX", "").strip()
    what = f"CXX={named} is no program here" if named else "there is no C++ compiler"
    raise EngineError(f"{purpose}: {what}", hint="; ".join(filter(None, (_HINT, otherwise))))


def compile_here(command: Sequence[str], what: str) -> None:
    """Runs a compiler's command that builds ``what``, a program or library of ours.

    Raises:
        EngineError: it fails, does not end, or cannot be started.
    """
    from r50bench.host.refusals import explained  # most of what is built is found

    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            check=False,
        )
        failure = None if done.returncode == 0 else _reason(done.stderr, done.returncode)
    except subprocess.TimeoutExpired:
        failure = f"it did not end within {_BUILD_TIMEOUT_S:g} s"
    except OSError as error:
        told = explained(error)
        failure = str(error) if told is None else told.message
    if failure is not None:
        raise EngineError(
            f"{command[0]} cannot build {what}: {failure}",
            hint="name another C++ compiler in CXX",
        )


def _reason(said: str, status: int) -> str:
    """Returns the first line that names an error, or the first line at all."""
    lines = said.strip().splitlines() or [f"it ended with status {status}"]
    return next((line for line in lines if "rror:" in line), lines[0])


def unknown_to(said: str) -> str | None:
    """Returns the first instruction or option that a compiler, or its assembler, does not know.

    ``said`` is what it has said in the C locale before it failed; None where it failed otherwise.
    """
    found = _UNKNOWN.search(said)
    return None if found is None else next(filter(None, found.groups()))


@contextmanager
def plain_folder(wanted: Path) -> Iterator[Path]:
    """Gives an empty folder whose path needs no quotes, for tools that do not quote it.

    That is ``wanted``, which is made, or where its path has blanks and the like, a temporary folder
    elsewhere. It is removed in the end.

    Raises:
        EngineError: there is no such folder.
    """
    if _is_plain(str(wanted)):
        wanted.mkdir()
        folder = wanted
    else:
        folder = _elsewhere()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _elsewhere() -> Path:
    for place in (tempfile.gettempdir(), *_TEMPORARY):
        if _is_plain(place) and Path(place).is_dir():
            try:
                return Path(tempfile.mkdtemp(prefix="r50bench-", dir=place))
            except OSError:
                continue
    raise EngineError(
        "there is no folder to compile in: a compiler's helpers need a path without blanks",
        hint="TMPDIR names a folder that may be written, without blanks in its path",
    )


def _is_plain(text: str) -> bool:
    return shlex.quote(text) == text


def _named(text: str, path: str | None) -> list[tuple[str, ...]]:
    if shutil.which(text, path=path) is not None:
        return [(text,)]
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise EngineError(f"CXX={text}: {error}", hint="quote it as for a shell") from None
    return [words] if words else []


@lru_cache
def _version(command: tuple[str, ...], changed: int) -> str:
    """Asked once in a process; a compiler that says nothing is known by its path."""
    try:
        said = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    return next(iter(said.splitlines()), command[0])
