"""Sentences that do not agree: another figure for the same thing, another date of the same event, or a denial of the same claim.

Precision before recall: two sentences conflict only if they speak of the same event, as far as names, dates and the words around
the figure tell, and if no rounding, bound or other scope explains the difference.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from rag import dates, words
from rag.answer.choose import Choice
from rag.answer.features import Candidate, coverage
from rag.answer.question import Question
from rag.types import Article, Conflict

__all__ = ["Disagreement", "conflicts"]

_COSINE = {"figure": 0.45, "date": 0.65, "denial": 0.6}
_COVERAGE = {"figure": 0.4, "date": 0.7, "denial": 0.5}
_COVERAGE_BY_OPENING = 0.6
_WHOLE = re.compile(r"\b(?:toll|total|confirmed|revised|claimed|put the number)\b", re.IGNORECASE)
_DAYS_OF_ONE_EVENT = 45
_OPENING_CHARS = 400
_NEAR = 1.15  # `about 40` is 35 to 46
_EXACT_BELOW = 100
_FIRST_YEAR, _LAST_YEAR = 1000, 2100
_COUNTED_WORDS = 5
_BEFORE_WORDS = 6

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES = {"hundred": 1e2, "dozen": 12.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "bn": 1e9}
_VALUES = {word: float(n) for n, word in enumerate(_SMALL.split())} | {
    word: 10.0 * n for n, word in enumerate(_TENS.split(), 2)
}
_ONE_WORD = rf"(?:{'|'.join([*_VALUES, *_SCALES])})"
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan\\.|Feb\\.|Mar\\.|Apr\\.|Aug\\.|Sept?\\.|Oct\\.|Nov\\.|Dec\\."
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
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
    r"|(?<!^)(?-i:\b[A-Z]\w+))\s+$"
)
_PARTIAL_AFTER = (
    r"^\W{0,2}(?:(?:more|others?|additional|further|extra)\b|(?:out )?of (?:the|its|their|those|them|these|whom|which|his|her|\d)|in (?:\d|one|two|ten|five|four)"
    rf"|a\.?m\b|p\.?m\b|o['’]clock|years?[- ]old|(?:{_MONTHS})\b|times\b|degrees\b|percentage points?\b|per ?cent\b)"
)
_NOT_SAID = (
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
_ANYONE = "people person persons victims victim individuals confirmed reported total reportedly officially including lost least also"
_STOP_COUNTING = re.compile(
    r"[,;:.()“”\"—–]|\b(?:and|or|but|while|when|after|in|at|by|from|to|on|of|for|with|as|were|was|are|is|had|have|has|been|who|that|which|near|during)\b"
)
_CURRENCIES = {"dollar": "$", "euro": "€", "pound": "£", "yen": "¥", "us$": "$"}
_ASKED_COUNT = re.compile(
    r"\b(?:how many|(?:the|what) number of)\s+(?P<noun>[^?,]+?)(?=\s+(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|in|on|at|of|by|from"
    r"|during|with|that|who|to|for)\b|\W*$)",
    re.IGNORECASE,
)
_ASKED_PERCENT = re.compile(r"\bpercent|\bper cent|\bshare\b", re.IGNORECASE)
_ASKED_MONEY = re.compile(r"\bhow much\b|\bwhat amount\b|\bprice|\bcost", re.IGNORECASE)
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w’'-]*")
_PLACED = re.compile(r"\b(?:in|at|near|of|outside|from)\s+(?:the\s+)?(?P<name>[A-ZÀ-Þ][\w’'-]+)")
_FUTURE = re.compile(r"\b(?:will|going to|scheduled|set to|plans?|planned|due|next|expected|to be)\b", re.IGNORECASE)
_BOUND_DATE = re.compile(
    r"\b(?P<bound>since|until|till|by|before|after|from|between|through|to|as of|every|each)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_VAGUE_TIME = re.compile(
    r"\b(?:BCE?|AD|CE|century|centuries|decades?|\d{3,4}s|ago|earlier|later|following|previous|(?:last|next) (?:week|month|year|night|weekend))\b"
)
_CLAIMS = (
    r"(?:claims?|allegations?|accusations?|reports?|suggestions?|assertions?|charges?|rumou?rs|account|idea|notion)"
)
_DENIES = re.compile(
    rf"\b(?:(?:den(?:y|ies|ied|ying)|refut(?:e[sd]?|ing))\s+(?=that\b|having\b|being\b|\w+ing\b|any\b|it\b|he\b|she\b|they\b|involvement|responsibility"
    rf"|wrongdoing|knowledge|(?:\w+\s+){{0,4}}{_CLAIMS}\b)|(?:reject|dismiss|disput)(?:e?s|ed|ing)?\s+(?=(?:\w+\s+){{0,4}}{_CLAIMS}\b)"
    r"|(?:there (?:is|was) |found |saw )no evidence (?:that|of)\s+)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:(?:did|does|do|has|have|had|was|were|is|are)(?: not|n['’]t)|never)\s+(?:\w+ly\s+)?(?P<verb>[a-z]{3,})\b(?!\s+(?:only|just|yet)\b)"
)
_NEGATION = re.compile(r"\b(?:not|never|no|none|neither|nor|without)\b|n['’]t\b", re.IGNORECASE)
_SAID = r"(?:said|says|claimed|announced|reported|confirmed|stated|told (?:\w+ ){0,3})"
# Who says it: two speakers may speak of one event.
_ATTRIBUTION = re.compile(
    rf"^[^“\"]{{2,160}}?\b{_SAID}\b|,? according to [^,.;]+|,? {_SAID} [^,.;]{{2,80}}\W*$|, [^,.;]{{2,80}} {_SAID}\W*$"
)
# A time that only one of two sentences names is another occasion.
_OTHER_TIME = re.compile(
    r"\b(?:BCE?|century|centuries|decades?|\d{3,4}s|ago|(?:last|next|previous|following) (?:week|month|year|night|weekend))\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[;.”]")
_CLAIM_WORDS = "claim claims allegation allegations accusation accusations report reports suggestion assertion charge charges rumour rumor account idea notion made"
_CLAIM_SHARED = 0.6
_AS_ONE = 0.5


class Disagreement(NamedTuple):
    """A chosen sentence, by its number among the chosen, and another that does not agree with it.

    `words` are the differing words of each, as they stand in the text; `newer` is 0 for the chosen sentence's article, 1 for the other's, None where
    the dates of publication do not tell.
    """

    kind: Literal["figure", "date", "denial"]
    chosen: int
    other: Candidate
    words: tuple[str, str]
    newer: Literal[0, 1] | None

    def between(self, first: int, second: int) -> Conflict:
        """The conflict of two citations, by the number of the chosen sentence's and of the other's."""
        newer = None if self.newer is None else (first, second)[self.newer]
        return Conflict(kind=self.kind, citations=(first, second), words=self.words, newer=newer)


class _Figure(NamedTuple):
    """A figure: the values it allows (inclusive), its unit (`%`, `$`, … or none), what it counts, and its words."""

    low: float
    high: float
    unit: str
    counted: tuple[str, ...]
    classes: frozenset[str]
    text: str


class _Day(NamedTuple):
    """The days that a date allows, None when it cannot be told; whether it was told by a weekday; a bound (`since`) and its words."""

    first: dt.date | None
    last: dt.date | None
    relative: bool
    bound: str
    text: str


def conflicts(question: Question, chosen: Sequence[Choice], others: Sequence[Candidate]) -> list[Disagreement]:
    """What does not agree with the chosen sentences, nearest first: each differing figure, date or denial once.

    Figures are compared for a question that asks for a number, dates for one that asks when; denials for any.

    Args:
        question: the question.
        chosen: the sentences that answer it, best first.
        others: further candidates of the same passages; those that are chosen are not compared again.
    """
    own = [choice.candidate for choice in chosen]
    rest = [candidate for candidate in others if all(candidate is not one for one in own)]
    found: list[tuple[float, Disagreement]] = []
    for number, one in enumerate(own):
        for other in [*own[number + 1 :], *rest]:
            cosine = float(np.dot(one.vector, other.vector))
            told = _told_apart(question, one, other, cosine)
            if told:
                kind, differing = told
                newer = _newer(one.hit.article, other.hit.article)
                found.append((cosine, Disagreement(kind, number, other, differing, newer)))
    listed: dict[tuple[str, str], Disagreement] = {}
    for _, disagreement in sorted(found, key=lambda pair: -pair[0]):
        listed.setdefault((disagreement.kind, disagreement.words[1].casefold()), disagreement)
    return list(listed.values())


def _told_apart(
    question: Question, one: Candidate, other: Candidate, cosine: float
) -> tuple[Literal["figure", "date", "denial"], tuple[str, str]] | None:
    """How two sentences differ, and in which words; None when they do not, or may speak of different things."""
    for kind, asked, differing in (
        ("figure", question.kind == "number", _figures_differ),
        ("date", question.kind == "time", _dates_differ),
        ("denial", True, _denied),
    ):
        if asked and cosine >= _COSINE[kind] and all(_on_topic(question, side, kind) for side in (one, other)):
            found = differing(question, one, other)
            if found and _same_event(question, one, other):
                return kind, found  # type: ignore[return-value]
    return None


def _on_topic(question: Question, candidate: Candidate, kind: str) -> bool:
    """Whether a sentence holds enough of the question's words; a toll or a total is of what its article opens with."""
    classes = _classes(question.text) if kind == "figure" else frozenset()
    if classes:  # that people died says nothing of where
        weights = {
            stem: w for stem, w in question.weights.items() if stem not in _class_stems() and stem not in _anyone()
        }
        question = replace(question, weights=weights)
    if coverage(question, candidate.stems) >= _COVERAGE[kind]:
        return True
    opening = frozenset(words.stems(_opening(candidate.hit.article)))
    whole = classes and _WHOLE.search(candidate.text)
    return bool(whole) and coverage(question, candidate.stems | opening) >= _COVERAGE_BY_OPENING


