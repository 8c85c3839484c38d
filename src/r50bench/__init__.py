"""r50bench measures ResNet-50 inference on this machine and proves every number it prints.

From Python, as ``r50bench run`` does from a shell::

    record = r50bench.run("inference_throughput_int8", batch_size=8, steps=20)
    record.kpis["Average Throughput"].value

What is public is named in ``__all__``, and imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r50bench.api import StoredRecord, plan, read, run
    from r50bench.case import Case
    from r50bench.comparison.compare import CaseComparison, Comparison
    from r50bench.comparison.public import compare
    from r50bench.errors import R50BenchError
    from r50bench.notices import Notice
    from r50bench.planning.planned import Planned
    from r50bench.results.kpi import Kpi
    from r50bench.results.record import Record

__all__ = [
    "Case",
    "CaseComparison",
    "Comparison",
    "Kpi",
    "Notice",
    "Planned",
    "R50BenchError",
    "Record",
    "StoredRecord",
    "__version__",
    "compare",
    "plan",
    "read",
    "run",
]

__version__ = "0.1.0"

_HOME = {
    "Case": "r50bench.case",
    "CaseComparison": "r50bench.comparison.compare",
    "Comparison": "r50bench.comparison.compare",
    "Kpi": "r50bench.results.kpi",
    "Notice": "r50bench.notices",
    "Planned": "r50bench.planning.planned",
    "R50BenchError": "r50bench.errors",
    "Record": "r50bench.results.record",
    "StoredRecord": "r50bench.api",
    "compare": "r50bench.comparison.public",
    "plan": "r50bench.api",
    "read": "r50bench.api",
    "run": "r50bench.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
