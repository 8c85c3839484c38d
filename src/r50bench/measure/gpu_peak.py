"""The limit of a case's GPUs: measured once per boot by a child with torch, and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from r50bench.assets.store import Store
from r50bench.engines.child import run_child
from r50bench.engines.environment import gpu_variables
from r50bench.errors import AssetError, RunFailed
from r50bench.host.peak import READ, TRIAD
from r50bench.host.topology import Gpu, Host
from r50bench.measure.measured_peak import MeasuredPeak, limit_of
from r50bench.measure.until_reboot import UntilReboot
from r50bench.notices import Progress
from r50bench.results.record import Limit

__all__ = ["gpu_limit", "parse_rates"]

_MODULE = "r50bench.engines.torch.gpu_peak"
_KIND, _TOLD = "gpu-peaks", "rates.json"
_TIMEOUT_S = 180.0
_HINT = "shares of the peak are left out"


def gpu_limit(
    gpus: Sequence[Gpu],
    precision: str,
    environment: Mapping[str, str],
    store: Store,
    host: Host,
    progress: Progress,
    root: Path = Path("/"),
) -> Limit:
    """Returns what ``gpus`` of ``host`` do at most all at once, measured once a boot.

    ``environment`` is that of the workers. Measuring takes some ten seconds, most of them torch's.

    Raises:
        RunFailed: the child failed, or told something else than rates.
    """
    kept = UntilReboot(_KIND, MeasuredPeak, store, host, root)
    parts = ([[gpu.uuid, gpu.driver] for gpu in gpus], version("torch"), _digest_of_program())
    measured = kept.find(*parts)
    if measured is None:
        progress.phase("measuring the peak of the GPU")
        text = _measured({**environment, **gpu_variables(gpus)})
        measured = parse_rates(text, len(gpus))
        with suppress(AssetError):  # a store that can only be read keeps nothing
            kept.keep(measured, *parts, source=f"{_MODULE}, torch {version('torch')}")
    return limit_of(measured, precision)


def parse_rates(text: str, gpus: int) -> MeasuredPeak:
    """Reads what the child wrote, and when: the best round of each GPU counts.

    Raises:
        RunFailed: it is something else, or tests of the memory are missing.
    """
    try:
        kept = json.loads(text)
        rounds: dict[str, list[list[float]]] = kept["rates"]
        rates = {name: _best(found, gpus) for name, found in rounds.items()}
        measured = str(kept["measured"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise RunFailed(f"the peak of the GPU could not be read: {error}", hint=_HINT) from None
    if not {READ, TRIAD} <= rates.keys():
        raise RunFailed("the peak of the GPU has no figures of its memory", hint=_HINT)
    read, triad = rates.pop(READ), rates.pop(TRIAD)
    return MeasuredPeak((), rates, read, triad, {}, measured)


def _best(rounds: Sequence[Sequence[float]], gpus: int) -> tuple[float, ...]:
    by_gpu = list(zip(*rounds, strict=True))
    if len(by_gpu) != gpus or min(map(min, by_gpu)) <= 0:
        raise ValueError(f"{len(by_gpu)} of {gpus} GPUs have positive rates")
    return tuple(map(max, by_gpu))


def _digest_of_program() -> str:
    spec = find_spec(_MODULE)
    if spec is None or spec.origin is None:
        return ""
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()


def _measured(environment: Mapping[str, str]) -> str:
    with TemporaryDirectory(prefix="r50bench-") as folder:
        out = Path(folder) / _TOLD
        log = run_child([_MODULE, str(out)], environment, _TIMEOUT_S)
        if log.failure is not None or not out.exists():
            said = log.tail.strip().splitlines()[-1:] or ["it said nothing"]
            raise RunFailed(
                f"the peak of the GPU could not be measured: it {log.failure or 'wrote nothing'}:"
                f" {said[0]}",
                hint=_HINT,
            )
        rates = json.loads(out.read_text())
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return json.dumps({"rates": rates, "measured": now})
