from r50bench.wording import counted


def test_one_thing_is_singular_and_all_other_numbers_are_plural() -> None:
    assert [counted(number, "core") for number in (0, 1, 2)] == ["0 cores", "1 core", "2 cores"]
