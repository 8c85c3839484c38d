"""What a file is that should be something else, by its first bytes."""

from __future__ import annotations

import re

__all__ = ["HEAD_BYTES", "kind_of"]

HEAD_BYTES = 512
"""So many of a file's first bytes are looked at."""

_PAGE = re.compile(rb"\s*(<!--.*?-->\s*)?<(!doctype\s+html|html|head|\?xml)\b", re.I | re.S)
_MARKS = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer: 'git lfs pull' fetches the file",
    ),
    (b"/annex/objects/", "a git-annex pointer: 'git annex get' fetches the file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras' .h5 is"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"\x93NUMPY", "a single numpy array"),
    (b"GGUF", "a GGUF file"),
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x7fELF", "a program or library"),
    (b"\x00\x05\x16\x07", "macOS's AppleDouble file, not the file itself"),
)
_TAR_MAGIC = 257  # where "ustar" stands


def kind_of(head: bytes) -> str | None:
    """Returns what a file is that begins with ``head``; None where that does not show."""
    for mark, words in _MARKS:
        if head.startswith(mark):
            return words
    if not head.strip(b"\0"):
        return "zeros, as a download that broke off leaves them" if head else "empty"
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "a page of HTML or XML: a server answered with it in place of the file"
    if head[_TAR_MAGIC:].startswith(b"ustar"):
        return "a tar archive: unpack it first"
    return "JSON" if head.lstrip()[:1] in (b"{", b"[") else None
