"""Whose words a question asks for: `what did X say`, `X's view on`, `according to X`, in the ways people ask."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from rag import words
from rag.answer.speech import lexicon as lex

_GENERIC = (
    r"say|said|saying|tell|told|telling|stated?|comment(?:ed)?|write|written|note|noted|reply|replied|think|thought|described?|talk(?:ed)?"
    r"|speak|spoken|explain(?:ed)?"
)
_SAY = (
    rf"{_GENERIC}|claim(?:ed|ing)?|argu(?:e|ed|ing)|urg(?:e|ed|ing)|warn(?:ed|ing)?|propos(?:e|ed|ing)|announc(?:e|ed|ing)"
    r"|emphasi[sz]ed?|stress(?:ed)?|express(?:ed)?|advocat(?:e|ed|ing)|insist(?:ed)?|pledged?|vow(?:ed)?"
    r"|suggest(?:ed)?|call(?:ed|ing)? for|complain(?:ed)?|promised?|den(?:y|ied)|accused?"
    r"|blamed?|critici[sz]ed?|demand(?:ed)?|confirm(?:ed)?|admit(?:ted)?|acknowledged?|predict(?:ed)?"
    r"|justif(?:y|ied)|classif(?:y|ied)|characteri[sz]ed?|condemn(?:ed)?|recommend(?:ed)?|assert(?:ed)?|conceded?|expect(?:ed)?"
)
_ADMIT = r"say|said|claim(?:ed)?|argued?|den(?:y|ied)|admit(?:ted)?|confirm(?:ed)?|acknowledged?|promised?|accused?|blamed?|condemn(?:ed)?|think|warn(?:ed)?"
_WHY = r"say|said|think|argued?|claim(?:ed)?|believed?|oppos(?:e|ed)|critici[sz]ed?|condemn(?:ed)?"
_COUNT = r"say|said|claim(?:ed)?|predict(?:ed)?"
_WHO = r"(?P<who>(?:[^\s?]+\s+){1,8}?)"
_NAMED = r"(?P<who>(?:[^\s?]+\s+){0,6}?[^\s?]+?)"
_OWNED = rf"{_NAMED}(?:['’]s|(?<=s)['’])"
_BETWEEN = r"(?:(?:also|then|later|first|publicly|ever|not)\s+)?(?:have\s+)?"
_DO = r"(?:did|does|do|has|have|had)"
_BE = r"(?:is|are|was|were)"
_MEASURE = r"(?:many|much|long|far|old|large|big|tall|high|fast|often)"
_ON = r"(?:on|about|regarding|concerning|towards?|to|over|for|of|with regard to|when|after)"
_WORDS = (
    r"(?:criticisms?|claims?|allegations?|accusations?|appeals?|questions?|reports?|stor(?:y|ies)|comments?|remarks?|statements?|letters?|calls?"
    r"|suggestions?|requests?|criticism|speech|rumou?rs?|complaints?)"
)
_GROUNDS = r"(?:reasons?|explanations?|justifications?|arguments?|excuses?)"
_NOUNS = (
    r"(?:views?|opinions?|comments?|reactions?|responses?|reply|replies|answers?|statements?|remarks?|stance|assessment|explanation|justification"
    r"|criticisms?|predictions?|advice|verdict)"
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)  # when first needed: few questions come to the last


# Each pattern with words of which the question has one, so that it is compiled only where it can match.
# Where the verb only asks for words it is not among those the question looks for; elsewhere (`deny`, `predict`) it is.
_VERBS = (
    ("what how", rf"\b(?:what|how(?! {_MEASURE}))\b(?: else| exactly)? {_DO}\s+{_WHO}{_BETWEEN}(?P<verb>{_SAY})\b"),
    (
        "saying telling claiming arguing urging warning proposing",
        rf"\b(?:what|why)\b(?: else| exactly)? {_BE}\s+{_WHO}(?P<verb>saying|telling|claiming|arguing|urging|warning|proposing)\b",
    ),
    ("why", rf"\bwhy {_DO}\s+{_WHO}{_BETWEEN}(?P<verb>{_WHY})\b"),
    ("say said think", rf"\b(?:where|when|which(?: \w+)?) {_DO}\s+{_WHO}{_BETWEEN}(?P<verb>say|said|think)\b"),
    ("say said claim predict", rf"\bhow {_MEASURE}(?: \w+){{0,3}} {_DO}\s+{_WHO}(?P<verb>{_COUNT})\b"),
    ("did do does has have had", rf"(?:^|[.;,] ){_DO} {_WHO}{_BETWEEN}(?P<verb>{_ADMIT})\b"),
)
# News asks `according to` of people and offices; elsewhere it names theories and books, whose words are the text's own.
_ACCORDING = (
    (
        "according",
        rf"\baccording to {_NAMED}(?=\s*(?:,|\?|$)|\s+(?:what|why|how|when|where|who|which|{_DO}|{_BE}|would|will|should|can)\b)",
    ),
)
_ASKS = (
    (
        "make feel see view put defend depict portray",
        rf"\b(?:what|how) (?:did|do|does)\s+{_WHO}(?P<verb>make(?= of)|feel(?= about)|see|view|put it|defend|depict|portray)\b",
    ),
    (
        "respond responded react reacted reply replied answer answered",
        rf"\bhow {_DO}\s+{_WHO}(?P<verb>respond(?:ed)?|react(?:ed)?|repl(?:y|ied)|answer(?:ed)?)\s+(?:to\s+)?(?:\S+\s+){{0,5}}?{_WORDS}\b",
    ),
    ("is are was were what's", rf"\b(?:what|how|which)(?: {_BE}|['’]s)\s+{_OWNED}\s+(?:\w+\s+)?(?P<verb>{_NOUNS})\b"),
    (
        "position take line reason reasons plea message argument",
        rf"\bwhat {_BE}\s+{_OWNED}\s+(?P<verb>position|take|line|reasons?|plea|message|argument)\s+(?={_ON}\b)",
    ),
    (
        "of",
        rf"\bwhat {_BE} the (?P<verb>views?|opinions?|reactions?|responses?|position|stance) of {_NAMED}\s+(?={_ON}\b)",
    ),
    (
        "reason reasons explanation explanations justification justifications argument arguments excuse excuses",
        rf"\b(?:what|which) (?P<verb>(?:\w+ )?{_GROUNDS}) {_DO}\s+{_WHO}(?:give|given|offer|offered|cite|cited|provide|provided|make|made)\b",
    ),
    (
        "view views opinion words prediction account eyes estimation",
        rf"\bin (?!the\b){_OWNED}\s+(?P<verb>views?|opinion|words|prediction|account|eyes|estimation)\b",
    ),
    ("view views opinion words eyes", r"\bin the (?P<verb>views?|opinion|words|eyes) of (?P<who>[^,?]+)"),
)
_SEEKS = rf"^\W*(?:and |but )?who(?: else)? (?:(?:has|have|had|first|also|publicly)\s+)*(?:{_SAY}|says|tells|thinks|believes|claims|called|slammed|told)\b"
_NOT_FIRST = lex.PREPOSITIONS | lex.PRONOUNS | frozenset(("a", "an", "people", "there", "this", "that", "certain"))
_NOT_WITHIN = (
    lex.FINITE
    | lex.JOINS
    | lex.PRONOUNS
    | frozenset(("to", "been", "be", "made", "feel", "word", "term", "phrase", "et"))
)
_PEOPLE = frozenset(("man", "woman", "boy", "girl", "people", "person", "others", "other"))


class Wanted(NamedTuple):
    """Whose words are asked for, as the question calls them, and the stretch of words that only asks."""

    who: str
    asking: tuple[int, int] | None


def wanted(text: str) -> Wanted | None:
    """Whose words a question asks for; None where it asks for nobody's.

    A question written with capitals names a speaker with capitals, or says `the minister`, `the police`.
    """
    listed = frozenset(re.findall(r"[\w'’]+", text.lower().replace("’", "'")))
    for triggers, pattern in (*_VERBS, *_ASKS, *_ACCORDING):
        found = _compiled(pattern).search(text) if not listed.isdisjoint(triggers.split()) else None
        who = re.sub(r"\s+\w+ly$", "", found["who"].strip()) if found else ""
        if not found or not who or not _is_someone(who, text) or _is_name(found, text):
            continue
        if triggers == "according" and not _is_source(who):
            continue
        asks = triggers not in {verbs for verbs, _ in _VERBS} or re.fullmatch(_GENERIC, found["verb"], re.IGNORECASE)
        return Wanted(who, _asking(found) if asks else None)
    return None


def _is_source(who: str) -> bool:
    """Whether `according to` names one whom news asks: a title and a name, a full name, an office."""
    names = who.split()
    if lex.is_body(names[-1]) or lex.is_role(names[-1]):
        return True
    capitals = [word for word in names if word[0].isupper()]
    return len(capitals) == len(names) > 1 and not lex.is_document(names[-1])


def _is_name(found: re.Match[str], text: str) -> bool:
    """Whether what asks is part of a name (`the film Never Say Never`)."""
    verb = found.groupdict().get("verb")
    return verb is not None and verb[0].isupper() and any(c.islower() for c in text)


def seeks_speaker(text: str) -> bool:
    """Whether a question asks who said something."""
    return _compiled(_SEEKS).search(text) is not None


def _asking(found: re.Match[str]) -> tuple[int, int]:
    return found.span("verb") if "verb" in found.re.groupindex else (found.start(), found.start("who"))


def _is_someone(who: str, text: str) -> bool:
    asked = words.content_words(who)
    listed = who.lower().split()
    if not asked or not _NOT_WITHIN.isdisjoint(listed) or listed[0] in _NOT_FIRST:
        return False
    if any(word.surface[0].isupper() for word in asked):
        return (
            who[0].isupper() or listed[0] in lex.DETERMINERS or lex.is_title(listed[0]) or not listed[0].endswith("ed")
        )
    if not any(c.isupper() for c in text[1:]):
        return True
    return listed[0] == "the" and (lex.is_role(listed[-1]) or lex.is_body(listed[-1])) and listed[-1] not in _PEOPLE