def _newer(one: Article, other: Article) -> Literal[0, 1] | None:
    if not one.published or not other.published or one.id == other.id:
        return None
    (first, last), (other_first, other_last) = dates.bounds(one.published), dates.bounds(other.published)
    return 1 if last < other_first else 0 if other_last < first else None


# The same event


def _same_event(question: Question, one: Candidate, other: Candidate) -> bool:
    """Whether two sentences may speak of one event: the question's names in both, no differing dates or places, articles alike."""
    if min(one.names, other.names) < 1 and question.names:
        return False
    first, second = (_named(_ATTRIBUTION.sub(" ", side.text)) - question.names for side in (one, other))
    same_article = one.hit.article.id == other.hit.article.id
    if same_article and first - second and second - first:
        return False
    places, other_places = _places(one.text), _places(other.text)
    if places and other_places and not places & other_places:
        return False
    if bool(_OTHER_TIME.search(one.text)) != bool(_OTHER_TIME.search(other.text)):
        return False
    if question.kind != "time" and not _dates_agree(one, other):
        return False
    return same_article or _same_story(one.hit.article, other.hit.article, same_day=question.kind != "time")


def _same_story(one: Article, other: Article, *, same_day: bool) -> bool:
    """Whether two articles tell one story: near in time, the same day where they open with one, and names in common."""
    if one.published and other.published:
        (first, last), (other_first, other_last) = dates.bounds(one.published), dates.bounds(other.published)
        if max(first, other_first) - min(last, other_last) > dt.timedelta(_DAYS_OF_ONE_EVENT):
            return False
    opening, other_opening = _opening(one), _opening(other)
    day = next((day for day in _days(opening, one) if day.first), None)
    other_day = next((day for day in _days(other_opening, other) if day.first), None)
    if same_day and day and other_day and _apart(day, other_day) > 1:
        return False
    names, other_names = _named(opening, initial=True), _named(other_opening, initial=True)
    return len(names & other_names) >= _AS_ONE * min(len(names), len(other_names)) and bool(names & other_names)


