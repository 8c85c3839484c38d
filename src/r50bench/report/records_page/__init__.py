"""The page of one record or many: the answer first, then what bears it out."""

from __future__ import annotations

from r50bench.report.records_page.details import run_command
from r50bench.report.records_page.page import latency_section, proof_sections, records_page
from r50bench.report.records_page.shown import Shown

__all__ = ["Shown", "latency_section", "proof_sections", "records_page", "run_command"]
