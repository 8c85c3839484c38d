"""r50bench measures ResNet-50 inference on this machine and proves every number it prints.

From Python, as ``r50bench run`` does from a shell::

    record = r50bench.run("inference_throughput_int8", batch_size=8, steps=20)
    record.kpis["Average Throughput"].value

What is public is named in ``__all__``, and imported when it is first asked for.
"""

import os
import sys


def _leave_out_current_folder() -> None:
    """Has ``python -m r50bench`` import nothing more from the folder that the user is in.

    Python looks there first for whatever is imported, and ``-P``, which forbids that, is unknown to
    3.10. This is the first that runs of ours; what Python has imported for ``-m`` itself by then it
    may have found there. The folder of this package stays, if it is that one, and comes last.
    """
    if sys.argv[:1] != ["-m"] or not _is_what_runs(sys.orig_argv):
        return
    if sys.path[:1] not in ([""], [os.getcwd()]):  # -P and -I put nothing there
        return
    del sys.path[0]
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if own not in sys.path:
        sys.path.append(own)


def _is_what_runs(words: list[str]) -> bool:
    """Whether it is this package that Python was told to run, and not one that imports it."""
    pairs = zip(words, words[1:], strict=False)  # noqa: RUF007  itertools may lie there, too
    return any(word[:1] == "-" and word[-1:] == "m" and name == "r50bench" for word, name in pairs)


_leave_out_current_folder()

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

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