def _opening(article: Article) -> str:
    start = article.story[0].start if article.story else 0
    return f"{article.title}. {article.text[start : start + _OPENING_CHARS]}"


def _dates_agree(one: Candidate, other: Candidate) -> bool:
    """Whether no date of one sentence speaks against the other: a year or a day that only one names may be another occasion."""
    days, others = list(_days(one.text, one.hit.article)), list(_days(other.text, other.hit.article))
    if bool(days) != bool(others):
        return all(day.relative for day in days + others)
    return not days or any(
        day.text == at.text or (day.first and at.first and _apart(day, at) <= (day.relative or at.relative))
        for day in days
        for at in others
    )


def _named(text: str, *, initial: bool = False) -> frozenset[str]:
    """The stems of capitalised words, but for function words, months and weekdays; those that start a sentence only if asked for."""
    return frozenset(
        word.stem
        for found in _CAPITALISED.finditer(text)
        for word in words.words(found.group())
        if words.is_content(word) and word.surface not in _WEEKDAYS and not re.fullmatch(_MONTHS, word.surface)
        if initial or (found.start() > 0 and not re.search(r"[.!?“\"]\s*$", text[: found.start()][-3:]))
    )


def _places(text: str) -> frozenset[str]:
    return frozenset(
        words.stem(found["name"]) for found in _PLACED.finditer(text) if not re.fullmatch(_MONTHS, found["name"])
    )


# Figures


