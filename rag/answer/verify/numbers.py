"""The numbers that a text states, as values: `1.2 million`, `twelve`, `third` and `50%` read alike wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth"
)
_ROUND = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
_TIMES = {
    "once": 1.0,
    "twice": 2.0,
    "thrice": 3.0,
    "pair": 2.0,
    "couple": 2.0,
    "both": 2.0,
    "half": 0.5,
    "quarter": 0.25,
}
_SCALES = {
    "hundred": 1e2,
    "dozen": 12.0,
    "thousand": 1e3,
    "k": 1e3,
    "m": 1e6,
    "million": 1e6,
    "bn": 1e9,
    "billion": 1e9,
    "trillion": 1e12,
}
_UNITS = {word: float(n) for n, word in enumerate(_SMALL.split())} | {
    word: 10.0 * n for n, word in enumerate(_TENS.split(), 2)
}
_RANKS = {word: float(n) for n, word in enumerate(_ORDINALS.split())} | {
    word: 10.0 * n for n, word in enumerate(_ROUND.split(), 2)
}
_VAGUE = frozenset({"one", "once", "first", "second", "half", "quarter", "pair", "couple", "both", "zero"})
"""Words that are numbers only now and then."""

_LARGE = 1_000.0
_ROUND_DIGITS = 3

_SPELLED = rf"(?:{'|'.join(sorted([*_UNITS, *(word for word in _SCALES if len(word) > 1)], key=len, reverse=True))})"
_RANKED = rf"(?:{'|'.join(sorted(_RANKS, key=len, reverse=True))})"
_NUMBER = (
    r"(?<![\w.,])(?:(?P<digits>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:(?:st|nd|rd|th|s)\b|[ -]?(?P<scale>hundred|thousand|million|billion|trillion|dozen|bn|k|m)\b)?(?![A-Za-z])"
    rf"|(?P<spelled>(?:{_SPELLED}(?:[- ](?:and )?))*(?:{_SPELLED}|{_RANKED})s?)\b|(?P<times>{'|'.join(_TIMES)})\b)"
    r"(?P<percent> ?%|[ -]per ?cent\b)?"
)


class Number(NamedTuple):
    """A number in a text: its value, whether it is a percentage, how it is written and where; `vague` for words such as `one` and `half`."""

    value: float
    percent: bool
    text: str
    start: int
    end: int
    vague: bool


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    return re.compile(_NUMBER, re.IGNORECASE)


def numbers_of(text: str) -> list[Number]:
    """The numbers of a text, in order; days of the month and years are among them."""
    return [
        Number(_value(found), bool(found["percent"]), found.group(), found.start(), found.end(), _is_vague(found))
        for found in _pattern().finditer(text)
    ]


def is_among(number: Number, others: Collection[Number]) -> bool:
    """Whether one of the numbers is the same, or rounds to it in the digits that it has (`1.2 million` for `1,234,567`)."""
    return any(_same(number.value, other.value) or _rounds(number, other.value) for other in others)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def _rounds(number: Number, exact: float) -> bool:
    """Whether a number is a longer one rounded. One without zeros at its end, or without a scale, claims to be exact."""
    digits = f"{number.value:.0f}".rstrip("0") if number.value >= _LARGE else ""
    if not digits or len(digits) > _ROUND_DIGITS or exact < _LARGE:
        return False
    step = 10.0 ** (len(f"{number.value:.0f}") - len(digits))
    return number.value <= exact < number.value + step or abs(number.value - exact) <= step / 2


def _is_vague(found: re.Match[str]) -> bool:
    return not found["digits"] and not found["percent"] and found.group().casefold() in _VAGUE


def _value(found: re.Match[str]) -> float:
    if found["times"]:
        return _TIMES[found["times"].casefold()]
    if found["digits"]:
        plain = re.sub(r"[,\u00a0\u202f]", "", found["digits"])
        return float(plain) * _SCALES.get((found["scale"] or "").casefold(), 1.0)
    total = group = 0.0
    for raw in re.findall(r"[a-z]+", found["spelled"].casefold()):
        word = raw if raw in _UNITS or raw in _SCALES or raw in _RANKS else raw.removesuffix("s")
        if word in _UNITS:
            group += _UNITS[word]
        elif word in _RANKS:
            group += _RANKS[word]
        elif word in _SCALES:
            if _SCALES[word] >= _LARGE:
                total, group = total + (group or 1.0) * _SCALES[word], 0.0
            else:
                group = (group or 1.0) * _SCALES[word]
    return total + group
