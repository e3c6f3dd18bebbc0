"""The figures of a sentence: what each allows, its unit, and what it counts."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rag import words
from rag.answer.conflict.days import MONTHS
from rag.dates import WEEKDAYS
from rag.spelled import SCALES, UNITS, value_of

_NEAR = 1.15  # `about 40` is 35 to 46
_EXACT_BELOW = 100
_FIRST_YEAR, _LAST_YEAR = 1000, 2100
_COUNTED_WORDS = 5
_BEFORE_WORDS = 6

_ONE_WORD = rf"(?:{'|'.join([*UNITS, *SCALES])})"
_NUMBER = (
    r"(?P<currency>(?:US|A|C|HK|NZ)?\$|€|£|¥|Rs\.? ?)?(?<![\w.,:/'’-])"
    r"(?:(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d:/]|,\d|-\w|st\b|nd\b|rd\b|th\b|s\b|['’]s)"
    r"(?:[ -](?P<scale>hundred|thousand|million|billion|trillion|bn)\b)?"
    rf"|(?P<spelled>\b{_ONE_WORD}(?:(?:-| (?:and )?){_ONE_WORD})*)\b(?!-\w))"
    r"(?P<percent> ?%| per ?cent\b(?!age))?"
)
_QUALIFIERS = (
    r"(?P<at_least>at least|more than|over|no fewer than|no less than|upwards of|exceeding|above)"
    r"|(?P<at_most>up to|as many as|as much as|at most|fewer than|less than|no more than|under|below)"
    r"|(?P<about>about|around|some|roughly|approximately|an estimated|estimated|circa|nearly|almost|close to|just (?:over|under))"
)
# A figure so placed counts a part, an addition, a label or a time, not the thing itself.
_PARTIAL_BEFORE = (
    r"(?:another|further|additional|other|extra|aged?|age of|number|no\.|(?:ris\w+|rose|gr[eo]w\w*|fell|fall\w*|increas\w+|decreas\w+|dropp?\w*|cut|reduc\w+|up|down|rais\w+) by|\w*rticle|section|chapter|part|page|phase|category|magnitude|grade|level|class|round|"
    r"first|last|every|each|next|past|previous|remaining|final|only|than"
    rf"|(?<!^)(?-i:\b(?!(?:{'|'.join(WEEKDAYS)})\b)[A-Z]\w+))\s+$"
)
_PARTIAL_AFTER = (
    r"^\W{0,2}(?:(?:more|others?|additional|further|extra|new|fresh)\b|(?:out )?of (?:the|its|their|those|them|these|whom|which|his|her|\d)|in (?:\d|one|two|ten|five|four)"
    rf"|a\.?m\b|p\.?m\b|o['’]clock|years?[- ]old|(?:{MONTHS})\b|times\b|degrees\b|percentage points?\b|per ?cent\b)"
)
NOT_SAID = (
    r"\b(?:could|may|might|would|if|should|feared|fears|expect\w*|predict\w*|project(?:ed|s|ions?)|forecast\w*|plan(?:s|ned)?|target\w*|capacity"
    r"|goal|hop(?:e|es|ed|ing)|will|unless|potentially|possibl[ey]|average|per(?! ?cent)|each|daily|annually|monthly|weekly|rumou?r\w*|claim(?:ed|s)? that)\b"
)
# Words that tell whether two counts are of one thing, by the stems that make a class.
_CLASSES = {
    "dead": "die died dies dead death deaths kill killed kills killing fatal fatality fatalities toll lives perished murdered",
    "hurt": "injure injured injuring injuries injury wound wounded wounding hurt",
    "missing": "missing unaccounted disappeared",
    "held": "arrest arrested arrests detain detained custody",
    "saved": "rescue rescued survivors survived survivor",
    "displaced": "displaced",
    "evacuated": "evacuated evacuate",
    "homeless": "homeless",
    "infected": "infected infections cases",
}
# What a sum of money is of; the word may be a verb in the question and a noun in the answer.
_MONEY = {
    "loss": "lose loses lost losing loss losses",
    "cost": "cost costs costing price priced bill",
    "damage": "damage damages damaged",
    "worth": "worth value valued valuation",
    "fine": "fine fined penalty",
    "pay": "pay pays paid paying payment",
    "earn": "earn earned earnings profit revenue",
    "raise": "raise raised raising",
}
_ANYONE = "people person persons victims victim individuals confirmed reported total reportedly officially including lost least also"
_STOP_COUNTING = re.compile(
    r"[,;:.()“”\"—–]|\b(?:and|or|but|while|when|after|in|at|by|from|to|on|of|for|with|as|were|was|are|is|had|have|has|been|who|that|which|near|during)\b"
)
CURRENCIES = {"dollar": "$", "euro": "€", "pound": "£", "yen": "¥", "us$": "$"}


class Figure(NamedTuple):
    """A figure: the values it allows (inclusive), its unit (`%`, `$`, … or none), what it counts, and its words."""

    low: float
    high: float
    unit: str
    counted: tuple[str, ...]
    classes: frozenset[str]
    text: str


def classes_of(text: str) -> frozenset[str]:
    """What is counted, as far as a text's words tell: the dead, the hurt, …; empty where they do not."""
    return frozenset(name for word in words.words(text) for name in class_stems().get(word.stem, ()))


