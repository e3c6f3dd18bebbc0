"""Who says it, and when: the words of a sentence that belong to the saying, not to what is said."""

from __future__ import annotations

import re
from functools import lru_cache

from rag.answer.conflict.days import MONTHS
from rag.dates import WEEKDAYS

_SAID = r"(?:said|says|claimed|announced|reported|confirmed|stated|told (?:\w+ ){0,3})"
ATTRIBUTION = re.compile(
    rf"^[^“\"]{{2,160}}?\b{_SAID}\b|,? according to [^,.;]+|,? {_SAID} [^,.;]{{2,80}}\W*$|, [^,.;]{{2,80}} {_SAID}\W*$"
)
"""Who says it: two speakers may speak of one event."""

# What these verbs take is what is said, not done; the others may report the event of a day (`reported 30 deaths on Monday`).
_SAYS = (
    r"(?<!was )(?<!were )(?<!been )(?:said|says|stated|added|warned|wrote|estimated|told(?: [\w’']+){1,3}?)"
    r"(?: (?:in|at|during) (?:(?:an?|the|his|her|its|their) )?(?:\w+ )?(?:statement|briefing|conference|interview|speech|report|update|tweet|address))?"
)
_TELLS = r"(?<!was )(?<!were )(?<!been )(?:announced|reported|confirmed|disclosed|revealed|acknowledged|claimed)"
_DAY = (
    rf"(?:{'|'.join(WEEKDAYS)}|(?:{MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)? (?:{MONTHS})(?:,? \d{{4}})?"
    rf"|(?:{MONTHS}),? \d{{4}}|(?<=[Ii]n )[12]\d{{3}}|yesterday|today|tonight)"
)
_WHEN = rf"(?P<day>(?:(?:[Oo]n|[Ii]n|[Ll]ate|[Ee]arly) ){{0,3}}{_DAY}(?:,? {_DAY})?(?: (?:morning|afternoon|evening|night))?)\b"
_SPEAKER = (
    r"(?:(?!\b(?:and|but|when|as|after|who|whom|which|that|while|with|including|all|both|some|most|many|them|deaths?|cases?|injuries|arrests)\b)"
    r"[^,.;:“”\"\d]){2,80}?"
)
_STARTS, _ENDS = r"(?:^|(?<=[.!?] ))", r"(?=[.!?]?[”\"]?(?:\s+[A-ZÀ-Þ“]|\s*$))"
_SAYING_DAYS = (
    rf"\b{_SAYS} {_WHEN}",
    rf"\b{_TELLS} {_WHEN}(?=,? that\b)",
    rf"\b{_WHEN} (?={_SAYS}\b|{_TELLS} that\b)",
    rf"{_STARTS}{_WHEN},? (?={_SPEAKER} (?:{_SAYS}\b|{_TELLS} that\b))",
    rf", {_SPEAKER} {_TELLS} {_WHEN}{_ENDS}",
    rf",[”\"]? (?:said|says|{_TELLS}) {_SPEAKER} {_WHEN}{_ENDS}",
    rf"\bAccording to {_SPEAKER} {_WHEN}(?=,)",
    rf"\baccording to {_SPEAKER} {_WHEN}(?:(?=,)|{_ENDS})",
)


@lru_cache(maxsize=1)
def _saying_days() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in _SAYING_DAYS)


def without_days_of_saying(text: str) -> str:
    """A text without the days on which something was only said: `, officials said on Tuesday`, `according to the army on Monday`.

    What happened on a day keeps it, and so does what was counted on one (`reported 30 deaths on Monday`).
    """
    for pattern in _saying_days():
        text = pattern.sub(_blank, text)
    return text


def _blank(found: re.Match[str]) -> str:
    start, end = found.start("day") - found.start(), found.end("day") - found.start()
    return f"{found.group()[:start]} {found.group()[end:]}"
