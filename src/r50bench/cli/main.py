"""The command ``r50bench``: its verbs, and what the shell gets to see of an error."""

from __future__ import annotations

import codecs
import errno
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click

from r50bench import __version__
from r50bench.errors import Interrupted, R50BenchError, RunFailed, UsageError, did_you_mean

__all__ = ["LazyGroup", "cli", "main", "run_command_line"]

# What a shell reports for a program that SIGPIPE ended, as it ends most that write into a pipe.
_PIPE_CLOSED = 128 + signal.SIGPIPE


_VERBS = {
    "run": ("r50bench.cli.run:run", "Measures cases; without any, does the main job."),
    "list": ("r50bench.cli.list_cases:list_cases", "Lists the cases designed for this host."),
    "sweep": ("r50bench.cli.sweep:sweep", "Measures every combination of several values."),
    "tune": ("r50bench.cli.tune:tune", "Finds the best configuration of a case, and keeps it."),
    "peers": ("r50bench.cli.peers:peers", "Measures the engines beside each other."),
    "profile": ("r50bench.cli.profile:profile", "Shows where the time of a case goes."),
    "doctor": ("r50bench.cli.doctor:doctor", "Says what about this host hurts the figures."),
    "report": ("r50bench.cli.report:report", "Writes one page of runs, for any browser."),
    "kpi": ("r50bench.cli.kpi:kpi", "Prints the KPIs of runs that are done."),
    "mlperf": ("r50bench.cli.mlperf:mlperf", "Runs MLPerf's LoadGen on this machine."),
    "compare": ("r50bench.cli.compare:compare", "Says whether one set of runs is faster."),
    "ab": ("r50bench.cli.ab:ab", "Measures two settings, or environments, against each other."),
    "check": ("r50bench.cli.check:check", "Runs cases and fails where one has become slower."),
    "baseline": ("r50bench.cli.baseline:baseline", "Keeps runs under a name, to compare with."),
    "submit": ("r50bench.cli.submit:submit", "Lays out an MLPerf submission from records."),
    "byquery": ("r50bench.cli.byquery:byquery", "Answers a query, from the cache or by a run."),
    "find": ("r50bench.cli.find:find", "Finds records in the history, newest first."),
    "history": ("r50bench.cli.history:history", "Shows all runs over time, and what changed."),
    "replay": ("r50bench.cli.replay:replay", "Runs the same again and says what differs."),
    "fleet": ("r50bench.cli.fleet:fleet", "Does all that on many machines at once."),
    "workload": ("r50bench.cli.workload:workload", "Runs as in a workload's container."),
    "cache": ("r50bench.cli.cache:cache", "Lists, verifies and removes what is kept."),
    "work_collection": ("r50bench.cli.cache:work_collection", ""),
}
"""Every verb: where it is, and its line in ``r50bench --help``, from which empty ones are left out.

A verb's module is imported when the verb is run, so each may import at its top all that it needs.
"""


