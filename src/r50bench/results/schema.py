"""Which schema a stored record follows, and how an older one is brought up to date.

A change of the record's shape raises :data:`r50bench.results.record.SCHEMA_VERSION` by one and
adds a function ``update_to_N`` that turns the plain dictionary of version N - 1 into one of N.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from r50bench.errors import UsageError

__all__ = ["UPDATES", "Update", "bring_up_to"]

Update = Callable[[dict[str, Any]], dict[str, Any]]

UPDATES: dict[int, Update] = {}
"""``update_to_N`` by N. Version 1 is the first, so nothing leads to it."""


def bring_up_to(
    version: int, raw: dict[str, Any], updates: Mapping[int, Update] = UPDATES
) -> dict[str, Any]:
    """Returns the dictionary of a record as schema ``version`` has it.

    Raises:
        UsageError: it carries no schema version, one newer than ``version``, or one so old that no
            update leads on from it.
    """
    found = raw.get("schema_version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise UsageError(
            f"not a record: schema_version is {found!r}",
            hint="a record.json carries the whole number of the schema it was written in",
        )
    if found > version:
        raise UsageError(
            f"the record follows schema {found}, this r50bench knows up to {version}",
            hint="read it with the r50bench that wrote it, or a newer one",
        )
    for step in range(found + 1, version + 1):
        if step not in updates:
            raise UsageError(
                f"the record follows schema {found}, from which nothing leads to {version}",
                hint="read it with the r50bench that wrote it",
            )
        raw = {**updates[step](raw), "schema_version": step}
    return raw
