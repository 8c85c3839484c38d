"""What torch.save wrote, read without torch and without running anything in it.

A file of torch is a pickle that names tensors, and their bytes beside it: in a zip archive, or
before torch 1.6 one after the other. The pickle is taken apart by an unpickler that knows what
tensors are made of; all else in it becomes an empty object that remembers what it would have been.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from r50bench.models.tensor_file import DTYPE_BYTES, NotRead, Tensor

__all__ = ["Foreign", "read_legacy_file", "read_zip_file"]

_MOST_PICKLE_BYTES = 8 << 20  # of a state dict with everything beside it: 0.2 MB
_MOST_MEMO = 1 << 22  # a larger index alone has the unpickler allocate gigabytes
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a member of a zip archive: lengths of name and extra

_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


class Foreign:
    """Stands for an object of a class that no state dict needs; ``origin`` is the class's name."""

    origin = "object"

    def __new__(cls, *arguments: Any, **named: Any) -> Foreign:
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...


@dataclass(frozen=True)
class _Storage:
    """Where the elements of tensors are: ``key`` names the bytes, ``count`` the elements."""

    dtype: str
    key: str
    location: str
    count: int


@dataclass(frozen=True)
class _View:
    """A tensor before its storage's bytes are found."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_zip_file(file: IO[bytes], archive: zipfile.ZipFile) -> Any:
    """Returns what the archive holds, with a :class:`Tensor` for each tensor.

    Raises:
        NotRead: it is another archive, it is damaged, or its tensors are not what they claim.
    """
    members = {member.filename: member for member in archive.infolist()}
    pickled = next((name for name in members if name.endswith("data.pkl")), None)
    if pickled is None:
        raise NotRead("a zip archive without torch's data.pkl in it")
    folder = pickled.removesuffix("data.pkl")
    if f"{folder}constants.pkl" in members:
        raise NotRead("a TorchScript archive: save its state_dict() instead")
    if members.get(f"{folder}byteorder") is not None:
        order = archive.read(f"{folder}byteorder")
        if order != b"little":
            raise NotRead(f"written in the byte order {order[:16]!r}")
    if members[pickled].file_size > _MOST_PICKLE_BYTES:
        raise NotRead(f"its data.pkl alone has {members[pickled].file_size >> 20} MB")

    def place(storage: _Storage) -> tuple[int, int]:
        member = members.get(f"{folder}data/{storage.key}")
        if member is None:
            raise NotRead(f"the bytes of a tensor, {folder}data/{storage.key}, are not in it")
        if member.compress_type != zipfile.ZIP_STORED:
            raise NotRead("its tensors are compressed, as torch never writes them")
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size:
            raise NotRead("cut short")
        return member.header_offset + _LOCAL_HEADER.size + sum(
            _LOCAL_HEADER.unpack(header)
        ), member.file_size

    content = _unpickled(archive.read(pickled))
    return _placed(content, place)


def read_legacy_file(file: IO[bytes]) -> Any:
    """Returns what a file of torch before 1.6, or any pickle, holds; see :func:`read_zip_file`.

    Raises:
        NotRead: it is no such file, it is damaged, or its tensors are not what they claim.
    """
    first = _next_pickle(file)
    if first != _LEGACY_MAGIC:
        return first
    for _ in range(2):  # the protocol's version, and the writer's sizes of integers
        _next_pickle(file)
    content, keys = _next_pickle(file), _next_pickle(file)
    wanted = {storage.key: storage for storage in _storages(content)}
    places: dict[str, tuple[int, int]] = {}
    for key in keys if isinstance(keys, list) else ():
        if key not in wanted:
            raise NotRead("it lists bytes that no tensor names")
        start, size = file.tell() + 8, wanted[key].count * DTYPE_BYTES[wanted[key].dtype]
        if file.read(8) != wanted[key].count.to_bytes(8, "little"):
            raise NotRead("cut short, or its tensors have other sizes than it says")
        file.seek(start + size)
        places[key] = start, size

    def place(storage: _Storage) -> tuple[int, int]:
        if storage.key not in places:
            raise NotRead("the bytes of a tensor are not in it")
        return places[storage.key]

    return _placed(content, place)


def _next_pickle(file: IO[bytes]) -> Any:
    start = file.tell()
    data = file.read(_MOST_PICKLE_BYTES)
    content, size = _unpickled_part(data)
    file.seek(start + size)
    return content


def _unpickled(data: bytes) -> Any:
    return _unpickled_part(data)[0]


def _unpickled_part(data: bytes) -> tuple[Any, int]:
    """Returns what the first pickle in ``data`` says, and its length in bytes."""
    size = 0
    try:
        for opcode, argument, position in pickletools.genops(data):
            if "PUT" in opcode.name and int(argument or 0) > _MOST_MEMO:
                raise NotRead("a pickle made to exhaust memory")
            size = (position or 0) + 1  # STOP is one byte
        return _Unpickler(io.BytesIO(data[:size])).load(), size
    except NotRead:
        raise
    except Exception as error:  # a damaged or hostile pickle can raise anything
        raise NotRead(f"no file of torch, or a damaged one ({type(error).__name__})") from error


class _Unpickler(pickle.Unpickler):
    """Calls nothing but what is defined here: no name in a pickle reaches the one it means."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return type(name, (Foreign,), {"dtype": _STORAGES[name]})
        if (module, name) == ("torch", "Size"):
            return tuple
        known = _REBUILT.get((module, name))
        return known if known is not None else _foreign(module, name)

    def persistent_load(self, pid: Any) -> Any:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            return Foreign()
        _, kind, key, location, count = pid[:5]
        dtype = getattr(kind, "dtype", None)
        if not isinstance(dtype, str) or not isinstance(count, int) or count < 0:
            return Foreign()
        return _Storage(dtype, str(key), str(location), count)


def _foreign(module: str, name: str) -> type[Foreign]:
    return type("Foreign", (Foreign,), {"origin": f"{module}.{name}"[:100]})


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *rest: Any) -> Any:
    whole = (offset, *shape, *stride)
    if not isinstance(storage, _Storage) or not all(isinstance(n, int) and n >= 0 for n in whole):
        return _foreign("torch", "a tensor of another kind")()
    return _View(storage, offset, tuple(shape), tuple(stride))


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
    return data


_REBUILT: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
}


def _storages(content: Any, depth: int = 6) -> list[_Storage]:
    if isinstance(content, _View):
        return [content.storage]
    if depth and isinstance(content, Mapping):
        return [inner for value in content.values() for inner in _storages(value, depth - 1)]
    if depth and isinstance(content, (list, tuple)):
        return [inner for value in content for inner in _storages(value, depth - 1)]
    return []


def _placed(content: Any, place: Callable[[_Storage], tuple[int, int]], depth: int = 4) -> Any:
    """Returns ``content`` with the tensors in its mappings as they lie in the file."""
    if isinstance(content, _View):
        return _tensor(content, place)
    if depth and isinstance(content, Mapping):
        return {key: _placed(value, place, depth - 1) for key, value in content.items()}
    return content


def _tensor(view: _View, place: Callable[[_Storage], tuple[int, int]]) -> Any:
    storage = view.storage
    if storage.location == "meta":
        return _foreign("torch", "a meta tensor, which has no values")()
    start, size = place(storage)
    return Tensor(storage.dtype, view.shape, view.stride, view.offset, start, size)
