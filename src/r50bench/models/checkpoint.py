"""Checkpoints as people have them: the state dict of ResNet-50 in a file of any usual kind.

torch.save's file, new or old, safetensors, or an .npz, under any name. Headers are read first, and
decide: what has other tensors, or would unpack to gigabytes, is refused before any value is read.
No torch here: the process that plans looks into checkpoints, too.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from r50bench.assets.file_kinds import HEAD_BYTES, kind_of
from r50bench.errors import AssetError, reason_of
from r50bench.models.architecture import tensor_shapes
from r50bench.models.checkpoint_names import state_in
from r50bench.models.tensor_file import DTYPE_BYTES, FLOATING, NotRead, Tensor, ZippedArray
from r50bench.models.torch_file import Foreign, read_legacy_file, read_zip_file

__all__ = ["read_checkpoint"]

_MOST_BYTES = 2 << 30  # float64 with an average and an optimizer beside it: 0.8 GB
_MOST_JSON = 8 << 20
_LENGTH = struct.Struct("<Q")
_SAFETENSORS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def read_checkpoint(path: Path, graph: str) -> dict[str, NDArray[np.float32]]:
    """Returns float32 arrays under torchvision's names, just those that ``graph`` has.

    The state dict may lie under a key such as ``model`` or ``state_dict_ema``, and its names be
    those of torchvision, timm, transformers or MMPretrain, behind prefixes such as ``module.``. v1
    and v1.5 have tensors of the same names and shapes: a file does not tell which it is.

    Raises:
        AssetError: the file cannot be read, is something else, or one of its tensors is missing,
            unknown, of the wrong shape, not of floating point, not finite, or a negative variance.
    """
    try:
        with path.open("rb") as file:
            content = _contents(file)
            tensors = state_in(content)
            _check_headers(tensors, tensor_shapes(graph))
            arrays = {name: tensor.read(file) for name, tensor in tensors.items()}
        _check_values(arrays)
    except NotRead as error:
        raise _no_state_dict(path, str(error)) from error
    except OSError as error:
        raise AssetError(
            f"cannot read the weights {path}: {reason_of(error)}",
            hint="it must be a file that you may read, in folders that you may enter",
        ) from error
    return arrays


def _contents(file: IO[bytes]) -> Any:
    """Returns the headers in a file: tensors by name, or mappings of such."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _zip_contents(file)
    if (header := _safetensors_header(file, head)) is not None:
        return header
    if (kind := kind_of(head)) is not None:
        raise NotRead(f"it is {kind}")
    file.seek(0)
    return read_legacy_file(file)


def _zip_contents(file: IO[bytes]) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > _MOST_BYTES:
                raise NotRead(f"it unpacks to {unpacked / 1e9:.1f} GB")
            names = archive.namelist()
            if all(name.endswith(".npy") for name in names):
                return {name.removesuffix(".npy"): ZippedArray.of(archive, name) for name in names}
            return read_zip_file(file, archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
        raise NotRead(f"a damaged zip archive: {error}") from error


def _safetensors_header(file: IO[bytes], head: bytes) -> dict[str, Any] | None:
    """Returns the tensors of a safetensors file, None where the file is none."""
    if head[_LENGTH.size : _LENGTH.size + 1] != b"{":
        return None
    (length,) = _LENGTH.unpack(head[: _LENGTH.size])
    if length > _MOST_JSON:
        raise NotRead(f"as safetensors its header would have {length >> 20} MB")
    file.seek(_LENGTH.size)
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise NotRead("as safetensors it is damaged: its header is no JSON") from error
    if not isinstance(header, dict):
        raise NotRead("as safetensors it is damaged: its header holds no names")
    begin = _LENGTH.size + length
    names = (name for name in header if name != "__metadata__")
    return {name: _safetensor(name, header[name], begin) for name in names}


def _safetensor(name: str, said: Any, begin: int) -> Tensor:
    try:
        dtype = _SAFETENSORS.get(said["dtype"], str(said["dtype"]))
        shape = tuple(int(extent) for extent in said["shape"])
        first, end = (int(at) for at in said["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise NotRead(f"as safetensors it is damaged at {name}") from error
    size = math.prod(shape) * DTYPE_BYTES.get(dtype, 0)
    if min((0, first, *shape)) < 0 or end - first < size:
        raise NotRead(f"as safetensors it is damaged: {name} has {end - first} bytes for {shape}")
    stride = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return Tensor(dtype, shape, stride, 0, begin + first, end - first)


def _check_headers(tensors: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if name not in tensors:
            raise NotRead(f"{name} {shape} is missing")
        tensor = tensors[name]
        if isinstance(tensor, Foreign):
            raise NotRead(f"{name} is {tensor.origin}, not a floating-point tensor")
        if not isinstance(tensor, Tensor | ZippedArray):
            raise NotRead(f"{name} is {type(tensor).__name__}, not a floating-point tensor")
        if tensor.dtype not in FLOATING:
            raise NotRead(f"{name} is {tensor.dtype}, not a floating-point tensor")
        if tensor.shape != shape:
            raise NotRead(f"{name} has the shape {tensor.shape} instead of {shape}")
    unknown = sorted(tensors.keys() - shapes.keys())
    if unknown:
        raise NotRead(f"{unknown[0]} is no tensor of ResNet-50")


def _check_values(arrays: Mapping[str, NDArray[np.float32]]) -> None:
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            count = array.size - int(np.isfinite(array).sum())
            raise NotRead(
                f"{name} has {count} of {array.size} values that are not finite in float32"
            )
        if name.endswith(".running_var") and (array < 0).any():
            raise NotRead(f"{name} has negative variances")


def _no_state_dict(path: Path, why: str) -> AssetError:
    return AssetError(
        f"{path} is no state dict of ResNet-50: {why}",
        hint="expected: a file saved with torch.save(model.state_dict(), …) from torchvision's or"
        " timm's resnet50, a .safetensors of it, or an .npz of arrays under the same names",
    )
