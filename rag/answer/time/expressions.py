"""Times that a text names, read as intervals of days: dates, months, seasons, years, and times counted from a day.

The readings, with `today` the day that relative times are counted from:

| form | reading |
| --- | --- |
| `2024-05-14`, `14 May 2024`, `May 14th, 2024` | that day |
| `5 to 10 May 2024`, `May 5-10, 2024` | those days |
| `May 2024`, `May of 2024`; `early`, `mid`, `late`, `the beginning of`, `the end of` | that month; its days 1 to 10, 11 to 20, 21 to the last |
| `in 2019`; `early 2019`, `mid`, `late`, `the end of` | that year; its first, middle, last four months |
| `Q3 2020`, `the third quarter of 2020`, `the first half of 2020` | those months |
| `summer 2019`, `the summer of 2019` | June to August; spring March to May, autumn September to November, winter from December of that year to February |
| `the 1990s`, `the '90s`; `the 1700s` | ten years; a hundred (but `the 2000s` are ten); `early`, `mid`, `late`: about a third |
| `the 19th century`; `early`, `mid`, `late` | 1801 to 1900; its years 1 to 33, 34 to 66, 67 to 100 |
| `between March and May 2020`, `from 2015 to 2018`, `in May and June` | from the first day of the first to the last day of the second; a year given once counts for both |
| `in May`, `14 May` | the most recent that has begun by today |
| `on Monday` | the most recent, today included; `last Monday`: before today; `next`: after today; `this`: of today's week |
| `last June`, `last summer` | the most recent that was over before today's month; `this June`: of today's year; `next June`: after today's month |
| `last week`, `this month`, `next year`, `last decade` | the calendar unit before, around or after today's; weeks begin on Monday |
| `the last three months`, `the past year`, `the past few days` | as long as it says up to today; few are three |
| `two weeks ago` | the calendar unit so long ago: that day, week, month, year |
| `in recent days`, `weeks`, `months`, `years` | the last 7 days, 30 days, 6 months, 5 years |
| `yesterday`, `today`, `tomorrow`, `tonight`, `this morning`, `last night` | that day; `last night`: yesterday and today |

A month alone counts only after a preposition of time, a year too; a time that modifies what follows (`the 2019 election`) does not count in a question.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from rag.answer.time.intervals import Interval, Stretch, around, months, step, years

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_EDGES = {"beginning": "early", "start": "early", "middle": "mid", "end": "late"}
_WHICH = {"last": -1, "this": 0, "next": 1}
_DAY_WORDS = {"the day before yesterday": (-2, -2), "yesterday": (-1, -1), "last night": (-1, 0), "tomorrow": (1, 1)}
_RECENT = {
    "day": relativedelta(days=7),
    "week": relativedelta(days=30),
    "month": relativedelta(months=6),
    "year": relativedelta(years=5),
}
_FEW = 3
_CENTURIES = 21
_LEAP_YEARS = 8
_HALF_A_YEAR = dt.timedelta(182)
_LOOK = 40


class Expression(NamedTuple):
    """A time named in a text: `text[start:end]` are its words, `kind` names its form; `relative` when it is counted from today."""

    start: int
    end: int
    stretch: Stretch
    kind: str
    relative: bool

    @property
    def interval(self) -> Interval:
        """Its days."""
        return Interval(*self.stretch)


def _part(found: re.Match[str]) -> str:
    """`early`, `mid`, `late` or nothing."""
    named = (found["part"] or found["edge"] or "").casefold()
    return _EDGES.get(named, named)


def _month_number(name: str) -> int:
    return _MONTHS.index(name[:3].casefold()) + 1


def _day_number(name: str) -> int:
    return _DAYS.index(name[:3].casefold())


def _read_iso(found: re.Match[str], _today: dt.date) -> Stretch:
    return around("day", dt.date.fromisoformat(found.group()))


def _read_days(found: re.Match[str], today: dt.date) -> Stretch:
    month, first = _month_number(found["month"]), int(found["day"])
    last = int(found["last"] or first)
    if found["year"]:
        year = int(found["year"])
        return Stretch(dt.date(year, month, first), dt.date(year, month, last))
    for year in range(today.year, today.year - _LEAP_YEARS - 1, -1):
        if 0 < first <= calendar.monthrange(year, month)[1] and dt.date(year, month, first) <= today:
            return Stretch(dt.date(year, month, first), dt.date(year, month, last))
    raise ValueError(f"no such day: {found.group()}")


def _read_month(found: re.Match[str], today: dt.date) -> Stretch:
    month = _month_number(found["month"])
    year = int(found["year"] or today.year)
    whole = months(year if found["year"] or dt.date(year, month, 1) <= today else year - 1, month)
    first, last = {"early": (1, 10), "mid": (11, 20), "late": (21, 31)}.get(_part(found), (1, 31))
    return Stretch(whole.since.replace(day=first), whole.until.replace(day=min(last, whole.until.day)))


def _read_year(found: re.Match[str], _today: dt.date) -> Stretch:
    first, count = {"early": (1, 4), "mid": (5, 4), "late": (9, 4)}.get(_part(found), (1, 12))
    return months(int(found["year"]), first, count)


def _read_season(found: re.Match[str], _today: dt.date) -> Stretch:
    return months(int(found["year"]), _SEASONS[found["season"].casefold()], 3)


def _read_quarter(found: re.Match[str], _today: dt.date) -> Stretch:
    number = int(found["short"] or 0) or _ORDINALS[found["nth"].casefold()]
    size = 6 if (found["size"] or found["letter"]).casefold() in {"half", "h"} else 3
    return months(int(found["year"]), (number - 1) * size + 1, size)


def _read_decade(found: re.Match[str], _today: dt.date) -> Stretch:
    start = int(found["year"] or "19" + found["short"])
    if start % 100 or start == 2000:  # noqa: PLR2004 - `the 2000s` are ten years, `the 1900s` a hundred
        first, last = {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}.get(_part(found), (0, 9))
    else:
        first, last = {"early": (0, 32), "mid": (33, 65), "late": (66, 99)}.get(_part(found), (0, 99))
    return years(start + first, start + last)


def _read_century(found: re.Match[str], _today: dt.date) -> Stretch:
    number = int(found["century"])
    if not 0 < number <= _CENTURIES:
        raise ValueError(f"no such century: {found.group()}")
    first, last = {"early": (1, 33), "mid": (34, 66), "late": (67, 100)}.get(_part(found), (1, 100))
    return years((number - 1) * 100 + first, (number - 1) * 100 + last)


def _read_range(found: re.Match[str], today: dt.date) -> Stretch:
    """Both sides; the first, where it names no year, as the most recent before the second."""
    second = _read_side(found["second"], today)
    return Stretch(_read_side(found["first"], second.until).since, second.until)


def _read_side(words: str, today: dt.date) -> Stretch:
    sides = ((form, re.fullmatch(form.pattern, words)) for form in _DATES)
    return next(form.read(found, today) for form, found in sides if found)


def _read_word(found: re.Match[str], today: dt.date) -> Stretch:
    first, last = _DAY_WORDS.get(found.group().casefold(), (0, 0))
    return Stretch(today + dt.timedelta(first), today + dt.timedelta(last))


def _read_weekday(found: re.Match[str], today: dt.date) -> Stretch:
    return around("day", today - dt.timedelta((today.weekday() - _day_number(found["weekday"])) % 7))


def _read_which(found: re.Match[str], today: dt.date) -> Stretch:
    """`last`, `this` or `next`, with a unit, a weekday, a month or a season."""
    which = _WHICH[found["which"].casefold()]
    if found["unit"]:
        unit = found["unit"].casefold()
        return around(unit, today + step(unit, which))
    if found["weekday"]:
        ahead = _day_number(found["weekday"]) - today.weekday()
        return around("day", today + dt.timedelta({-1: ahead % 7 - 7, 0: ahead, 1: ahead % 7 or 7}[which]))
    if found["month"]:
        month = _month_number(found["month"])
        return months(today.year + {-1: -(month >= today.month), 0: 0, 1: month <= today.month}[which], month)
    first = _SEASONS[found["season"].casefold()]
    listed = [months(today.year + shift, first, 3) for shift in (-2, -1, 0, 1)]
    if which < 0:
        return next(season for season in reversed(listed) if season.until < today.replace(day=1))
    if which:
        return next(season for season in listed if season.since > today)
    return next((season for season in listed if season.since <= today <= season.until), listed[2])


def _count(found: re.Match[str]) -> int:
    if found["few"]:
        return _FEW
    word = (found["number"] or "a").casefold()
    count = 1 if word in {"a", "an"} else _NUMBERS.index(word) if word in _NUMBERS else int(word)
    if not count:
        raise ValueError("no time at all")
    return count


def _read_past(found: re.Match[str], today: dt.date) -> Stretch:
    return Stretch(today - step(found["unit"].casefold(), _count(found)), today)


def _read_ago(found: re.Match[str], today: dt.date) -> Stretch:
    unit = found["unit"].casefold()
    return around(unit, today - step(unit, _count(found)))


def _read_recent(found: re.Match[str], today: dt.date) -> Stretch:
    return Stretch(today - _RECENT[found["unit"].casefold()], today)


class _Form(NamedTuple):
    kind: str
    pattern: str
    read: Callable[[re.Match[str], dt.date], Stretch]


def _form(kind: str, pattern: str, read: Callable[[re.Match[str], dt.date], Stretch]) -> _Form:
    return _Form(kind, rf"(?i)(?<![\w$€£#/–-])(?<!\d[.,]){pattern}(?!\w)", read)


# The patterns are compiled when first used: most questions name no time.
_ANY_MONTH = (
    r"(?:jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?"
    r"|sept?(?:ember|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?)(?![\w-])"
)
_ANY_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = rf"(?P<month>{_ANY_MONTH})"
_WEEKDAY = rf"(?P<weekday>{_ANY_WEEKDAY})"
_SEASON = r"(?P<season>spring|summer|autumn|fall|winter)"
_YEAR = r"(?P<year>1\d{3}|20\d{2})(?![\d%]|[.,:/]\d|-\d)"
_OF_YEAR = rf"(?:,? (?:of )?{_YEAR})?(?!,? \d)"
_NTH = r"[0-3]?\d(?:st|nd|rd|th)?(?![\d:%]|[.,]\d)"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_TO_DAY = r"(?:(?: ?(?:to|and|through|[-–—]) ?)(?P<last>[0-3]?\d)(?:st|nd|rd|th)?)?(?![\d:%]|[.,]\d)"
_OF_WEEK = rf"(?:{_ANY_WEEKDAY},? )?(?:the )?"
_PART = r"(?:the )?(?:(?P<part>early|mid|late)[- ](?:the )?|(?P<edge>beginning|start|middle|end) of (?:the )?)?"
_NUMBER = r"(?P<number>\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_FEW_OF = r"(?P<few>(?:a )?few|a couple of|several)"
_UNIT = r"(?P<unit>day|week|month|year|decade)"
_WITHIN = r"(?:in|over|during|within|for|throughout) (?:the )?"
_ANY_DATE = rf"(?:(?:the )?{_NTH}(?: of)? {_ANY_MONTH}(?:,? \d{{4}})?|{_ANY_MONTH}(?: {_NTH})?(?:,? (?:of )?\d{{4}})?|1\d{{3}}|20\d{{2}})"
_DATES = (
    _form("day", r"\d{4}-\d{2}-\d{2}(?!-)", _read_iso),
    _form("day", rf"{_OF_WEEK}{_DAY}{_TO_DAY}(?: of)? {_MONTH}{_OF_YEAR}", _read_days),
    _form("day", rf"{_OF_WEEK}{_MONTH} {_DAY}{_TO_DAY}{_OF_YEAR}", _read_days),
    _form("month", rf"{_PART}{_MONTH}{_OF_YEAR}", _read_month),
    _form("year", rf"{_PART}{_YEAR}", _read_year),
)
_FORMS = (
    _form(
        "range",
        rf"(?:between|from|in) (?P<first>{_ANY_DATE})(?:,? (?:to|and|or|until|till|through) | ?[-–—] ?)(?P<second>{_ANY_DATE})",
        _read_range,
    ),
    _form(
        "quarter",
        rf"(?:(?P<letter>[QH])(?P<short>[1-4])|(?:the )?(?P<nth>first|second|third|fourth|1st|2nd|3rd|4th) (?P<size>quarter|half))"
        rf"(?: of)? {_YEAR}",
        _read_quarter,
    ),
    _form("season", rf"(?:the )?{_SEASON}(?: of)? {_YEAR}", _read_season),
    _form("decade", rf"{_PART}(?:(?P<year>(?:1\d|20)\d0)['’]?|['’](?P<short>[3-9]0))s", _read_decade),
    _form("century", rf"{_PART}(?P<century>\d{{1,2}})(?:st|nd|rd|th)[ -]century", _read_century),
    *_DATES,
    _form(
        "which",
        rf"(?P<which>last|this|next) (?:(?P<unit>week(?:end)?|month|year|decade)|{_WEEKDAY}|{_MONTH}|{_SEASON})",
        _read_which,
    ),
    _form("past", rf"(?P<within>{_WITHIN}|the )(?:last|past) (?:{_FEW_OF} |{_NUMBER} )?{_UNIT}s?", _read_past),
    _form("ago", rf"(?:{_FEW_OF}|{_NUMBER}) {_UNIT}s? ago", _read_ago),
    _form("recent", rf"{_WITHIN}(?:most )?recent (?P<unit>day|week|month|year)s", _read_recent),
    _form(
        "word",
        r"(?:(?:the day before )?yesterday|tomorrow|today|tonight|last night|this (?:morning|afternoon|evening))",
        _read_word,
    ),
    _form("weekday", _WEEKDAY, _read_weekday),
)
# Without one of these a text names no time.
_CUE = re.compile(
    r"\d|(?:uary|\bmarch|april|\bmay\b|june|july|august|ember|october|spring|summer|autumn|fall|winter|day|night|morning|afternoon|evening"
    r"|week|month|year|decade|tomorrow|\b(?:jan|feb|mar|apr|aug|sept?|oct|nov|dec)\b)",
    re.IGNORECASE,
)
_RELATIVE = frozenset({"which", "past", "ago", "recent", "word", "weekday"})

# What must stand just before a month, a year or a weekday that stands alone; a month that is a name or a verb too takes fewer prepositions.
_IN_TIME = r"(?i)\b(?:in|since|until|till|during|throughout|before|after|by|from|prior to|as of|circa) $"
_IN_MONTH = r"(?i)\b(?:in|since|until|till|during|throughout) $"
_ON = r"(?i)\b(?:on|since|until|till|by|before|after|from) $"
_NAME_LIKE = frozenset({"may", "march", "april", "june", "august", "jan", "mar"})
_PURPOSE = r" (?:for|of|on|against|to) [A-Z]"
# A time modifies what follows it, or is part of a name, unless the sentence ends there or goes on with one of these.
_GOES_ON = (
    r"(?i)\s*(?:$|[?!.,;:)\]”\"—–]"
    r"|(?:an?|the|th[ei]se?|that|those|his|her|their|its|our|my|your|who|whom|whose|what|when|where|why|how|which|did|do|does|was"
    r"|were|is|are|has|have|had|will|would|can|could|should|might|must|not|in|at|on|by|for|from|to|with|about|against|regarding|under"
    r"|over|between|during|before|after|since|until|as|than|and|or|but|while|it|he|she|they|we|you|there|any|some|no|only|also|both"
    r"|according|following|per|via|versus|because|if|so|then|near|within|amid|despite|alongside|onwards?|alone)\b)"
)
_PART_OF_DAY = r" (?:morning|afternoon|evening|night)\b"
_NAME = r" [A-ZÀ-Þ]"
_AFTER_NAME = r"[A-ZÀ-Þ][\w’'-]* $"
_BEGINS = r"(?:^|[.!?:;”\"\n(])\s*$"
_OF = r"(?i) (?:of|that|when|in which)\b|-"
_OWNED = r"(?i)(?:['’]s?|\b(?:the|an?|his|her|their|its|my|our|your|very|that|each|every|in this)) $"


def expressions(text: str, today: dt.date | None, *, prose: bool = False) -> list[Expression]:
    """The times that a text names, in order, none overlapping.

    Args:
        text: a question or, as `prose`, sentences of an article.
        today: the day that times without a year are counted from; where it is None they are left out.
        prose: read as articles are written: what modifies what follows (`the May 14 attack`) counts too, and a day or a month
            without a year is the nearest to `today`, before or after it.
    """
    if not _CUE.search(text):
        return []
    taken: list[tuple[int, int]] = []
    named: list[Expression] = []
    for form in _FORMS:
        for found in re.finditer(form.pattern, text):
            if any(found.start() < end and start < found.end() for start, end in taken):
                continue
            yearless = form.kind in {"day", "month", "range"} and not re.search(r"\d{4}", found.group())
            relative = yearless or form.kind in _RELATIVE
            if (relative and today is None) or not _admitted(form.kind, found, text, prose=prose):
                continue
            taken.append(found.span())
            stretch = _read(form, found, today or dt.date.max, ahead=prose and yearless)
            if stretch:
                named.append(Expression(*found.span(), stretch, form.kind, relative))
    return sorted(named)


def _read(form: _Form, found: re.Match[str], today: dt.date, *, ahead: bool) -> Stretch | None:
    """An expression's days; None for the 31st of February and for days before or after the calendar."""
    try:
        stretch = form.read(found, today + _HALF_A_YEAR if ahead else today)
    except (ValueError, OverflowError):
        return None
    return stretch if stretch.since <= stretch.until else None


