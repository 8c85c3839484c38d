"""The page of one record or many: the answer first, then what bears it out."""

from __future__ import annotations

from r50bench.report.records_page.page import records_page
from r50bench.report.records_page.shown import Shown

__all__ = ["Shown", "records_page"]
