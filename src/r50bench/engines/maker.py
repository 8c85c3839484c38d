"""A child process that makes one folder from a spec, and both ends of what is said about it.

The child is a module whose main calls :func:`serve`; it is run as ``python -m MODULE SPEC OUT``:
SPEC is a JSON file with an :class:`.EngineSpec`, OUT the folder to make. An error meant for the
user is left beside OUT as ``OUT.error``, a JSON object with kind, message and hint.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from r50bench import errors
from r50bench.engines.base import EngineSpec
from r50bench.engines.child import run_child
from r50bench.errors import EngineError, R50BenchError
from r50bench.results.atomic import from_json, to_json

__all__ = ["make_in_child", "serve"]


def make_in_child(
    module: str,
    spec: EngineSpec,
    out: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    *,
    task: str,
    hint: str | None = None,
) -> None:
    """Has ``module`` make the folder ``out``; ``task`` says what that is, for messages.

    ``hint`` goes with a failure that the child did not explain.

    Raises:
        R50BenchError: what the child said is wrong, of its own class.
        EngineError: the child failed otherwise, or made nothing.
    """
    request = out.with_name("spec.json")
    request.write_bytes(to_json(spec))
    log = run_child([module, str(request), str(out)], environment, timeout_s)
    error_file = _error_file(out)
    if error_file.exists():
        said = json.loads(error_file.read_bytes())
        kind: type[R50BenchError] = getattr(errors, said["kind"])
        raise kind(said["message"], hint=said["hint"])
    if log.failure is not None or not out.exists():
        raise EngineError(f"{task} {log.failure or 'wrote nothing'}:\n{log.tail}", hint=hint)
    request.unlink()


def serve(make: Callable[[EngineSpec, Path], None]) -> None:
    """The child's main: has ``make`` fill the folder, which does not exist yet."""
    spec_file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    spec = from_json(spec_file.read_bytes(), EngineSpec)
    warnings.simplefilter("ignore")
    try:
        make(spec, folder)
    except R50BenchError as error:
        said = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        _error_file(folder).write_text(json.dumps(said))
        sys.exit(1)


def _error_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.error")
