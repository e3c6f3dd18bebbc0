"""Numbers that are spelled out: `two hundred and five thousand`, `twenty-fifth`."""

from __future__ import annotations

import re

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth"
)
_ROUND = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"


def _numbered(ones: str, tens: str) -> dict[str, float]:
    return {word: float(n) for n, word in enumerate(ones.split())} | {
        word: 10.0 * n for n, word in enumerate(tens.split(), 2)
    }


UNITS = _numbered(_SMALL, _TENS)
"""The words for numbers under a hundred, with their values."""
RANKS = _numbered(_ORDINALS, _ROUND)
"""The words for ranks, with their values."""
SCALES = {"hundred": 1e2, "dozen": 12.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "bn": 1e9}
"""The words that multiply what stands before them, with their values."""


def value_of(written: str) -> float:
    """The value of a number in words; other words, such as `and`, do not count."""
    total = group = 0.0
    for raw in re.findall(r"[a-z]+", written.casefold()):
        word = raw if raw in UNITS or raw in SCALES or raw in RANKS else raw.removesuffix("s")
        if word in UNITS or word in RANKS:
            group += UNITS.get(word, 0.0) + RANKS.get(word, 0.0)
        elif word in SCALES:
            group = (group or 1.0) * SCALES[word]
            if SCALES[word] >= SCALES["thousand"]:
                total, group = total + group, 0.0
    return total + group
