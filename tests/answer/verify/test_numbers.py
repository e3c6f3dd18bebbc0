"""Numbers are read as what they mean, however they are written, and a round one is the exact one it rounds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.verify.numbers import Number, numbers_of, same

ONES = "one two three four five six seven eight nine".split()  # noqa: SIM905 - a list of words reads best as words
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
WRITTEN = ("twelve", "1,200", "3.5%", "third", "2019/20")


def _values(text: str) -> list[tuple[float, ...]]:
    return [number.values for number in numbers_of(text)]


def _number(text: str) -> Number:
    (found,) = numbers_of(text)
    return found


def _same(one: str, other: str) -> bool:
    return same(_number(one), _number(other))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 ferries", 12),
        ("twelve ferries", 12),
        ("Twelve ferries", 12),
        ("forty-two ferries", 42),
        ("forty two ferries", 42),
        ("one hundred and five ferries", 105),
        ("one hundred and twenty-three thousand fish", 123_000),
        ("five hundred crowns", 500),
        ("a hundred crowns", 100),
        ("a dozen eggs", 12),
        ("two dozen eggs", 24),
        ("1,234,500 people", 1_234_500),
        ("1\u202f200 people", 1_200),
        ("1\u00a0200 people", 1_200),
        ("3.5 degrees", 3.5),
        (".5 degrees", 0.5),
        ("1.2 million", 1_200_000),
        ("1.2m crowns", 1_200_000),
        ("$4bn", 4_000_000_000),
        ("4-billion", 4_000_000_000),
        ("3k runners", 3_000),
        ("half a million", 500_000),
        ("a quarter of a million", 250_000),
        ("21st", 21),
        ("the third mine", 3),
        ("the twenty-first mine", 21),
        ("twentieth", 20),
        ("in the 1990s", 1990),
        ("twice a day", 2),
        ("both ships", 2),
        ("50%", 50),
        ("50 per cent", 50),
        ("fifty percent", 50),
        ("15-year-old", 15),
        ("It took 12.", 12),
        ("Of 7, all came", 7),
    ],
)
def test_a_number_is_read_as_its_value(text: str, value: float) -> None:
    (values,) = _values(text)
    assert value in values


@pytest.mark.parametrize(
    ("text", "share"),
    [("half of them", 0.5), ("a third of them", 1 / 3), ("three quarters of them", 0.75), ("two thirds", 2 / 3)],
)
def test_a_share_is_also_a_number_of_per_cent(text: str, share: float) -> None:
    assert _number(text).values == pytest.approx((share, 100 * share))


def test_a_text_has_its_numbers_in_order_with_their_places() -> None:
    text = "On 3 May 2019, forty-two of 1,300 miners left."
    found = numbers_of(text)
    assert [number.values[0] for number in found] == [3, 2019, 42, 1300]
    assert [text[number.start : number.end] for number in found] == [number.text for number in found]
    assert [number.is_year for number in found] == [False, True, False, False]


@pytest.mark.parametrize("text", ["", "No ship came.", "the tenant of Sixmile", "weightless", "Oneida", "anyone"])
def test_words_that_hold_the_letters_of_a_number_are_none(text: str) -> None:
    assert numbers_of(text) == []


@pytest.mark.parametrize("text", ["2018/19", "2018-19", "2018–19"])
def test_a_range_of_years_ends_in_its_second(text: str) -> None:
    first, last = numbers_of(text)
    assert first.is_year
    assert same(_number("2019"), last)
    assert same(_number("19"), last)
    assert not same(_number("2020"), last)


@pytest.mark.parametrize("text", ["one", "half", "first", "Second", "a pair", "once", "both"])
def test_words_that_are_often_no_number_are_vague(text: str) -> None:
    assert _number(text).vague


@pytest.mark.parametrize("text", ["1", "two", "half a million", "half per cent", "one per cent", "third", "twice"])
def test_what_is_meant_as_a_number_is_not_vague(text: str) -> None:
    assert not _number(text).vague


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("twelve", "12"),
        ("1.2 million", "1,200,000"),
        ("half", "50%"),
        ("50 per cent", "a half"),
        ("third", "3rd"),
        ("a quarter", "25 percent"),
        ("2bn", "two billion"),
        ("a dozen", "twelve"),
    ],
)
def test_the_same_number_written_in_two_ways_is_the_same(one: str, other: str) -> None:
    assert _same(one, other)
    assert _same(other, one)


@pytest.mark.parametrize(
    ("rounded", "exact"),
    [
        ("1.2 million", "1,234,567"),
        ("1.2 million", "1,249,999"),
        ("1.3 million", "1,299,000"),
        ("1.3 million", "1,255,000"),
        ("1,230,000", "1,234,567"),
        ("48,000", "47,812"),
        ("twelve thousand", "12,340"),
        ("640,000", "641,020"),
    ],
)
def test_a_round_number_is_the_exact_one_up_or_down_and_not_the_other_way(rounded: str, exact: str) -> None:
    assert _same(rounded, exact)
    assert not _same(exact, rounded)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12", "13"),
        ("12", "12.4"),
        ("1.2 million", "1.2 billion"),
        ("1.2 million", "1,356,000"),
        ("48,000", "49,700"),
        ("1,234,000", "1,234,567"),  # four digits are not round
        ("40", "42"),  # small numbers are said exactly
        ("900", "912"),
        ("15 per cent", "25 per cent"),
        ("a third", "a quarter"),
        ("fourteen", "forty"),
    ],
)
def test_other_numbers_are_not_the_same(one: str, other: str) -> None:
    assert not _same(one, other)
    assert not _same(other, one)


@pytest.mark.parametrize(("year", "other"), [("2000", "2,014"), ("2010", "2014"), ("1900", "1911"), ("1990s", "1995")])
def test_a_year_is_never_another_one_rounded(year: str, other: str) -> None:
    assert not _same(year, other)
    assert not _same(other, year)
    assert _same(year, year)


@given(st.integers(0, 10**12))
def test_digits_are_read_with_and_without_commas(value: int) -> None:
    assert float(value) in _number(f"{value} fish").values
    assert float(value) in _number(f"About {value:,} fish").values


@given(st.integers(0, 7), st.integers(0, 8), st.integers(0, 8))
def test_spelled_numbers_are_read_below_a_thousand(tens: int, ones: int, hundreds: int) -> None:
    text = f"{ONES[hundreds]} hundred and {TENS[tens]}-{ONES[ones]} boats"
    assert _number(text).values == (100.0 * (hundreds + 1) + 10.0 * (tens + 2) + ones + 1,)


@given(st.lists(st.sampled_from([*WRITTEN, "fish", "and", ".", "-", "m"])))
def test_numbers_stand_apart_in_any_text(pieces: list[str]) -> None:
    text = " ".join(pieces)
    found = numbers_of(text)
    assert [text[number.start : number.end] for number in found] == [number.text for number in found]
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(same(number, number) for number in found)
    assert bool(found) == any(piece in WRITTEN for piece in pieces)
