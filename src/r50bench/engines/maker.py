"""A child process that makes one folder from a spec, and both ends of what is said about it.

The child is a module whose main calls :func:`serve`; it is run as ``python -m MODULE SPEC OUT``:
SPEC is a JSON file with an :class:`.EngineSpec`, OUT the folder to make. An error meant for the
user is left beside OUT as ``OUT.error``, a JSON object with kind, message and hint.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from r50bench import errors
from r50bench.engines.base import EngineSpec
from r50bench.engines.child import run_child
from r50bench.errors import EngineError, R50BenchError
from r50bench.results.files import checked_json, from_json, read_bounded, to_json

__all__ = ["make_in_child", "serve"]


@dataclass(frozen=True)
class _Said:
    """An error as the child leaves it; ``kind`` is the name of a class of ``errors``."""

    kind: str
    message: str
    hint: str | None


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
    told = _told(_error_file(out))
    if told is not None:
        raise told
    if log.failure is not None or not out.exists():
        raise EngineError(f"{task} {log.failure or 'wrote nothing'}:\n{log.tail}", hint=hint)
    request.unlink()


def _told(file: Path) -> R50BenchError | None:
    """Returns the error that the child left, None where it left none or died while it wrote."""
    if not file.exists():
        return None
    try:
        said = checked_json(read_bounded(file), _Said)
    except (OSError, ValueError, R50BenchError):
        return None
    kind = getattr(errors, said.kind, EngineError)
    known = isinstance(kind, type) and issubclass(kind, R50BenchError)
    return (kind if known else EngineError)(said.message, hint=said.hint)


def serve(make: Callable[[EngineSpec, Path], None]) -> None:
    """The child's main: has ``make`` fill the folder, which does not exist yet."""
    spec_file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    spec = from_json(spec_file.read_bytes(), EngineSpec)
    warnings.simplefilter("ignore")
    try:
        make(spec, folder)
    except R50BenchError as error:
        said = _Said(type(error).__name__, error.message, error.hint)
        _error_file(folder).write_bytes(to_json(said))
        sys.exit(1)


def _error_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.error")
