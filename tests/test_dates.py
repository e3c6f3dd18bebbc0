from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.dates import DateLine, bounds, date_line, parse


@pytest.mark.parametrize(
    ("words", "published"),
    [
        ("May 13, 2024", "2024-05-13"),
        ("13 May 2024", "2024-05-13"),
        ("Sept. 9, 2023", "2023-09-09"),
        ("Tuesday, May 14, 2024", "2024-05-14"),
        ("2024-05-13", "2024-05-13"),
        ("2024-05-13T23:30:00Z", "2024-05-13"),
        ("2024-05-13T23:30:00+08:00", "2024-05-13"),
        ("Mon, 13 May 2024 10:00:00 EST", "2024-05-13"),
        ("20240513", "2024-05-13"),
        ("13/05/2024", "2024-05-13"),
        ("05/13/2024", "2024-05-13"),
        ("05/05/2024", "2024-05-05"),
        ("February 29, 2024", "2024-02-29"),
        ("May 2024", "2024-05"),
        ("2024-05", "2024-05"),
        ("2024", "2024"),
    ],
)
def test_parse_is_as_precise_as_the_words(words: str, published: str) -> None:
    assert parse(words) == published


@pytest.mark.parametrize("words", ["10/05/2024", "10.05.2024", "10-05-2024"])
def test_parse_does_not_choose_between_day_first_and_month_first(words: str) -> None:
    assert parse(words) == "2024"


@pytest.mark.parametrize("words", ["July 12", "12 July", "Wednesday", "May", "May 35", "12:30", "5/13/24", "1,2,3"])
def test_parse_invents_no_year(words: str) -> None:
    assert parse(words) is None


@pytest.mark.parametrize(
    "words", ["", " ", "unknown", "February 30, 2024", "June 31, 2024", "2024-13-45", "1715558400", "9" * 40, "today"]
)
def test_parse_of_no_date_is_none(words: str) -> None:
    assert parse(words) is None


@given(st.one_of(st.text(max_size=30), st.text(alphabet="0123456789 /.-:T+Z", max_size=25)))
@settings(deadline=None)
def test_parse_never_fails_and_what_it_gives_is_a_date(words: str) -> None:
    published = parse(words)
    if published is not None:
        assert re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", published)
        assert published[:4] in words
        first, last = bounds(published)
        assert first <= last


@given(st.dates(min_value=dt.date(1000, 1, 1)))
@settings(deadline=None)
def test_parse_reads_back_every_printed_day(day: dt.date) -> None:
    assert parse(f"{day:%B} {day.day}, {day.year}") == day.isoformat()
    assert parse(day.isoformat()) == day.isoformat()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("May 13, 2024", DateLine("2024-05-13", "May 13, 2024", None)),
        ("  May 13, 2024 - Technology ", DateLine("2024-05-13", "May 13, 2024", "Technology")),
        ("13 May 2024 | World & Politics", DateLine("2024-05-13", "13 May 2024", "World & Politics")),
        ("Published: May 13th, 2024", DateLine("2024-05-13", "May 13th, 2024", None)),
        ("Updated on Monday, May 13, 2024, 10:30 p.m. EDT", DateLine("2024-05-13", "Monday, May 13, 2024", None)),
        ("13 May 2024 at 10:30 GMT", DateLine("2024-05-13", "13 May 2024", None)),
        ("2024-05-13", DateLine("2024-05-13", "2024-05-13", None)),
        ("May 2024", DateLine("2024-05", "May 2024", None)),
        ("July 12", DateLine(None, "July 12", None)),
        ("Wednesday July 12", DateLine(None, "Wednesday July 12", None)),
    ],
)
def test_date_line(line: str, expected: DateLine) -> None:
    assert date_line(line) == expected


@pytest.mark.parametrize(
    "line", ["", "May", "Mayor speaks", "May 13, 2024 was a fine day", "On May 13, 2024", "March of the penguins"]
)
def test_a_line_with_more_than_a_date_is_no_date_line(line: str) -> None:
    assert date_line(line) is None


@pytest.mark.parametrize(
    ("published", "first", "last"),
    [
        ("2024", dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
        ("2024-02", dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
        ("2023-02", dt.date(2023, 2, 1), dt.date(2023, 2, 28)),
        ("2024-12", dt.date(2024, 12, 1), dt.date(2024, 12, 31)),
        ("2024-05-13", dt.date(2024, 5, 13), dt.date(2024, 5, 13)),
        ("9999", dt.date(9999, 1, 1), dt.date(9999, 12, 31)),
    ],
)
def test_bounds(published: str, first: dt.date, last: dt.date) -> None:
    assert bounds(published) == (first, last)


@pytest.mark.parametrize("published", ["", "May", "2024-13", "2024-00", "2024-00-10", "2024-02-30", "0000"])
def test_bounds_refuses_what_is_no_date(published: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        bounds(published)
