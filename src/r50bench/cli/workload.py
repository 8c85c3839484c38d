"""``r50bench workload``: what a container does that the Workload Services Framework starts."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from r50bench.engines.environment import python_command
from r50bench.errors import Interrupted, UsageError
from r50bench.workload.export import ensure_pipe, offer
from r50bench.workload.logs import OUTPUT, STATUS, new_folder, write_logs
from r50bench.workload.run import run_logged

__all__ = ["workload"]


@click.command("workload", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RUN'S ARGUMENT]...")
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("r50bench-logs"),
    show_default=True,
    help="Where the logs go, into a folder for each run.",
)
@click.option(
    "--export-logs",
    "pipe",
    type=click.Path(path_type=Path),
    default=Path("/export-logs"),
    show_default=True,
    help="The pipe that they are taken from.",
)
@click.pass_context
def workload(ctx: click.Context, words: tuple[str, ...], logs: Path, pipe: Path) -> None:
    """Runs what the environment says, then waits for whoever fetches the logs.

    It stands where a container of the Workload Services Framework's workload stood: variables
    (MODE, PRECISION, BATCH_SIZE, ...) come in, and the logs go out as a tar to whoever reads the
    pipe: 'docker exec ID cat /export-logs | tar xf - -C DIR'. In it are status, the run's exit
    code, kpi.txt, the records, and a log that the original kpi.sh reads; also where the run failed.
    It waits until it is ended by SIGTERM or Ctrl-C, and exits with the run's code. Further words
    are those of 'r50bench run'.
    """
    _refuse_out(words)
    ensure_pipe(pipe)
    folder = new_folder(logs)
    command = python_command("r50bench", {})
    status = run_logged([*command, "run", "--out", str(folder), *words], folder / OUTPUT)
    write_logs(folder, status)
    with suppress(OSError):  # for a container's health check
        (logs / STATUS).write_text(f"{status}\n")
    if status != Interrupted.exit_code:
        click.echo(
            f"# logs: {folder}   take them: docker exec {os.uname().nodename} cat {pipe}"
            " | tar xf - -C DIR; ended by SIGTERM or Ctrl-C"
        )
        with suppress(KeyboardInterrupt):
            offer(pipe, folder)
    ctx.exit(status)


def _refuse_out(words: tuple[str, ...]) -> None:
    """Refuses the one word of ``run`` that would keep the records from whoever fetches the logs.

    Raises:
        UsageError: it is there.
    """
    if any(word == "--out" or word.startswith("--out=") for word in words):
        raise UsageError(
            "--out has no meaning here: the records go into the logs, from which they are fetched",
            hint="leave it out; --logs says where the logs go",
        )
