from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.assets.file_kinds import HEAD_BYTES, kind_of


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"\x00\x05\x16\x07\x00\x02", "macOS's AppleDouble file, not the file itself"),
        (b"x" * 257 + b"ustar\x0000", "a tar archive: unpack it first"),
        (b"<!-- a server's -->\n<!DOCTYPE HTML>", "a page of HTML or XML: a server answered"),
        (b"htmlish", None),
    ],
)
def test_a_file_is_named_for_what_it_begins_with(head, kind):
    assert (kind_of(head) or "").startswith(kind or "")
    assert (kind_of(head) is None) == (kind is None)


@given(st.binary(max_size=HEAD_BYTES))
def test_any_bytes_are_looked_at_without_fail(head):
    assert kind_of(head) is None or kind_of(head)
