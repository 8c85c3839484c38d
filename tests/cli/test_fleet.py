"""The group of verbs for many machines."""

from __future__ import annotations

from support.command_line import Call


def test_it_lists_its_commands_without_loading_them(r50bench_process: Call) -> None:
    program = (
        "import sys\n"
        "from r50bench.cli.main import run_command_line\n"
        "code = run_command_line(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    answer = r50bench_process("fleet", "--help", program=program)
    assert answer.code == 0
    assert "list      Lists the machines" in answer.out
    assert "msgspec" not in answer.err.split()


def test_a_command_that_is_none_is_refused_with_the_one_that_was_meant(
    r50bench_here: Call,
) -> None:
    answer = r50bench_here("fleet", "lst")
    assert answer.code == 2
    assert "unknown command 'lst'" in answer.err
    assert "did you mean list?" in answer.err
