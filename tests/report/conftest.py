from __future__ import annotations

import pytest

from r50bench.report.kpi_block import KpiBlock, kpi_block
from support.records import record_of, samples_of_latencies


@pytest.fixture
def throughput_block() -> KpiBlock:
    """A valid record: 200 batches of 10 ms or, every tenth, 20 ms."""
    row = ([10] * 9 + [20]) * 10
    return kpi_block(record_of(id="fast"), samples_of_latencies([row, row]))


@pytest.fixture
def accuracy_block() -> KpiBlock:
    """A valid record of 19 right out of 20."""
    return kpi_block(record_of("accuracy", id="right"), None)


@pytest.fixture
def invalid_block() -> KpiBlock:
    """An invalid record whose reason takes two lines."""
    return kpi_block(record_of(id="dead", reason="worker 1 was killed\nby SIGKILL | it said"), None)
