"""``r50bench peers``: the product beside ONNX Runtime, OpenVINO and zentorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from r50bench.cli.options import (
    collect_settings,
    json_option,
    options_of,
    out_option,
    quiet_option,
    set_option,
)
from r50bench.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from r50bench.case import CaseName
    from r50bench.host.topology import Host
    from r50bench.parameters import Setting

__all__ = ["peers"]


_PARAMETERS = (
    "mode",
    "precision",
    "batch_size",
    "cores_per_instance",
    "instances",
    "instance_mode",
    "across_nodes",
    "steps",
    "warmup_steps",
    "repeat",
    "timeout_s",
    "data_type",
    "dataset",
    "skip_bad_pictures",
    "weights",
    "seed",
    "verbose",
)


@click.command("peers", epilog="Empty values mean the default.")
@click.option(
    "--engines",
    metavar="NAME,NAME…",
    help="Which engines; the others are measured against the first."
    "  [default: torch,onnxruntime,openvino,zentorch]",
)
@click.option(
    "--round-seconds",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="How long each engine runs in a round, where --steps does not say.  [default: 2]",
)
@json_option("the figures")
@out_option("the records go")
@quiet_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=8.")
@options_of(_PARAMETERS)
def peers(
    engines: str | None,
    round_seconds: float | None,
    as_json: bool,
    out: Path,
    quiet: bool,
    sets: tuple[str, ...],
    **options: str | bool | None,
) -> None:
    """Measures the product beside its peers: same graph, weights, pictures and cores.

    All engines are loaded, proved and warm at once and run in turns, round by round; the ratios are
    those of the same round, so that what disturbs the machine cancels out. Each engine has the
    options and the memory allocator that serve it best. A peer that is not installed, or cannot run
    the precision, is a row that says why; 'pip install r50bench[peers]' brings ONNX Runtime and
    OpenVINO.

    Without --precision, fp32, bf16 and int8 are measured, as far as this CPU has them natively.
    """
    from r50bench.cli.peers_execution import execute_peers
    from r50bench.host.topology import read_host

    settings = collect_settings(options, sets)
    if round_seconds is not None and "steps" in settings:
        raise UsageError("--round-seconds and STEPS both say how long a round is", hint="give one")
    host = read_host()
    names = _names(settings, host)
    execute_peers(
        names, _engines(engines), settings, host, out, round_seconds, as_json=as_json, quiet=quiet
    )


def _engines(text: str | None) -> tuple[str, ...]:
    from r50bench.case import ENGINES
    from r50bench.peers.run import ENGINES_BESIDE

    if not text:
        return ENGINES_BESIDE
    names = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    for name in names:
        if name not in ENGINES:
            raise UsageError(
                f"unknown engine {name!r}",
                hint=did_you_mean(name, ENGINES) or f"known: {', '.join(ENGINES)}",
            )
    if len(set(names)) < len(names):
        raise UsageError(f"--engines {text}: an engine is named twice", hint="name each once")
    return names


def _names(settings: Mapping[str, Setting], host: Host) -> list[CaseName]:
    """Returns the case of each precision: the one that is asked, or the best of each numerics."""
    from r50bench.case import CaseName
    from r50bench.errors import Unsupported
    from r50bench.host.isa import resolve_precision

    mode = str(settings["mode"].value) if "mode" in settings else "throughput"
    if mode == "accuracy":
        raise UsageError(
            "peers are timed: MODE=accuracy is not among what is compared",
            hint="top-1 is scored beside throughput; or: r50bench run --mode accuracy --engine …",
        )
    if "precision" in settings:
        return [CaseName("inference", mode, str(settings["precision"].value))]
    found = []
    for numerics in ("fp32", "bf16", "int8"):
        try:
            precision = resolve_precision(numerics, host)
        except Unsupported:
            continue
        found.append(CaseName("inference", mode, precision))
    return found
