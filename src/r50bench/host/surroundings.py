"""What surrounds a run: variables and an allocator that change figures, and the user's folders.

The folders are there also for a user that has no home: a container often runs under a number that
no passwd entry knows, with HOME unset, ``/`` or a folder that is not there. Their variables are
those of the XDG Base Directory Specification.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from r50bench.errors import RunFailed
from r50bench.host.kernel_files import elf_machine
from r50bench.notices import Notice

__all__ = [
    "UserFolder",
    "cache_folder",
    "data_folder",
    "decides_numerics",
    "expanded",
    "find_tcmalloc",
    "homeless",
    "noexec_mount",
    "private_folder",
    "tuned_folder",
]

_PREFIXES = (
    "ACL_",
    "ATEN_",
    "CUBLASLT_",
    "CUBLAS_",
    "CUDNN_",
    "DNNL_",
    "GOMP_",
    "KMP_",
    "MALLOC_",
    "MKLDNN_",
    "MKL_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "TCMALLOC_",
    "TORCHAO_",
    "TORCHDYNAMO_",
    "TORCHINDUCTOR_",
    "TORCH_",
    "TRITON_",
)
_NAMES = frozenset(
    {
        "CUDA_DEVICE_MAX_CONNECTIONS",
        "CUDA_LAUNCH_BLOCKING",
        "CUDA_MODULE_LOADING",
        "GLIBC_TUNABLES",
        "LD_PRELOAD",
        "LRU_CACHE_CAPACITY",
        "NVIDIA_TF32_OVERRIDE",
        "THP_MEM_ALLOC_ENABLE",
    }
)


def decides_numerics(name: str) -> bool:
    """Says whether a variable of that name can change figures behind a case's back.

    Workers start without those that the shell exports; their values are kept in the record.
    """
    return name.startswith(_PREFIXES) or name in _NAMES


_ALLOCATORS = ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4")
_FOLDERS = (
    # Debian's multiarch folders, then those of the other distributions and of local builds.
    "usr/lib/{arch}-linux-gnu",
    "lib/{arch}-linux-gnu",
    "usr/lib64",
    "lib64",
    "usr/lib",
    "usr/local/lib64",
    "usr/local/lib",
)


def find_tcmalloc(root: Path = Path("/")) -> str | None:
    """Returns the path of a tcmalloc for this architecture, the minimal one first, or None.

    Looks in the Python environment (conda keeps libraries there), the standard library folders and
    the loader's cache below ``root``; runs no program.
    """
    machine = os.uname().machine
    for name in _ALLOCATORS:
        for path in (*_standard_places(root, name), *_places_in_loader_cache(root, name)):
            if elf_machine(path) == machine:
                return str(path)
    return None


def _standard_places(root: Path, name: str) -> Iterator[Path]:
    yield root / sys.prefix.lstrip("/") / "lib" / name
    for folder in _FOLDERS:
        yield root / folder.format(arch=os.uname().machine) / name


def _places_in_loader_cache(root: Path, name: str) -> Iterator[Path]:
    """Yields the paths ending in ``name`` among the NUL-terminated strings of /etc/ld.so.cache."""
    try:
        strings = (root / "etc/ld.so.cache").read_bytes().split(b"\0")
    except OSError:
        return
    for text in strings:
        if text.endswith(f"/{name}".encode()):
            yield root / os.fsdecode(text).lstrip("/")


@dataclass(frozen=True)
class UserFolder:
    """A folder that is ours to make, and the variable that led to it: TMPDIR where none did."""

    path: Path
    led_by: str

    @property
    def lasts(self) -> bool:
        """Whether it outlives the temporary folder."""
        return self.led_by != _TEMPORARY


_TEMPORARY = "TMPDIR"


def cache_folder(environ: Mapping[str, str] = os.environ) -> UserFolder:
    """Returns the folder of the cache; it need not exist.

    It is R50BENCH_CACHE, else ``$XDG_CACHE_HOME/r50bench``, else ``~/.cache/r50bench``, and where
    there is no home that can be written, ``cache`` in :func:`private_folder`. Empty variables count
    as unset.
    """
    return _user_folder("R50BENCH_CACHE", "XDG_CACHE_HOME", ".cache", "cache", environ)


def data_folder(environ: Mapping[str, str] = os.environ) -> UserFolder:
    """Returns the folder of the history, as :func:`cache_folder` does.

    By R50BENCH_DATA, XDG_DATA_HOME, and ``~/.local/share/r50bench``.
    """
    return _user_folder("R50BENCH_DATA", "XDG_DATA_HOME", ".local/share", "data", environ)


def tuned_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns where what was tuned lies: ``tuned/`` beside the history."""
    return data_folder(environ).path / "tuned"


def homeless(environ: Mapping[str, str] = os.environ) -> tuple[Notice, ...]:
    """Returns the notice that cache or history lie in the temporary folder, where they do."""
    kinds = {"cache": cache_folder(environ), "history": data_folder(environ)}
    lost = {what: folder.path for what, folder in kinds.items() if not folder.lasts}
    if not lost:
        return ()
    home = environ.get("HOME")
    why = f"HOME={home} cannot be written" if home else "HOME is not set"
    where = " and ".join(f"the {what} in {path}" for what, path in lost.items())
    return (
        Notice(
            "no-home",
            f"there is no home folder ({why}): {where} last as long as the temporary folder does",
            "set R50BENCH_CACHE and R50BENCH_DATA to folders that last"
            " (docker run -v VOLUME:/data -e R50BENCH_CACHE=/data/cache -e R50BENCH_DATA=/data)",
        ),
    )


def expanded(path: str) -> Path:
    """Returns ``path`` with ``~`` replaced, as it stands where nobody's home is known."""
    return Path(os.path.expanduser(path))


def private_folder() -> Path | None:
    """Returns ``r50bench-UID`` in the temporary folder, made for this user alone.

    None where nothing temporary can be written.

    Raises:
        RunFailed: the name is taken by something else than a folder of this user's: what lies there
            is not to be trusted.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"r50bench-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except FileExistsError:
        found = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise RunFailed(
            f"{folder} is not a folder of this user's",
            hint="remove it, or name another place for temporary files with TMPDIR",
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def noexec_mount(path: Path) -> bool:
    """Whether ``path``, or the nearest folder above it that exists, is mounted noexec."""
    for place in (path, *path.parents):
        try:
            return bool(os.statvfs(place).f_flag & os.ST_NOEXEC)
        except FileNotFoundError:
            continue
        except OSError:
            break
    return False


def _user_folder(
    own: str, shared: str, below_home: str, kind: str, environ: Mapping[str, str]
) -> UserFolder:
    if path := environ.get(own):
        return UserFolder(expanded(path), own)
    if path := environ.get(shared):
        return UserFolder(Path(path) / "r50bench", shared)
    home = _home(environ)
    below = (home or Path("/")) / below_home / "r50bench"
    if home is not None and _is_there_or_can_be(below):
        return UserFolder(below, "HOME")
    private = private_folder()
    # Where nothing at all can be written, who must write says so, and who need not goes on.
    return UserFolder(below, "HOME") if private is None else UserFolder(private / kind, _TEMPORARY)


def _home(environ: Mapping[str, str]) -> Path | None:
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path.home()  # what passwd says of this user
    except RuntimeError:
        return None


def _is_there_or_can_be(folder: Path) -> bool:
    """Whether the folder exists, if only to be read, or may be made in the nearest that does."""
    if os.path.isdir(folder):
        return True
    above = next(parent for parent in folder.absolute().parents if os.path.lexists(parent))
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)