class LazyGroup(click.Group):
    """A group that loads a command when it is run, and suggests the one that was meant.

    ``table`` says of each command where it is, and its line in the help; it has none that is empty.
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb for verb, (_, summary) in self.table.items() if summary]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self.table:
            module, _, name = self.table[cmd_name][0].partition(":")
            self.commands[cmd_name] = getattr(importlib.import_module(module), name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, self.table[verb][1]) for verb in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            raise _unknown_verb(word, self.list_commands(ctx))
        return super().resolve_command(ctx, args)


def _spelling(token: str) -> str:
    """Lets ``--batch_size`` and ``--VERBOSE`` be spelled as the original workloads spell them."""
    return token if len(token) == 1 else token.lower().replace("_", "-")


@click.group(
    cls=LazyGroup,
    table=_VERBS,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": _spelling,
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="r50bench", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Measures ResNet-50 inference on this machine and proves every number it prints.

    'r50bench run' does the main job: throughput, latency and accuracy of the best fp32, bf16 and
    int8 of this CPU, on PyTorch as it ships and on r50bench's own kernels.

    \b
    Exit codes: 0 done, 1 a bug of ours, 2 wrong usage, 3 a check failed, 4 too noisy to say,
    5 the run failed, 6 this host cannot run the case, 130 interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(UsageError.exit_code)


def main() -> None:
    """The entry point: runs the command line of this process and exits."""
    _open_standard_streams()
    # Ignored, as some init programs and cron leave it, no child's status can be known.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _print_any_text()
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        # For numpy here, which multiplies nothing: a thread for each core is refused where
        # processes are limited, and OpenBLAS then ends the process by SIGINT. Not in os.environ,
        # which says what the user has set and what workers inherit.
        os.putenv("OPENBLAS_NUM_THREADS", "1")
    # Not where commands are run in a process that is another program's.
    from r50bench.cli.signals import stop_on_signals

    stop_on_signals()
    sys.exit(run_command_line(sys.argv[1:]))


def _open_standard_streams() -> None:
    """Has descriptors 0, 1 and 2, and Python's files of them, lead nowhere where they are closed.

    Python leaves None for such a file, and the kernel gives the number to whatever is opened next:
    what an engine prints would go into the history.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given, and those below are open by now.
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  as long as the process


def _print_any_text() -> None:
    """Lets what is printed hold names of files that are no UTF-8, and signs the locale lacks."""
    codecs.register_error("bytes-or-escapes", _bytes_or_escapes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="bytes-or-escapes")


def _bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encodes a byte of a file's name as itself, anything else as Python's escape of it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    start = error.start
    first = UnicodeEncodeError(error.encoding, error.object, start, start + 1, error.reason)
    try:
        return codecs.lookup_error("surrogateescape")(first)
    except UnicodeEncodeError:
        return codecs.lookup_error("backslashreplace")(first)


def run_command_line(args: Sequence[str]) -> int:
    """Runs one command and returns its exit code, after saying on stderr what went wrong."""
    try:
        with cli.make_context("r50bench", list(args)) as ctx:
            cli.invoke(ctx)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except BrokenPipeError:
        # The reader (head, less) has seen enough; keep Python from flushing into the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nobody else can show a bug
        told = _as_told(error)
        if told is None:
            traceback.print_exc()
            told = R50BenchError(
                f"this is a bug in r50bench {__version__}",
                hint="please report it with the lines above",
            )
        _say(told)
        return told.exit_code
    return 0


def _say(told: R50BenchError) -> None:
    from r50bench.wording import visible  # nothing has failed in most commands

    click.echo(f"r50bench: {visible(told.message)}", err=True)
    if told.hint:
        click.echo(f"  hint: {visible(told.hint)}", err=True)


def _as_told(error: BaseException) -> R50BenchError | None:
    """Returns what the user is told of an error, or None where it is a bug of ours."""
    if isinstance(error, R50BenchError):
        return error
    if isinstance(error, click.ClickException):
        return _in_our_style(error)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Interrupted("interrupted")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return RunFailed(
            f"no space is left for {error.filename or 'the output'}", hint="free some space"
        )
    if isinstance(error, OSError | MemoryError | RuntimeError):
        from r50bench.host.refusals import explained  # nothing has failed in most commands

        return explained(error)
    return None


def _unknown_verb(word: str, verbs: Sequence[str]) -> UsageError:
    if "_" in word:
        hint = f"cases are run by 'r50bench run {word}'"
    else:
        hint = did_you_mean(word, verbs) or f"commands: {', '.join(verbs)}"
    return UsageError(f"unknown command {word!r}", hint=hint)


def _in_our_style(error: click.ClickException) -> UsageError:
    near: Sequence[str] = ()
    text = error.format_message()
    if isinstance(error, click.NoSuchOption):
        near, text = error.possibilities or (), f"no such option: {error.option_name}"
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    command = ctx.command_path if ctx else "r50bench"
    hint = f"did you mean {' or '.join(near)}?" if near else f"see '{command} --help'"
    return UsageError(text[:1].lower() + text[1:].rstrip("."), hint=hint)
