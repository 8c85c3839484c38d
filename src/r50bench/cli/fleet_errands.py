"""What is sent to nodes, from what the command line says; refused here what they would refuse."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

import click

from r50bench.case import CaseName, is_glob
from r50bench.cli.main import cli
from r50bench.errors import UsageError
from r50bench.fleet.plan import Errand
from r50bench.parameters import PARAMETERS, collect
from r50bench.parameters.value_lists import read_axes

__all__ = ["errands_of_cases", "errands_of_verb", "shared_errands"]

_MAIN_JOB = "main job"
_NOT_SENT = {
    "out": "records come home into the --out of 'r50bench fleet run'",
    "dry_run": "'r50bench fleet list' says what the nodes are",
    "as_json": "'r50bench fleet run --json' says it of all nodes",
    "resume": "the same 'r50bench fleet run' with the same --out goes on",
    "fleet": "they are at a fleet already",
}
"""Parameters of verbs that make no sense on a node, by what does instead."""


def errands_of_cases(
    words: Sequence[str],
    options: Mapping[str, object],
    sets: Sequence[str],
    *,
    tuned: bool,
    processes: int,
) -> tuple[Errand, ...]:
    """Returns an errand for each case; a glob is one, and so is the main job where there is none.

    Raises:
        UsageError: a name is misspelt, or a value is not valid anywhere.
    """
    given = [*_option_words(options), *(f"--set={text}" for text in sets)]
    given += [] if tuned else ["--no-tuned"]
    given += [f"--processes={processes}"] if processes > 1 else []
    values = {name: value for name, value in options.items() if isinstance(value, str | bool)}
    collect(values, sets, {})
    if not words:
        named = any(name in values for name in ("mode", "precision", "case_type"))
        question = " ".join([_MAIN_JOB, *given]) if not named else " ".join(given)
        return (_checked(Errand(question, ("run", *given), several=True)),)
    return tuple(_checked(_of_word(word, given)) for word in dict.fromkeys(words))


def errands_of_verb(verb: str, words: Sequence[str]) -> tuple[Errand, ...]:
    """Returns the one errand of a verb with its own words.

    Raises:
        UsageError: it would refuse them, or they are not for a node.
    """
    question = shlex.join((verb, *words))
    return (_checked(Errand(question, (verb, *words), several=True)),)


def shared_errands(words: Sequence[str]) -> tuple[Errand, ...]:
    """Returns an errand for each point of a sweep, for any one node.

    Raises:
        UsageError: the words are not those of a sweep, or do not say its points.
    """
    from r50bench.sweep.grid import full_grid, side_by_side

    ctx = _context("sweep", words)
    cases, sets = ctx.params["cases"], ctx.params["sets"]
    given = {row.name: ctx.params[row.name] for row in PARAMETERS}
    groups = read_axes(sets)
    if not cases or not any(len(axis.values) > 1 for group in groups for axis in group):
        raise UsageError(
            "a sweep that is shared out names its cases and its points",
            hint='--share --verb sweep -- CASE --set BATCH_SIZE="1 2 4"',
        )
    grid = side_by_side(groups) if ctx.params["zipped"] else full_grid(groups)
    points = [[f"{key}={text}" for key, text in assignment] for assignment in grid]
    return tuple(
        _checked(
            Errand(
                " ".join((str(CaseName.parse(case)), *point)),
                ("run", case, *_option_words(given), *(f"--set={text}" for text in point)),
                anywhere=True,
            )
        )
        for case in cases
        for point in points
    )


def _of_word(word: str, given: Sequence[str]) -> Errand:
    if is_glob(word):
        return Errand(word, ("run", word, *given), several=True)
    return Errand(str(CaseName.parse(word)), ("run", word, *given))


def _option_words(options: Mapping[str, object]) -> list[str]:
    """Returns the words that give a verb's options these values again."""
    return [word for row in PARAMETERS for word in _words_of(row.option, options.get(row.name))]


def _words_of(option: str, value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield option if value else f"--no-{option.removeprefix('--')}"
    elif value is not None:
        yield f"{option}={value}"


def _checked(errand: Errand) -> Errand:
    """Returns an errand whose words its verb understands.

    Raises:
        UsageError: it does not, or they are not for a node.
    """
    verb, *words = errand.words
    ctx = _context(verb, words)
    for name, instead in _NOT_SENT.items():
        source = ctx.get_parameter_source(name)
        if source is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{name.replace('as_', '').replace('_', '-')} of {verb} is not sent to nodes",
                hint=instead,
            )
    return errand


def _context(verb: str, words: Sequence[str]) -> click.Context:
    """Returns what a verb makes of its words.

    Raises:
        UsageError: it refuses them.
    """
    above = click.Context(cli, info_name="r50bench", **cli.context_settings)
    command = cli.get_command(above, verb)
    assert command is not None
    return command.make_context(verb, list(words), parent=above)
