"""The days that sentences name."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rag import dates
from rag.dates import WEEKDAYS
from rag.types import Article

MONTHS = "|".join(
    (*dates.MONTHS, *(f"{short}\\." for short in ("Jan", "Feb", "Mar", "Apr", "Aug", "Sept?", "Oct", "Nov", "Dec")))
)
_FUTURE = re.compile(r"\b(?:will|going to|scheduled|set to|plans?|planned|due|next|expected|to be)\b", re.IGNORECASE)
_BOUND_DATE = re.compile(
    r"\b(?P<bound>since|until|till|by|before|after|from|between|through|to|as of|every|each)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)


class Day(NamedTuple):
    """The days that a date allows, None when it cannot be told; whether it was told by a weekday; a bound (`since`) and its words."""

    first: dt.date | None
    last: dt.date | None
    relative: bool
    bound: str
    text: str


@lru_cache(maxsize=1)
def _date() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:(?P<month>{MONTHS}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: ?,? (?P<year>\d{{4}}))?\b(?!,\d)"
        rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month2>{MONTHS})(?:,? (?P<year2>\d{{4}}))?\b"
        rf"|(?P<month3>{MONTHS})(?: of)?,? (?P<year3>\d{{4}})\b|(?P<weekday>{'|'.join(WEEKDAYS)})\b|(?P<near>yesterday|today|tonight)\b"
        r"|(?<![\d.,$€£-])(?P<year4>1[0-9]{3}|20\d{2})(?![\d%,-]\d|%|s\b))"
    )


def days_of(text: str, article: Article) -> Iterator[Day]:
    """The dates of a sentence; a date without a year, and a weekday, are counted from the article's day of publication."""
    published = article.published if article.published and len(article.published) == len("2000-01-01") else None
    today = dt.date.fromisoformat(published) if published else None
    for found in _date().finditer(text):
        bound = _BOUND_DATE.search(text[: found.start()])
        first, last = _read(found, today, future=_FUTURE.search(text) is not None)
        relative = bool(found["weekday"] or found["near"])
        yield Day(first, last, relative, bound["bound"].casefold() if bound else "", found.group())


def _read(found: re.Match[str], today: dt.date | None, *, future: bool) -> tuple[dt.date, dt.date] | tuple[None, None]:
    """The first and last day that a date can mean; none where it cannot be told."""
    if found["near"] or found["weekday"]:
        if today is None or future:
            return None, None
        if found["near"]:
            back = 1 if found["near"] == "yesterday" else 0
        else:
            back = (today.weekday() - WEEKDAYS.index(found["weekday"])) % 7
        day = today - dt.timedelta(back)
        return day, day
    year = found["year"] or found["year2"] or found["year3"] or found["year4"]
    month, number = found["month"] or found["month2"] or found["month3"], found["day"] or found["day2"]
    if year:
        read = dates.parse(" ".join(filter(None, (number, month, year)))) if month else year
        return dates.bounds(read) if read else (None, None)
    if today is None:
        return None, None
    readings = (dates.parse(f"{number} {month} {today.year + more}") for more in (-1, 0, 1))
    near = [dates.bounds(read)[0] for read in readings if read]
    if not near:
        return None, None
    day = min(near, key=lambda day: abs(day - today))
    return day, day


def apart(one: Day, other: Day) -> int:
    """How many days lie between two dates; 0 where they may be the same or one cannot be told."""
    if not (one.first and one.last and other.first and other.last):
        return 0
    return max(0, (max(one.first, other.first) - min(one.last, other.last)).days)


def slack(one: Day, other: Day) -> int:
    """How many days apart two dates may be told of one event: a day told from today may be of another time zone, two named weekdays are two days."""
    weekdays = one.text in WEEKDAYS and other.text in WEEKDAYS
    return int((one.relative or other.relative) and not (weekdays and one.text != other.text))
