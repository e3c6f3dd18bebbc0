"""Dates as articles print them. A date without a year stays without one."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from typing import NamedTuple

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_MONTH = (
    r"(?:Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_DAY_NAME = r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? )?"
_DATE = (
    rf"(?:{_DAY_NAME}(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}} {_MONTH},? \d{{4}})"
    rf"|{_DAY_NAME}(?:{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH})|\d{{4}}-\d{{2}}-\d{{2}}|{_MONTH} \d{{4}})"
)
# Compiled when first used: questions need only `bounds`.
_DATE_LINE = (
    rf"(?:(?:Published|Posted|Date|Updated|Last updated):?(?: on)? )?(?P<date>{_DATE})"
    r"(?:,? (?:at )?\d{1,2}[:.]\d{2}(?: ?[AaPp]\.?[Mm]\.?)?(?: [A-Z]{2,4})?)?"
    r"(?: ?[-–—|·] ?(?P<section>[A-Z][\w &/]{1,40}))?"
)
_MONTHS = 12
_EITHER_ORDER = re.compile(r"\D*(\d{1,2})([/.-])(\d{1,2})\2\d{4}\b.*", re.DOTALL)


class DateLine(NamedTuple):
    """What a line that holds only a date says."""

    published: str | None
    words: str
    section: str | None


def date_line(line: str) -> DateLine | None:
    """Reads a line that holds a date, perhaps with the section beside it, and nothing else; else None."""
    found = re.fullmatch(_DATE_LINE, line.strip())
    if not found:
        return None
    return DateLine(parse(found["date"]), found["date"], found["section"])


def parse(words: str) -> str | None:
    """`YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as precise as the words are; None when they give no year or are no date.

    A year has four digits. `10/05/2024` is a day in October or in May, so it gives no more than its year.
    """
    from dateutil import parser

    try:
        # Two defaults that differ in every part show which parts the words themselves gave.
        first = parser.parse(words, default=dt.datetime(2000, 1, 1, tzinfo=dt.UTC), ignoretz=True)
        second = parser.parse(words, default=dt.datetime(2004, 2, 2, tzinfo=dt.UTC), ignoretz=True)
    except (ValueError, OverflowError):
        return None
    year = f"{first.year:04}"
    if first.year != second.year or year not in words:
        return None
    if first.month != second.month or _either_order(words):
        return year
    return f"{year}-{first:%m-%d}" if first.day == second.day else f"{year}-{first:%m}"


def _either_order(words: str) -> bool:
    """Whether a date in figures can be read with the day first and with the month first, as two different days."""
    found = _EITHER_ORDER.fullmatch(words)
    return found is not None and found[1] != found[3] and max(int(found[1]), int(found[3])) <= _MONTHS


def bounds(published: str) -> tuple[dt.date, dt.date]:
    """The first and the last day that a `YYYY`, `YYYY-MM` or `YYYY-MM-DD` can mean.

    Raises:
        ValueError: it is no date.
    """
    year, *rest = (int(part) for part in published.split("-"))
    if len(rest) > 1:
        day = dt.date(year, rest[0], rest[1])
        return day, day
    first, last = (rest[0], rest[0]) if rest else (1, 12)
    return dt.date(year, first, 1), dt.date(year, last, monthrange(year, last)[1])
