"""Tensors in a file that has not been read yet: their types, shapes, and where their bytes lie."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["DTYPE_BYTES", "FLOATING", "Header", "NotRead", "Tensor", "ZippedArray"]

DTYPE_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""The types that are known, and the size of an element."""

FLOATING = frozenset(("float64", "float32", "float16", "bfloat16"))


class NotRead(Exception):
    """Why a file is not read as tensors, in a few words: ``a TorchScript archive``."""


class Header(Protocol):
    """What is known of a tensor before its values are read."""

    @property
    def dtype(self) -> str:
        """One of :data:`DTYPE_BYTES`, or another word of numpy's."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self, file: IO[bytes]) -> NDArray[np.float32]:
        """Returns the values, which are of floating point, as float32.

        Raises:
            NotRead: the file is cut short, or holds other bytes than the header says.
        """


@dataclass(frozen=True)
class Tensor:
    """A tensor of which only the header has been read.

    ``stride`` and ``offset`` count elements; ``start`` and ``size`` are the bytes of its storage in
    the file, which may be shared with other tensors.
    """

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    start: int
    size: int

    def read(self, file: IO[bytes]) -> NDArray[np.float32]:
        width = DTYPE_BYTES[self.dtype]
        if len(self.shape) != len(self.stride):
            raise NotRead("a tensor has other strides than dimensions")
        last = self.offset + sum(
            (extent - 1) * step for extent, step in zip(self.shape, self.stride, strict=True)
        )
        if 0 in self.shape or (last + 1) * width > self.size:
            raise NotRead("a tensor reaches beyond its bytes")
        first, end = self.start + self.offset * width, self.start + (last + 1) * width
        if end > file.seek(0, os.SEEK_END):
            raise NotRead("cut short")
        file.seek(first)
        data = file.read(end - first)
        kind = "<u2" if self.dtype == "bfloat16" else np.dtype(self.dtype).newbyteorder("<")
        flat = np.frombuffer(data, kind)
        strides = tuple(step * width for step in self.stride)
        array = np.lib.stride_tricks.as_strided(flat, self.shape, strides, writeable=False)
        if self.dtype == "bfloat16":  # the upper half of a float32
            return (array.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):  # whoever asks looks for infinities
            return np.array(array, np.float32, order="C")


@dataclass(frozen=True)
class ZippedArray:
    """An array of an .npz, whose file is the zip archive ``file`` and a member of it ``name``."""

    dtype: str
    shape: tuple[int, ...]
    name: str

    @classmethod
    def of(cls, archive: zipfile.ZipFile, name: str) -> ZippedArray:
        """Reads the header of a member.

        Raises:
            ValueError: it is no array of numpy's.
        """
        with archive.open(name) as member:
            version = np.lib.format.read_magic(member)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(member)
            else:
                shape, _, dtype = np.lib.format.read_array_header_2_0(member)
        return cls(dtype.name, shape, name)

    def read(self, file: IO[bytes]) -> NDArray[np.float32]:
        with zipfile.ZipFile(file) as archive, archive.open(self.name) as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(array, np.float32)