@lru_cache(maxsize=1)
def class_stems() -> dict[str, tuple[str, ...]]:
    """The stems that tell what is counted, and what each tells."""
    return {words.stem(word): (name,) for name, listed in _CLASSES.items() for word in listed.split()}


@lru_cache(maxsize=1)
def anyone_stems() -> frozenset[str]:
    """The stems that stand beside any count and tell nothing of it."""
    return frozenset(words.stem(word) for word in _ANYONE.split())


@lru_cache(maxsize=1)
def _money_words() -> dict[str, str]:
    return {words.stem(word): name for name, listed in _MONEY.items() for word in listed.split()}


def money_of(text: str) -> frozenset[str]:
    """What a sum of money in a text may be of: a loss, a cost, …; empty where its words do not tell."""
    return frozenset(_money_words()[word.stem] for word in words.words(text) if word.stem in _money_words())


def money_stems(text: str) -> frozenset[str]:
    """All stems of what a sum of money in a text may be of, in any form (`lost`, `loss`)."""
    named = money_of(text)
    return frozenset(stem for stem, name in _money_words().items() if name in named)


@lru_cache(maxsize=1)
def _number() -> re.Pattern[str]:
    return re.compile(_NUMBER, re.IGNORECASE)


def figures_of(text: str) -> list[Figure]:
    """The figures of a sentence that count a thing as a whole; ranges (`36 to 40`) as one."""
    matches = list(_number().finditer(text))
    listed: list[Figure] = []
    skip = -1
    since = 0
    for at, found in enumerate(matches):
        if at == skip:
            continue
        end = found.end()
        upper = found
        after = matches[at + 1] if at + 1 < len(matches) else None
        if after and re.fullmatch(r"\s*(?:to|or|–|—|-|and)\s*", text[end : after.start()]):
            between = re.search(r"\bbetween\s+$", text[: found.start()], re.IGNORECASE) is not None
            if re.search(r"\bfrom\s+$", text[: found.start()]):  # `rose from five to six`: the second is the figure
                continue
            if between or text[end : after.start()].strip() != "and":
                upper, end, skip = after, after.end(), at + 1
                after = matches[at + 2] if at + 2 < len(matches) else None
        figure = _figure(text, found, upper, after.start() if after else len(text), since)
        since = end
        if figure:
            listed.append(figure)
    return listed


def _figure(text: str, found: re.Match[str], upper: re.Match[str], stop: int, since: int) -> Figure | None:
    """One figure, from the words between the figures before and after it; None where it is a part, a label, a year or a date."""
    before, after = text[since : found.start()], text[upper.end() : stop]
    qualifier = re.search(rf"\b(?:{_QUALIFIERS})\s+(?:an?\s+)?$", before, re.IGNORECASE)
    plain = before[: qualifier.start()] if qualifier else before
    value, tolerance = _value(found)
    top, top_tolerance = _value(upper)
    unit = "%" if upper["percent"] else (found["currency"] or "").strip().upper().replace("US$", "$")
    is_year = (
        found["digits"] is not None
        and "," not in found["digits"]
        and not (unit or found["scale"])
        and _FIRST_YEAR <= value <= _LAST_YEAR
    )
    if is_year or re.search(_PARTIAL_BEFORE, plain, re.IGNORECASE) or re.search(_PARTIAL_AFTER, after, re.IGNORECASE):
        return None
    clause = re.split(r"[;:(—]|\.\s|, (?:and|while|but)\b", after)[0]
    counting = _STOP_COUNTING.split(clause.strip())[0] if not clause.lstrip().startswith(("of", ",")) else ""
    counted = [word.stem for word in words.content_words(counting)[:_COUNTED_WORDS]]
    if not unit and counted and counted[0] in CURRENCIES:
        unit, counted = CURRENCIES[counted[0]], []
    led = re.split(r"[,;:.(—]", plain)[-1]
    toll = re.search(r"\btoll\b", led, re.IGNORECASE)
    verbs = [word for word in words.words(led)[0 if toll else -_BEFORE_WORDS :] if word.stem in class_stems()]
    classes = classes_of(verbs[-1].surface) if verbs else classes_of(re.split(r" (?:and|or) |,", clause)[0])
    if classes:
        counted = [stem for stem in counted if stem not in class_stems() and stem not in anyone_stems()]
    low, high = value - tolerance, top + top_tolerance
    if qualifier and qualifier["at_least"]:
        high = float("inf")
    elif qualifier and qualifier["at_most"]:
        low = 0.0
    elif qualifier:
        low, high = low / _NEAR, high * _NEAR
    start = qualifier.start() + since if qualifier else found.start()
    return Figure(low, high, unit, tuple(counted), classes, text[start : upper.end()].strip())


def _value(found: re.Match[str]) -> tuple[float, float]:
    """A number, and how far a rounded one may be off: half its last digit with `million`, and two digits count from a hundred on."""
    if found["spelled"]:
        value, scale, step = value_of(found["spelled"]), 1.0, 1.0
    else:
        digits = found["digits"].replace(",", "")
        scale = SCALES[found["scale"].casefold()] if found["scale"] else 1.0
        value, step = float(digits) * scale, 10.0 ** -len(digits.partition(".")[2]) * scale
    if scale > 1 or found["percent"] or value < _EXACT_BELOW:
        return value, step * 0.499 if scale > 1 or found["percent"] else 0.0
    while value % (step * 10) == 0 and step * 100 <= value:
        step *= 10
    return value, step * 0.499 if step > 1 else 0.0
