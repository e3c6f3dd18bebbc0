"""The numbers that a text states, as values: `1.2 million`, `twelve`, `third` and `50%` read alike wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rag.spelled import RANKS, SCALES, UNITS, value_of

_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0, "pair": 2.0, "couple": 2.0, "both": 2.0}
_PARTS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1}
_SCALES = {**SCALES, "k": 1e3, "m": 1e6}
_VAGUE = frozenset({"one", "once", "first", "second", "half", "quarter", "pair", "couple", "both", "zero"})
_LARGE = 1_000.0
_ROUND_DIGITS = 3


def _any(names: Iterable[str]) -> str:
    return rf"(?:{'|'.join(sorted(names, key=len, reverse=True))})"


_BIG = _any(name for name in _SCALES if len(name) > 2)  # noqa: PLR2004 - without `k`, `m`, `bn`
_SPELLED = _any([*UNITS, *(name for name in _SCALES if len(name) > 2)])  # noqa: PLR2004
_NUMBER = (
    rf"(?<![\w.,])(?:\b(?P<share>(?:a|one|two|three)[ -]{_any(_PARTS)}s?|half)(?: (?:of )?an? (?P<whole>{_BIG}))?\b"
    r"|(?P<digits>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:(?:st|nd|rd|th|s)\b|[ -]?(?P<scale>hundred|thousand|million|billion|trillion|dozen|bn|k|m)\b)?(?![A-Za-z]{4})"
    rf"|(?P<spelled>(?:{_SPELLED}(?:[- ](?:and )?))*(?:{_SPELLED}|{_any(RANKS)})s?)\b|(?P<times>{_any(_TIMES)})\b)"
    r"(?P<percent> ?%|[ -]per ?cent\b)?"
)


class Number(NamedTuple):
    """A number in a text: the values it can mean, how it is written and where; `vague` for words such as `one` and `half` that often are no number."""

    values: tuple[float, ...]
    text: str
    start: int
    end: int
    vague: bool

    @property
    def is_year(self) -> bool:
        """Whether it is written as a year."""
        return len(self.text) == len("2000") and self.text.isdigit() and self.text[:2] in _CENTURIES


_CENTURY = 100
_YEARS = re.compile(r"\d{4}[–/-]\d{2}")
_CENTURIES = frozenset(f"{century}" for century in range(10, 22))


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    return re.compile(_NUMBER, re.IGNORECASE | re.ASCII)  # else a dotless i is an i


def numbers_of(text: str) -> list[Number]:
    """The numbers of a text, in order; days of the month and years are among them. `2018/19` ends in 2019."""
    listed: list[Number] = []
    for found in _pattern().finditer(text):
        values = _values(found)
        before = listed[-1] if listed else None
        if before and before.is_year and _YEARS.fullmatch(text[before.start : found.end()]):
            values = (*values, before.values[0] // _CENTURY * _CENTURY + values[0])
        listed.append(Number(values, found.group(), found.start(), found.end(), _is_vague(found)))
    return listed


def same(one: Number, other: Number) -> bool:
    """Whether a number can be another, or the other rounded in the digits that it has (`1.2 million` for `1,234,567`)."""
    exact = one.is_year or other.is_year
    return any(
        _equal(mine, theirs) or (not exact and _rounds(mine, theirs)) for mine in one.values for theirs in other.values
    )


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def _rounds(number: float, exact: float) -> bool:
    """Whether a number is a longer one rounded or cut. Few digits and zeros after them say that it is round."""
    whole = f"{number:.0f}"
    digits = whole.rstrip("0")
    if number < _LARGE or exact < _LARGE or len(digits) > _ROUND_DIGITS or len(digits) == len(whole):
        return False
    step = 10.0 ** (len(whole) - len(digits))
    cut = len(digits) > 1 and number <= exact < number + step
    return cut or abs(number - exact) <= step / 2


def _is_vague(found: re.Match[str]) -> bool:
    if found["spelled"] and found["spelled"].casefold().removesuffix("s") in _SCALES:  # `thousands`, `a dozen`
        return True
    return not found["digits"] and not found["percent"] and not found["whole"] and found.group().casefold() in _VAGUE


def _values(found: re.Match[str]) -> tuple[float, ...]:
    if found["share"]:
        return _shares(found["share"].casefold(), (found["whole"] or "").casefold())
    if found["times"]:
        return (_TIMES[found["times"].casefold()],)
    if found["digits"]:
        plain = float(re.sub(r"[,\u00a0\u202f]", "", found["digits"]))
        return (plain * _SCALES.get((found["scale"] or "").casefold(), 1.0),)
    return (value_of(found["spelled"]),)


def _shares(written: str, whole: str) -> tuple[float, ...]:
    """`half` is 0.5 and 50 (per cent); `a quarter of a million` is one number."""
    *many, part = written.removesuffix("s").replace("-", " ").split()
    share = _PARTS[part] * UNITS.get(many[0] if many else "", 1.0)
    return (share * _SCALES[whole],) if whole else (share, 100.0 * share)
