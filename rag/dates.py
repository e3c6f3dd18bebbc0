"""Dates as articles print them. A date without a year stays without one."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from typing import NamedTuple

_MONTH = (
    r"(?:Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_DAY_NAME = r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? )?"
_DATE = (
    rf"(?:{_DAY_NAME}(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}} {_MONTH},? \d{{4}})"
    rf"|{_DAY_NAME}(?:{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH})|\d{{4}}-\d{{2}}-\d{{2}}|{_MONTH} \d{{4}})"
)
_DATE_LINE = re.compile(
    rf"(?:(?:Published|Posted|Date|Updated|Last updated):?(?: on)? )?(?P<date>{_DATE})"
    r"(?:,? (?:at )?\d{1,2}[:.]\d{2}(?: ?[AaPp]\.?[Mm]\.?)?(?: [A-Z]{2,4})?)?"
    r"(?: ?[-–—|·] ?(?P<section>[A-Z][\w &/]{1,40}))?",
)


class DateLine(NamedTuple):
    """What a line that holds only a date says."""

    published: str | None
    words: str
    section: str | None


def date_line(line: str) -> DateLine | None:
    """Reads a line that holds a date, perhaps with the section beside it, and nothing else; else None."""
    found = _DATE_LINE.fullmatch(line.strip())
    if not found:
        return None
    return DateLine(parse(found["date"]), found["date"], found["section"])


def parse(words: str) -> str | None:
    """`YYYY-MM-DD` or `YYYY-MM`, as precise as the words are; None when they give no year or are no date."""
    from dateutil import parser

    try:
        # Two defaults that differ in every part show which parts the words themselves gave.
        first = parser.parse(words, default=dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        second = parser.parse(words, default=dt.datetime(2004, 2, 2, tzinfo=dt.UTC))
    except (ValueError, OverflowError):
        return None
    if first.year != second.year or first.month != second.month:
        return None
    return f"{first:%Y-%m-%d}" if first.day == second.day else f"{first:%Y-%m}"


def bounds(published: str) -> tuple[dt.date, dt.date]:
    """The first and the last day that a `YYYY`, `YYYY-MM` or `YYYY-MM-DD` can mean.

    Raises:
        ValueError: it is no date.
    """
    year, *rest = (int(part) for part in published.split("-"))
    month = rest[0] if rest else None
    if month and rest[1:]:
        day = dt.date(year, month, rest[1])
        return day, day
    first = dt.date(year, month or 1, 1)
    last_month = month or 12
    return first, dt.date(year, last_month, monthrange(year, last_month)[1])
