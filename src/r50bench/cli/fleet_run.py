"""``r50bench fleet run``: the same cases, or another verb, on every node of a cluster."""

from __future__ import annotations

import click

from r50bench.cli.fleet_carry_out import FleetAsked, carry_out, fleet_options
from r50bench.cli.fleet_errands import errands_of_cases, errands_of_verb, shared_errands
from r50bench.cli.options import parameter_options, set_option, tuned_option
from r50bench.errors import UsageError
from r50bench.fleet.agent import VERBS

__all__ = ["run"]


@click.command("run")
@click.argument("words", nargs=-1, metavar="[CASE]... | --verb VERB -- WORDS...")
@click.option(
    "--verb",
    type=click.Choice(VERBS),
    default="run",
    show_default=True,
    help="Send this instead, with all WORDS behind --.",
)
@click.option(
    "--share",
    is_flag=True,
    help="With --verb sweep: each point on one of several twins, not all points on each.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 1000),
    default=1,
    metavar="N",
    help="Run every case N times on each node, by fresh processes.",
)
@fleet_options
@tuned_option
@set_option("Set a parameter by its upper-case name, such as BATCH_SIZE=64.")
@parameter_options
def run(
    words: tuple[str, ...],
    verb: str,
    share: bool,
    processes: int,
    tuned: bool,
    sets: tuple[str, ...],
    asked: FleetAsked,
    **options: str | bool | None,
) -> None:
    """Runs the same cases on every node, and shows which is best, and which is not like its twins.

    \b
    r50bench fleet run inference_throughput_int8 --nodes type=c7i --prices prices.txt
    r50bench fleet run --verb sweep -- inference_throughput_int8 --set BATCH_SIZE="1 2 4 … 64"

    Nodes are those that declare the resource r50bench, else all that offer CPUs, unless --nodes
    says which. One run at a time has a node, and a host, for itself. A node that dies, lags or
    refuses is a row that says why, and costs the others nothing. Records come home into --out and
    the history; with the same --out and the same words, what failed is tried again, and no more.

    Without a case, the main job is done. Parameters are those of 'r50bench run'; those in this
    shell's environment do not travel. Paths are paths on the nodes.
    """
    if share and verb != "sweep":
        raise UsageError("--share is about the points of a sweep", hint="--verb sweep -- …")
    if verb == "run":
        errands = errands_of_cases(words, options, sets, tuned=tuned, processes=processes)
    elif processes > 1 or sets or not tuned or any(one is not None for one in options.values()):
        raise UsageError(
            f"options of {verb} stand behind --",
            hint=f"r50bench fleet run --verb {verb} -- CASE --set …",
        )
    else:
        errands = shared_errands(words) if share else errands_of_verb(verb, words)
    carry_out(errands, asked, alike=share)