def _admitted(kind: str, found: re.Match[str], text: str, *, prose: bool) -> bool:
    """Whether the words around an expression let it be one."""
    before, after = text[max(0, found.start() - _LOOK) : found.start()], text[found.end() : found.end() + _LOOK]
    if kind == "weekday":
        bare = prose and found.group()[0].isupper() and not re.search(_AFTER_NAME, before)
        day = re.match(_PART_OF_DAY, after)
        goes_on = re.match(_GOES_ON, after[day.end() :] if day else after) is not None
        return goes_on and (bare or re.search(_ON, before) is not None)
    if kind in _RELATIVE:
        return _is_counted(kind, found, before, after)
    if not re.match(_GOES_ON, after) and not (prose and (kind == "day" or re.match(_NAME, after))):
        return False
    if kind == "year":
        return bool(_part(found)) or re.search(_IN_TIME, before) is not None
    return "month" not in found.re.groupindex or bool(found["year"]) or _is_month(kind, found, before, after)


def _is_month(kind: str, found: re.Match[str], before: str, after: str) -> bool:
    """Whether a month without a year is one: `14 May`, `in May`, not `by May`, `in March for Peace`, `people may 14`."""
    written = found["month"][0].isupper() or found.string.islower()
    if kind == "day":
        return written or re.search(_ON, before) is not None
    name_like = found["month"].strip(".").casefold() in _NAME_LIKE
    placed = bool(_part(found)) or re.search(_IN_MONTH if name_like else _IN_TIME, before) is not None
    return placed and written and not re.match(_PURPOSE, after)


def _is_counted(kind: str, found: re.Match[str], before: str, after: str) -> bool:
    """Whether a time counted from today is meant so: not `the last week of …`, `his last year`, a title such as `Last Night`."""
    if found.group()[0].isupper() and not re.search(_BEGINS, before):
        return False
    if kind == "which":
        named = found["month"] or found["season"]
        return not (re.search(_OWNED, before) or re.match(_OF, after) or (named and not re.match(_GOES_ON, after)))
    if kind == "past":
        vague = not found["few"] and not found["number"]
        return not re.match(_OF, after) and not (vague and found["within"].casefold() == "the ")
    return True