def _figures_differ(question: Question, one: Candidate, other: Candidate) -> tuple[str, str] | None:
    if re.search(_NOT_SAID, one.text) or re.search(_NOT_SAID, other.text):
        return None
    figures = [figure for figure in _figures(one.text) if _is_asked(question, figure)]
    others = [figure for figure in _figures(other.text) if _is_asked(question, figure)]
    if len(figures) != 1 or len(others) != 1:
        return None
    mine, theirs = figures[0], others[0]
    if mine.unit != theirs.unit or mine.counted != theirs.counted or mine.classes != theirs.classes:
        return None
    if mine.low <= theirs.high and theirs.low <= mine.high:
        return None
    return mine.text, theirs.text


def _is_asked(question: Question, figure: _Figure) -> bool:
    """Whether a figure is of the kind that a question asks for."""
    if _ASKED_PERCENT.search(question.text):
        return figure.unit == "%"
    asked = _ASKED_COUNT.search(question.text)
    if asked is None:
        return bool(_ASKED_MONEY.search(question.text)) and figure.unit in _CURRENCIES.values()
    classes = _classes(question.text)
    if classes:
        return not figure.unit and bool(figure.classes) and figure.classes <= classes
    noun = [word.stem for word in words.content_words(asked["noun"])]
    return not figure.unit and bool(figure.counted) and figure.counted[-1] in noun


def _classes(text: str) -> frozenset[str]:
    return frozenset(name for word in words.words(text) for name in _class_stems().get(word.stem, ()))


@lru_cache(maxsize=1)
def _class_stems() -> dict[str, tuple[str, ...]]:
    return {words.stem(word): (name,) for name, listed in _CLASSES.items() for word in listed.split()}


@lru_cache(maxsize=1)
def _anyone() -> frozenset[str]:
    return frozenset(words.stem(word) for word in _ANYONE.split())


@lru_cache(maxsize=1)
def _number() -> re.Pattern[str]:
    return re.compile(_NUMBER, re.IGNORECASE)


def _figures(text: str) -> list[_Figure]:
    """The figures of a sentence that count a thing as a whole; ranges (`36 to 40`) as one."""
    matches = list(_number().finditer(text))
    listed: list[_Figure] = []
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


def _figure(text: str, found: re.Match[str], upper: re.Match[str], stop: int, since: int) -> _Figure | None:
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
    if not unit and counted and counted[0] in _CURRENCIES:
        unit, counted = _CURRENCIES[counted[0]], []
    led = re.split(r"[,;:.(—]", plain)[-1]
    toll = re.search(r"\btoll\b", led, re.IGNORECASE)
    verbs = [word for word in words.words(led)[0 if toll else -_BEFORE_WORDS :] if word.stem in _class_stems()]
    classes = _classes(verbs[-1].surface) if verbs else _classes(re.split(r" (?:and|or) |,", clause)[0])
    if classes:
        counted = [stem for stem in counted if stem not in _class_stems() and stem not in _anyone()]
    low, high = value - tolerance, top + top_tolerance
    if qualifier and qualifier["at_least"]:
        high = float("inf")
    elif qualifier and qualifier["at_most"]:
        low = 0.0
    elif qualifier:
        low, high = low / _NEAR, high * _NEAR
    start = qualifier.start() + since if qualifier else found.start()
    return _Figure(low, high, unit, tuple(counted), classes, text[start : upper.end()].strip())


def _value(found: re.Match[str]) -> tuple[float, float]:
    """A number, and how far a rounded one may be off: half its last digit with `million`, and two digits count from a hundred on."""
    if found["spelled"]:
        total = group = 0.0
        for word in re.findall(r"[a-z]+", found["spelled"].casefold()):
            if word in _VALUES:
                group += _VALUES[word]
            elif word in _SCALES:
                group = (group or 1.0) * _SCALES[word]
                if _SCALES[word] >= _SCALES["thousand"]:
                    total, group = total + group, 0.0
        value, scale, step = total + group, 1.0, 1.0
    else:
        digits = found["digits"].replace(",", "")
        scale = _SCALES[found["scale"].casefold()] if found["scale"] else 1.0
        value, step = float(digits) * scale, 10.0 ** -len(digits.partition(".")[2]) * scale
    if scale > 1 or found["percent"] or value < _EXACT_BELOW:
        return value, step * 0.499 if scale > 1 or found["percent"] else 0.0
    while value % (step * 10) == 0 and step * 100 <= value:
        step *= 10
    return value, step * 0.499 if step > 1 else 0.0


# Dates


