"""Where the user's folders lie, with and without a home."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from r50bench.errors import RunFailed
from r50bench.host import surroundings
from r50bench.host.surroundings import (
    cache_folder,
    data_folder,
    expanded,
    homeless,
    noexec_mount,
    private_folder,
)


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom passwd does not know."""

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)


def test_own_variables_go_before_xdg_and_xdg_before_home(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert cache_folder(environ).path == tmp_path / ".cache/r50bench"
    assert data_folder(environ).path == tmp_path / ".local/share/r50bench"
    environ |= {"XDG_CACHE_HOME": "/xdg/cache", "XDG_DATA_HOME": "/xdg/data"}
    assert cache_folder(environ).path == Path("/xdg/cache/r50bench")
    assert data_folder(environ).path == Path("/xdg/data/r50bench")
    environ |= {"R50BENCH_CACHE": "/own/cache", "R50BENCH_DATA": "/own/data"}
    assert cache_folder(environ).path == Path("/own/cache")
    assert data_folder(environ).path == Path("/own/data")
    assert homeless(environ) == ()


@pytest.mark.parametrize("home", [None, "", "/dev/null", "/dev/null/below"])
@pytest.mark.usefixtures("nobody")
def test_without_a_usable_home_both_lie_in_a_private_folder_and_a_notice_says_so(
    temporary: Path, home: str | None
) -> None:
    environ = {} if home is None else {"HOME": home}
    private = temporary / f"r50bench-{os.getuid()}"
    assert cache_folder(environ).path == private / "cache"
    assert data_folder(environ).path == private / "data"
    assert private.stat().st_mode & 0o777 == 0o700
    (notice,) = homeless(environ)
    assert notice.code == "no-home"
    assert str(private / "cache") in notice.text
    assert str(private / "data") in notice.text
    assert "R50BENCH_CACHE" in notice.mend


@pytest.mark.usefixtures("nobody")
def test_the_notice_names_only_what_has_no_place_of_its_own(temporary: Path) -> None:
    (notice,) = homeless({"R50BENCH_CACHE": "/cache"})
    assert "the history in" in notice.text
    assert "the cache" not in notice.text


@pytest.mark.usefixtures("nobody")
def test_a_private_folder_that_is_a_link_is_refused(temporary: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    (temporary / f"r50bench-{os.getuid()}").symlink_to(victim)
    with pytest.raises(RunFailed, match="not a folder of this user's") as caught:
        cache_folder({})
    assert "TMPDIR" in (caught.value.hint or "")
    assert victim.stat().st_mode & 0o777 == 0o755
    assert not list(victim.iterdir())


def test_a_private_folder_that_others_may_enter_is_closed_to_them(temporary: Path) -> None:
    (temporary / f"r50bench-{os.getuid()}").mkdir(mode=0o777)
    found = private_folder()
    assert found is not None
    assert found.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("nobody")
def test_where_nothing_can_be_written_a_place_is_named_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no-such-folder")
    assert private_folder() is None
    assert cache_folder({}).path == Path("/.cache/r50bench")


@pytest.mark.usefixtures("nobody")
def test_a_tilde_of_nobody_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert expanded("~/data") == Path("~/data")
    assert expanded("/data") == Path("/data")


def test_a_noexec_mount_is_known_from_below_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {tmp_path: os.ST_NOEXEC | os.ST_NODEV}

    def statvfs(place: Path) -> SimpleNamespace:
        if not place.exists():
            raise FileNotFoundError(place)
        return SimpleNamespace(f_flag=flags.get(place, os.ST_NODEV))

    monkeypatch.setattr(surroundings.os, "statvfs", statvfs)
    assert noexec_mount(tmp_path)
    assert noexec_mount(tmp_path / "cache" / "not yet made")
    assert not noexec_mount(tmp_path.parent)
