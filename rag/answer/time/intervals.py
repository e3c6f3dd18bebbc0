"""Intervals of days, and the units of the calendar."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from dateutil.relativedelta import MO, relativedelta


class Interval(NamedTuple):
    """Days from `since` to `until`, both included; None where there is no bound."""

    since: dt.date | None
    until: dt.date | None

    def overlaps(self, other: Interval) -> bool:
        """Whether there is a day in both."""
        return self.both(other) is not None

    def holds(self, other: Interval) -> bool:
        """Whether every day of the other is in this one."""
        return self.both(other) == other

    def both(self, other: Interval) -> Interval | None:
        """The days in both; None when there are none."""
        since = max((day for day in (self.since, other.since) if day), default=None)
        until = min((day for day in (self.until, other.until) if day), default=None)
        return None if since and until and since > until else Interval(since, until)


class Stretch(NamedTuple):
    """An interval with both its bounds, as every expression of time names one."""

    since: dt.date
    until: dt.date


def around(unit: str, day: dt.date) -> Stretch:
    """The day, week (from Monday), weekend, month, year or decade that a day lies in."""
    if unit == "month":
        return months(day.year, day.month)
    if unit == "year":
        return years(day.year, day.year)
    if unit == "decade":
        return years(day.year // 10 * 10, day.year // 10 * 10 + 9)
    if unit == "day":
        return Stretch(day, day)
    monday = day + relativedelta(weekday=MO(-1))
    return Stretch(monday + dt.timedelta(5 if unit == "weekend" else 0), monday + dt.timedelta(6))


def months(year: int, first: int, count: int = 1) -> Stretch:
    """Whole months in a row, from that month of the year.

    Raises:
        ValueError: there is no such month.
    """
    start = dt.date(year, first, 1)
    return Stretch(start, start + relativedelta(months=count - 1, day=31))


def years(first: int, last: int) -> Stretch:
    """Whole years, from the first to the last."""
    return Stretch(dt.date(first, 1, 1), dt.date(last, 12, 31))


def step(unit: str, count: int) -> relativedelta:
    """That many days, weeks, weekends, months, years or decades."""
    if unit in {"year", "decade"}:
        return relativedelta(years=count * (10 if unit == "decade" else 1))
    return relativedelta(months=count) if unit == "month" else relativedelta(days=count * (1 if unit == "day" else 7))
