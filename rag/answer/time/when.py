"""What a question says about time: an interval, a wish for the latest, or an event before or after which.

| preposition | reading, for a time E |
| --- | --- |
| `in`, `on`, `during`, `as of`, `from` or none | from the first day of E to the last |
| `since E`, `from E on` | from the first day of E |
| `after E`, `later than E` | from the day after E |
| `before E`, `prior to E`, `earlier than E` | up to the day before E |
| `until E`, `by E`, `up to E`, `no later than E` | up to the last day of E |

What E is is told in `rag.answer.time.expressions`. Several times in one question are taken together where they have days in common; else the
question compares them, and says nothing that could restrict it. `today` and `now` mean the present; in a clause about the past `today` is that day.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rag import words
from rag.answer.time.expressions import Expression, expressions
from rag.answer.time.intervals import Interval

Side = Literal["before", "after"]

# Without one of these nothing asks for the latest, and nothing comes before or after an event. What else is sought then is compiled when first used.
_CUE = re.compile(
    r"late|newest|recent|now|current|present|moment|so far|date|today|before|after|since|following|prior|ahead|run-up|wake",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[“\"]([^”\"]*)[”\"]")
_TODAY = r"\b[Tt]oday\b(?!['’])"
_PREPOSITION = (
    r"(?i)\b(?:(?P<since>since|starting in)|(?P<after>after|later than|following)|(?P<before>before|prior to|earlier than|ahead of)"
    r"|(?P<until>no later than|up to|up until|until|till|by)"
    r"|between|in|on|at|during|throughout|within|around|circa|as of|over|for|from|of)\s+(?:the )?$"
)
_AND_YEAR = r",?(?: (?:and|or)|,) \d{4}\b"
_ONWARDS = r"(?i) (?:onwards?|on)\b(?! \w+day)"
_LATEST = (
    r"(?i)\b(?<!the )(?:the )?(?:latest|newest|most recent(?:ly)?)\b|\b(?:recently|lately|currently|nowadays|these days|at present|at the moment"
    r"|right now|to date|as of now|until now|up to now|today['’]s)(?!\w)"
    r"|\bso far\b(?! (?:as|from|away|apart|behind|ahead|back|off)\b)"
    r"|(?<!from )\bnow\b(?![-'’]| (?:known|called|named|that|or never|defunct|former|famous)\b)"
    r"|(?:\b(?:the|his|her|its|their|our)|['’]s) current(?= )(?! (?:and|flows?|density|in|is|of|or|through|to|was|from|with|are)\b)"
)
_AT_LATEST = r"(?i)\bat (?:the )?$"
_AUXILIARY = r"(?i)\b(?:(?P<past>did|was|were|happened)|is|are|am|do|does|can|still|has|have|will)\b"
_ANCHOR = (
    r"(?<!look )(?<!looked )(?<!looks )(?<!looking )(?<!named )(?<!called )(?<!take )(?<!taken )(?<!\bthe )"
    r"\b(?i:(?P<before>before|prior to|ahead of|in the run-up to)|(?P<after>after|since|(?:(?<=ed )|(?<=, )|^)following|in the (?:wake|aftermath) of)) "
    r"(?P<noun>(?:(?i:the|his|her|their|its) |(?:[A-Z][\w.’'-]* ){0,3}[A-Z][\w.-]*['’]s? )[\w’'-]+(?: [\w’'-]+){0,8}?)"
    r"(?=\s*(?:$|[?!.,;:)\]—–])|\s(?:did|does|do|was|were|is|are|has|have|had|will|would|can|could|what|who|whom|whose|which|when"
    r"|where|why|how|and|or|but|by|to|with|about|for|from|that|because|while|he|she|they|it|we|you)\b)"
)
_TRAILING = r"(?:\s+(?:in|on|of|at|during))?\s*$"
# Before whom one stands is not a time.
_PLACE = (
    r"(?i)(?:the|his|her|their|its) (?:[\w-]+ )*?(?:court|tribunal|judges?|jury|committee|commission|panel|inquiry|senate|house|parliament"
    r"|congress|council|assembly|board|public|world|crowd|word|letter|name)\b"
)


@dataclass(frozen=True)
class When:
    """What a question says about time, with `as_of` for today.

    `since` and `until` are days, both included; `spans` are where in the question it speaks of time and `words` how; `latest`: it asks for the newest or
    the present state; `relative`: another `as_of` would give other days; `anchor` and `side`: before or after which event, as the question names it
    (`since` and `until` are then what it says of the event's date, if it does).
    """

    as_of: dt.date
    words: str
    spans: tuple[tuple[int, int], ...]
    since: dt.date | None = None
    until: dt.date | None = None
    latest: bool = False
    relative: bool = False
    anchor: str | None = None
    side: Side | None = None

    @property
    def interval(self) -> Interval | None:
        """The days asked about; None when the question names none."""
        return Interval(self.since, self.until) if self.since or self.until else None

    def without(self, question: str) -> str:
        """The question without what it says about time, for finding what it is about; an event's name stays."""
        for start, end in reversed(self.spans):
            if not (self.anchor and self.anchor in question[start:end]):
                question = f"{question[:start].rstrip()} {question[end:].lstrip()}"
        return re.sub(r"\s+([?!.,;:])", r"\1", question).strip(" ,;")


class _Phrase(NamedTuple):
    start: int
    end: int
    interval: Interval


class _Anchor(NamedTuple):
    start: int
    end: int
    noun: str
    side: Side


def when(question: str, as_of: dt.date) -> When | None:
    """Reads what a question says about time; None when that is nothing, or in doubt.

    Args:
        question: the question. Quoted words in it are not read.
        as_of: today, for `last week`, `in May`, `now`.
    """
    text = _QUOTED.sub(lambda quoted: f'"{"_" * len(quoted[1])}"', question)
    named = [time for time in expressions(text, as_of) if not _is_general(text, time)]
    anchor = _anchor(text, named)
    phrases = [_phrase(text, time, anchor) for time in named]
    interval = _together(text, named, phrases)
    if interval is None:
        named, phrases, interval = [], [], Interval(None, None)
    latest = _latest(text)
    event = [(anchor.start, anchor.end)] if anchor else []
    spans = _merged([*((phrase.start, phrase.end) for phrase in phrases), *latest, *event])
    if not spans:
        return None
    return When(
        as_of=as_of,
        words=" … ".join(question[start:end] for start, end in spans),
        spans=tuple(spans),
        since=interval.since,
        until=interval.until,
        latest=bool(latest),
        relative=bool(latest) or any(time.relative for time in named),
        anchor=anchor.noun if anchor else None,
        side=anchor.side if anchor else None,
    )


def _together(text: str, named: Sequence[Expression], phrases: Sequence[_Phrase]) -> Interval | None:
    """The days that all phrases allow; None when times are compared: `in 2010 and 2011`, `in 2010 than in 2015`."""
    if any(re.match(_AND_YEAR, text[time.end :]) for time in named):
        return None
    interval: Interval | None = Interval(None, None)
    for phrase in phrases:
        interval = interval.both(phrase.interval) if interval else None
    return interval


def _phrase(text: str, time: Expression, anchor: _Anchor | None) -> _Phrase:
    """An expression with its preposition, and the days that both mean; in `after the election in May` it dates the election."""
    placed = re.search(_PREPOSITION, text[: time.start])
    start, end = placed.start() if placed else time.start, time.end
    sense = placed.lastgroup if placed else None
    onwards = re.match(_ONWARDS, text[end:])
    if placed and onwards and placed.group().casefold().startswith("from"):
        sense, end = "since", end + onwards.end()
    if anchor and anchor.start <= time.start < anchor.end:
        sense = "since" if anchor.side == "after" else "until"
    return _Phrase(start, end, _bounds(time, sense))


def _bounds(time: Expression, sense: str | None) -> Interval:
    day = dt.timedelta(1)
    since, until = time.stretch
    if sense == "since":
        return Interval(since, None)
    if sense == "until":
        return Interval(None, until)
    if sense == "after" and until < dt.date.max:
        return Interval(until + day, None)
    if sense == "before" and since > dt.date.min:
        return Interval(None, since - day)
    return Interval(since, until)


def _is_present(text: str, start: int) -> bool:
    """Whether the `today` that begins there means the present, not that day: no verb of the past goes before it."""
    auxiliaries = [found for found in re.finditer(_AUXILIARY, text[:start]) if found.group().casefold() != "do"]
    return not auxiliaries or not auxiliaries[-1]["past"]


def _is_general(text: str, time: Expression) -> bool:
    """Whether a month is meant of any year (`how many days are in February`), or `today` means the present."""
    if text[time.start : time.end].casefold() == "today":
        return _is_present(text, time.start)
    auxiliary = re.search(_AUXILIARY, text)
    present = auxiliary is not None and auxiliary.group().casefold() in {"is", "are", "do", "does", "can"}
    return present and time.kind == "month" and time.relative


def _latest(text: str) -> list[tuple[int, int]]:
    """Where a question asks for the newest or the present state; a title (`Apocalypse Now`) does not."""
    if not _CUE.search(text):
        return []
    found = [
        match.span()
        for match in re.finditer(_LATEST, text)
        if not re.search(_AT_LATEST, text[: match.start()]) and not _is_title(text, match.start())
    ]
    today = [match.span() for match in re.finditer(_TODAY, text)]
    return found + [span for span in today if _is_present(text, span[0]) and not _is_title(text, span[0])]


def _is_title(text: str, start: int) -> bool:
    return text[start].isupper() and any(char.isalnum() for char in text[:start])


def _anchor(text: str, named: Sequence[Expression]) -> _Anchor | None:
    """The event before or after which; None when there are several, or when what follows the preposition is a date, a place or a body."""
    if not _CUE.search(text):
        return None
    listed: list[_Anchor] = []
    for found in re.finditer(_ANCHOR, text):
        start, end = found.span("noun")
        inside = [time.start for time in named if start <= time.start < end]
        side: Side = "before" if found["before"] else "after"
        noun = re.sub(_TRAILING, "", text[start : min([*inside, end])])
        if words.content_words(noun) and not (side == "before" and re.match(_PLACE, noun)):
            listed.append(_Anchor(found.start(), end, noun, side))
    return listed[0] if len(listed) == 1 else None


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