def _dates_differ(question: Question, one: Candidate, other: Candidate) -> tuple[str, str] | None:
    days, others = list(_days(one.text, one.hit.article)), list(_days(other.text, other.hit.article))
    if len(days) != 1 or len(others) != 1 or _NEGATION.search(one.text) or _NEGATION.search(other.text):
        return None
    mine, theirs = days[0], others[0]
    slack = 1 if mine.relative or theirs.relative else 0  # a weekday may be told in another time zone
    if mine.bound != theirs.bound or not mine.first or not theirs.first or _apart(mine, theirs) <= slack:
        return None
    # The event is the same only if both sentences name it: all the question's words that are no names, or nearly.
    event = {stem for stem in question.weights if stem not in question.names}
    if not event <= one.stems & other.stems or _VAGUE_TIME.search(one.text) or _VAGUE_TIME.search(other.text):
        return None
    return mine.text, theirs.text


@lru_cache(maxsize=1)
def _date() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:(?P<month>{_MONTHS}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: ?,? (?P<year>\d{{4}}))?\b(?!,\d)"
        rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month2>{_MONTHS})(?:,? (?P<year2>\d{{4}}))?\b"
        rf"|(?P<month3>{_MONTHS})(?: of)?,? (?P<year3>\d{{4}})\b|(?P<weekday>{'|'.join(_WEEKDAYS)})\b|(?P<near>yesterday|today|tonight)\b"
        r"|(?<![\d.,$€£-])(?P<year4>1[0-9]{3}|20\d{2})(?![\d%,-]\d|%|s\b))"
    )


def _days(text: str, article: Article) -> Iterator[_Day]:
    """The dates of a sentence; a date without a year, and a weekday, are counted from the article's day of publication."""
    published = article.published if article.published and len(article.published) == len("2000-01-01") else None
    today = dt.date.fromisoformat(published) if published else None
    for found in _date().finditer(text):
        bound = _BOUND_DATE.search(text[: found.start()])
        first, last = _read(found, today, future=_FUTURE.search(text) is not None)
        relative = bool(found["weekday"] or found["near"])
        yield _Day(first, last, relative, bound["bound"].casefold() if bound else "", found.group())


def _read(found: re.Match[str], today: dt.date | None, *, future: bool) -> tuple[dt.date, dt.date] | tuple[None, None]:
    """The first and last day that a date can mean; none where it cannot be told."""
    if found["near"] or found["weekday"]:
        if today is None or future:
            return None, None
        if found["near"]:
            back = 1 if found["near"] == "yesterday" else 0
        else:
            back = (today.weekday() - _WEEKDAYS.index(found["weekday"])) % 7
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


def _apart(one: _Day, other: _Day) -> int:
    """How many days lie between two dates; 0 where they may be the same or one cannot be told."""
    if not (one.first and one.last and other.first and other.last):
        return 0
    return max(0, (max(one.first, other.first) - min(one.last, other.last)).days)


# Denials


def _denied(_question: Question, one: Candidate, other: Candidate) -> tuple[str, str] | None:
    """The words of each, where exactly one denies what the other says; that it did not happen on a day is no denial."""
    if not _dates_agree(one, other):
        return None
    denial, other_denial = _denial(one.text, other.text), _denial(other.text, one.text)
    if denial and not other_denial:
        return denial
    return (other_denial[1], other_denial[0]) if other_denial and not denial else None


def _denial(denying: str, asserting: str) -> tuple[str, str] | None:
    """The denying words of a sentence, and the words that say in another what they deny."""
    if _NEGATION.search(asserting) or _DENIES.search(asserting):
        return None
    said = {word.stem: word for word in words.content_words(asserting)}
    for found in _DENIES.finditer(denying):
        claim = {
            word.stem for word in words.content_words(_CLAUSE_END.split(denying[found.end() :])[0])
        } - _claim_stems()
        there = sorted((said[stem].start, said[stem].end) for stem in claim & said.keys())
        if len(there) > 1 and len(there) >= _CLAIM_SHARED * len(claim):
            return found.group().strip(), asserting[there[0][0] : there[-1][1]]
    if re.search(_NOT_SAID, denying) or re.search(_NOT_SAID, asserting):
        return None
    content = {word.stem for word in words.content_words(denying)}
    for found in _NEGATED.finditer(denying):
        verb = words.stem(found["verb"])
        if verb in said and len(content & said.keys()) >= _AS_ONE * len(content | said.keys()):
            return found.group(), said[verb].surface
    return None


@lru_cache(maxsize=1)
def _claim_stems() -> frozenset[str]:
    return frozenset(words.stem(word) for word in _CLAIM_WORDS.split())
