"""The page of a profile: what is lost and where, its layers against the roof, the tables below."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from r50bench.errors import UsageError
from r50bench.profile.layer_bars import layer_bars_svg
from r50bench.profile.roofline_plot import roofline_svg
from r50bench.profile.run import Profile
from r50bench.profile.text import groups, profile_heading, profile_tables
from r50bench.report.page import Section, page, pictures, preformatted, tables, words
from r50bench.report.records_page import run_command
from r50bench.results.files import checked_json, read_bounded

__all__ = ["PROFILE_FILE", "profile_page", "profile_sections", "read_profile"]

PROFILE_FILE = "profile.json"
"""Its name in the folder of a profile's record."""

_ROOF = """\
A layer's height is its speed, its size the time that it takes. The roof is what the machine's
measured limit allows: on the left the bandwidth of the memory, on the right the cores' peak."""

_BARS = """\
A bar is the median time of a layer's kernels; its full colour is the least time that the
machine's measured limit allows for its operations and bytes, and the percentage their ratio."""


def profile_page(profile: Profile) -> str:
    """Returns the whole page as HTML."""
    again = run_command(profile.case, profile.model, observed_rounds=profile.rounds)
    repeat = preformatted("How to repeat it", again)
    return page(
        "r50bench profile",
        f"{profile.host.get('model_name', '')} · {profile_heading(profile)}",
        [words("", _answer(profile), style="answer"), *profile_sections(profile), repeat],
        profile.warnings,
    )


def profile_sections(profile: Profile, title: str = "Layers against the limit") -> list[Section]:
    """Returns the pictures and tables of a profile, for pages that show more beside them."""
    return [
        pictures(title, [roofline_svg(profile)], _ROOF),
        pictures("", [layer_bars_svg(profile)], _BARS),
        tables("", [("", table) for table in profile_tables(profile, all_layers=True)]),
    ]


def read_profile(folder: Path) -> Profile | None:
    """Returns the profile that lies beside a record, None where that was not profiled.

    Raises:
        UsageError: it is damaged.
        RunFailed: the system refuses the file.
    """
    path = folder / PROFILE_FILE
    try:
        return checked_json(read_bounded(path), Profile)
    except FileNotFoundError:
        return None
    except ValueError as error:
        hint = "profile the case again; the record beside it is not touched by that"
        raise UsageError(f"{path} is no profile: {error}", hint=hint) from error


def _answer(profile: Profile) -> Iterator[str]:
    parts = profile.breakdown
    yield (
        f"{profile.case.precision} on {profile.case.engine} does"
        f" {100 * profile.efficiency:.0f} % of what the cores can. Of {parts.batch_ms:.2f} ms a"
        f" batch, {parts.kernels_ms:.2f} pass in kernels, for which the limit needs"
        f" {parts.least_ms:.2f}, and {parts.outside_ms:.2f} outside of them."
    )
    first, *_ = groups(parts)
    if first.ms > first.least_ms:
        gain = 100 * (first.ms - first.least_ms) / parts.batch_ms
        yield f"Most is lost in {first.name}: {first.ms - first.least_ms:.2f} ms, {gain:.0f} %."
