"""``r50bench fleet manifest``: the same cases as Jobs of Kubernetes'."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from r50bench.case import CaseName
from r50bench.cli.options import set_option
from r50bench.errors import Unsupported, UsageError
from r50bench.fleet.manifest import JobSettings, job_manifests
from r50bench.parameters import collect
from r50bench.results.files import write_text_atomically

__all__ = ["manifest"]

_CLAIM = "PersistentVolumeClaim with "


def _pairs(ctx: click.Context, param: click.Parameter, given: Iterable[str]) -> dict[str, str]:
    labels = {}
    for one in given:
        key, sign, value = one.partition("=")
        if not sign:
            raise UsageError(
                f"--node-label {one!r} is not KEY=VALUE",
                hint="such as node.kubernetes.io/instance-type=m7i.metal-24xl",
            )
        labels[key] = value
    return labels


@click.command("manifest")
@click.argument("cases", nargs=-1, required=True, metavar="CASE...")
@click.option("--image", required=True, metavar="IMAGE", help="One of containers/, with its tag.")
@click.option(
    "--cpus",
    type=click.IntRange(1, 4096),
    required=True,
    metavar="N",
    help="Whole CPUs for each pod: hardware threads, twice the cores where SMT is on.",
)
@click.option("--memory", default="8Gi", show_default=True, metavar="SIZE", help="For each pod.")
@click.option("--huge-pages", default="", metavar="SIZE", help="Huge pages of 2 MiB for each pod.")
@click.option(
    "--nodes",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="One Job with all cases, a pod on each of N nodes. [default: a Job a case]",
)
@click.option(
    "--node-label",
    "node_labels",
    multiple=True,
    callback=_pairs,
    metavar="KEY=VALUE",
    help="Only on nodes that are labelled so; several times.",
)
@click.option("--namespace", default="", metavar="NAME")
@click.option(
    "--name", default="r50bench", show_default=True, help="What the Jobs' names begin with."
)
@click.option("--cache-claim", default="", metavar="CLAIM", help=f"{_CLAIM}the cache.")
@click.option("--data-claim", default="", metavar="CLAIM", help=f"{_CLAIM}the pictures.")
@click.option(
    "--results-claim",
    default="",
    metavar="CLAIM",
    help=f"{_CLAIM}room for records. [default: the pod keeps them until they are fetched]",
)
@click.option(
    "--deadline",
    "deadline_s",
    type=click.IntRange(1),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="When a Job is ended, whatever it does.",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    metavar="N",
    help="How often a pod that failed is tried again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, which kubectl reads as well.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default="-",
    metavar="FILE",
    help="Where to write it. [default: print it, as - does]",
)
@set_option("Set a parameter of the cases, such as BATCH_SIZE=64.")
def manifest(
    cases: tuple[str, ...],
    nodes: int | None,
    as_json: bool,
    output: Path,
    sets: tuple[str, ...],
    **settings: Any,
) -> None:
    """Writes Jobs of Kubernetes' that run these cases: whole CPUs, one pod a node at a time.

    \b
    r50bench fleet manifest inference_throughput_amx_int8 --image IMAGE --cpus 16 |
      kubectl apply -f -

    docs/kubernetes.md says what the nodes must be set to, and how the records come home.
    """
    collect({}, sets, {})  # what is misspelt is refused here, and not in every pod
    names = [str(CaseName.parse(case)) for case in cases]
    jobs = list(job_manifests(names, sets, JobSettings(nodes=nodes or 0, **settings)))
    text = _as_json(jobs) if as_json else _as_yaml(jobs)
    if str(output) == "-":
        click.echo(text, nl=False)
    else:
        write_text_atomically(output, text)


def _as_json(jobs: Sequence[Mapping[str, Any]]) -> str:
    one: Any = jobs[0] if len(jobs) == 1 else {"apiVersion": "v1", "kind": "List", "items": jobs}
    return json.dumps(one, indent=2) + "\n"


def _as_yaml(jobs: Sequence[Mapping[str, Any]]) -> str:
    try:
        import yaml
    except ImportError:
        raise Unsupported(
            "YAML is written by PyYAML, which is not installed",
            hint="--json, which kubectl reads as well, or pip install 'r50bench[fleet]'",
        ) from None

    # Anew from JSON: what is one object twice would be written as an anchor and a reference to it.
    separate = json.loads(json.dumps(jobs))
    return str(yaml.safe_dump_all(separate, sort_keys=False, allow_unicode=True, width=100))
