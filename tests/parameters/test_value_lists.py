"""Lists, ranges and products, as ``--set`` of a sweep takes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.errors import UsageError
from r50bench.parameters.value_lists import expand_numbers, read_axes

DOTS = st.sampled_from([" … ", " ... ", "...", " …", "... "])


def axes(*sets: str) -> list[list[tuple[str, tuple[str, ...]]]]:
    return [[(axis.parameter.key, axis.values) for axis in group] for group in read_axes(sets)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1 2 4", (1, 2, 4)),
        ("1000 1300 … 2000", (1000, 1300, 1600, 1900)),
        ("1000 1300 1600 ...2000", (1000, 1300, 1600, 1900)),
        ("1 2 4 … 64", (1, 2, 4, 8, 16, 32, 64)),
        ("1000 2000 4000 ...10000", (1000, 2000, 4000, 8000)),
        ("8 12 18 … 100", (8, 12, 18, 27)),  # 40.5 is no whole number
        ("64 32 16 … 1", (64, 32, 16, 8, 4, 2, 1)),
        ("9 6 … 0", (9, 6, 3, 0)),
        ("1 2 4 … 16 24 32", (1, 2, 4, 8, 16, 24, 32)),
        ("1000 1300 1600 ...2000 |200", (1000, 1600)),
        ("1000 1200 1400 ...2000 8000|", (1000, 1600, 2000)),
        ("4 4 8", (4, 8)),
    ],
)
def test_the_forms_of_the_original_workloads_mean_what_they_mean_there(
    text: str, numbers: tuple[int, ...]
) -> None:
    assert expand_numbers(text) == numbers


@given(
    start=st.integers(-50, 50),
    step=st.integers(1, 30) | st.integers(-30, -1),
    more=st.integers(0, 40),
    beyond=st.integers(0, 29),
    dots=DOTS,
)
def test_an_arithmetic_range_is_pythons_and_ends_at_or_before_its_end(
    start: int, step: int, more: int, beyond: int, dots: str
) -> None:
    last = start + step * (more + 1)
    end = last + (beyond % abs(step)) * (1 if step > 0 else -1)
    assert expand_numbers(f"{start} {start + step}{dots}{end}") == tuple(
        range(start, last + (1 if step > 0 else -1), step)
    )


@given(
    start=st.integers(1, 9),
    factor=st.integers(2, 5),
    more=st.integers(0, 8),
    beyond=st.integers(0, 10**6),
    dots=DOTS,
)
def test_a_geometric_range_multiplies_until_it_would_pass_its_end(
    start: int, factor: int, more: int, beyond: int, dots: str
) -> None:
    powers = [start * factor**power for power in range(more + 3)]
    end = powers[-1] + beyond % (powers[-1] * (factor - 1))
    text = f"{powers[0]} {powers[1]} {powers[2]}{dots}"
    assert expand_numbers(f"{text}{end}") == tuple(powers)
    backwards = f"{powers[-1]} {powers[-2]} {powers[-3]}{dots}{powers[0]}"
    assert expand_numbers(backwards) == tuple(reversed(powers))


@given(st.text(alphabet="0123456789 .…|-+x", max_size=20))
def test_no_text_is_more_than_values_or_a_reason(text: str) -> None:
    with contextlib.suppress(ValueError):
        numbers = expand_numbers(text)
        assert len(set(numbers)) == len(numbers) > 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 … 4", "two values or three before the dots"),
        ("… 4", "two values or three before the dots"),
        ("1 2 5 … 9", "neither grow by as much each time nor by a factor"),
        ("1 1 … 4", "never comes to 4"),
        ("4 3 … 9", "never comes to 9"),
        ("1 2 4 … -8", "never comes to -8"),
        ("1 -2 4 … 64", "never comes to 64"),
        ("1 2 …", "the end of a range must be"),
        ("1 2 … big", "'big' is no whole number"),
        ("1,2", "'1,2' is no whole number"),
        ("1 2 … 1000000000", "more than 10,000 values"),
        ("5 |3", "no value is left by the filters"),
        ("5 |0", "nothing is divided by 0"),
        ("|3", "there is no value"),
    ],
)
def test_what_cannot_be_a_range_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(UsageError, match="BATCH_SIZE=") as caught:
        read_axes([f"BATCH_SIZE={text}"])
    assert why in caught.value.message


def test_a_slash_before_a_key_makes_a_product_and_one_in_a_path_does_not() -> None:
    assert axes("BATCH_SIZE=1 2/cores-per-instance=1 2", "STEPS=10") == [
        [("BATCH_SIZE", ("1", "2")), ("CORES_PER_INSTANCE", ("1", "2"))],
        [("STEPS", ("10",))],
    ]
    assert axes("DATASET=/data/steps/val") == [[("DATASET", ("/data/steps/val",))]]


def test_words_are_split_as_in_a_shell_and_variables_of_workers_are_one_value() -> None:
    assert axes("ALLOCATOR=tcmalloc system", "WEIGHTS='/a b/x.pth'") == [
        [("ALLOCATOR", ("tcmalloc", "system"))],
        [("WEIGHTS", ("/a b/x.pth",))],
    ]
    assert axes("CUSTOMER_ENV=A=1 B=2", "CUSTOMER_ENV=A=2") == [
        [("CUSTOMER_ENV", ("A=1 B=2", "A=2"))]
    ]


def test_a_parameter_given_again_has_more_values() -> None:
    assert axes("STEPS=1 2", "BATCH_SIZE=1", "STEPS=2 3") == [
        [("STEPS", ("1", "2", "3"))],
        [("BATCH_SIZE", ("1",))],
    ]


def test_an_empty_value_is_the_default() -> None:
    assert axes("BATCH_SIZE=") == [[("BATCH_SIZE", ("",))]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("BATCH_SIZE", "is not KEY=VALUES"),
        ("BATCHSIZE=1 2", "unknown parameter 'BATCHSIZE'"),
        ("PRECISION=fp32 … int8", "a range needs numbers"),
        ("WEIGHTS='v1", "No closing quotation"),
    ],
)
def test_what_is_no_setting_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        read_axes([text])
    assert caught.value.hint
