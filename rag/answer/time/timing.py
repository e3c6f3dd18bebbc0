"""Passages against the time that a question asks about: which fit, which are kept, and what the answer says about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import takewhile

from rag import dates, words
from rag.answer.choose import Choice
from rag.answer.time.expressions import Expression, expressions
from rag.answer.time.intervals import Interval, Stretch, months, years
from rag.answer.time.when import When
from rag.retrieve import Found
from rag.types import Article, Citation

REPORTED_WITHIN = dt.timedelta(45)
"""How long after a time an article may still be a report about it, a weaker fit."""
STALE_AFTER = dt.timedelta(30)
"""How old the newest article may be before an answer about the present says so."""
RELEVANT = 0.75
"""The share of the best score that a passage needs for its fit to count: one that is about something else fits no question."""
MARGIN = 0.05
"""Passages whose scores differ by less than this are as good as each other; among them the time decides."""
CHOICE_MARGIN = 0.5
"""The same for the scores of chosen sentences."""
_SAME_EVENT = dt.timedelta(7)
_LAST = dt.date.max - REPORTED_WITHIN


class Fit(IntEnum):
    """How an article or a passage goes with an interval, the better the higher.

    `OUTSIDE`: published at another time and names no day in the interval · `UNDATED`: nothing tells · `REPORT`: published up to
    `REPORTED_WITHIN` after it · `NAMED`: the text names a time that lies in the interval · `PUBLISHED`: published in it.
    """

    OUTSIDE = 0
    UNDATED = 1
    REPORT = 2
    NAMED = 3
    PUBLISHED = 4


_PREPOSITIONS = {
    (frozenset({Fit.PUBLISHED}), True): "from ",
    (frozenset({Fit.PUBLISHED}), False): "",
    (frozenset({Fit.NAMED}), True): "about ",
    (frozenset({Fit.NAMED}), False): "about the time ",
    (frozenset({Fit.PUBLISHED, Fit.NAMED}), True): "from or about ",
    (frozenset({Fit.PUBLISHED, Fit.NAMED}), False): "from or about the time ",
}


@dataclass(frozen=True)
class Timed:
    """Passages after a look at their time.

    `found` are those kept, in their new order; `fitting` are those among them that fit, when there are any worth it: to answer from first, from the others
    where they do not answer; `interval` is what they were held against (of an event: where the passages date it without ambiguity), None where nothing was;
    `notes` are lines for the answer, for one that has no `label`.
    """

    found: tuple[Found, ...]
    fitting: tuple[Found, ...] = ()
    interval: Interval | None = None
    notes: tuple[str, ...] = ()


def published(article: Article) -> Stretch | None:
    """The days on which an article can have been published; None when it has no date."""
    return Stretch(*dates.bounds(article.published)) if article.published else None


def named(text: str, article: Article) -> list[Expression]:
    """The times that a text of an article names; `Monday` and `in May` as on the day it was published."""
    day = published(article)
    return expressions(text, day.until if day else None, prose=True)


def fit(interval: Interval, article: Article, text: str) -> Fit:
    """How a text of an article (a passage, a sentence) goes with an interval."""
    day = published(article)
    if day and interval.overlaps(Interval(*day)):
        return Fit.PUBLISHED
    if any(interval.holds(time.interval) for time in named(text, article)):
        return Fit.NAMED
    if not day:
        return Fit.UNDATED
    after = interval.until is not None and dt.timedelta(0) < day.since - interval.until <= REPORTED_WITHIN
    return Fit.REPORT if after else Fit.OUTSIDE


def apply(found: Sequence[Found], when: When) -> Timed:
    """Holds passages against the time that a question asks about.

    - An interval: passages that fit go first. When one of them is news of that time, from then or the weeks after it, those of dated articles that do
      not fit are dropped; when it is only recalled later, or nothing fits, nothing is dropped, and in the latter case a note says so. Where no dates
      of publication tell articles apart (an encyclopaedia), nothing is touched.
    - The latest: of the leading passages, those whose scores differ by less than `MARGIN`, the newer go first.
    - Before or after an event: of the leading passages those that fit go first, if the passages date the event without ambiguity.

    Args:
        found: passages, best first.
        when: what the question says about time.
    """
    days = {item.hit.article.published for item in found} - {None}
    timed = Timed(tuple(found))
    if not days:
        return timed
    asked = when.interval
    if asked and _restricts(asked, when.as_of) and (len(days) > 1 or when.relative):
        timed = _within(timed.found, asked, when.as_of)
    elif not asked and when.anchor and (event := event_interval(found, when)):
        timed = Timed(_leading(timed.found, lambda item: (min(_fits(event, item), Fit.NAMED), 0)), interval=event)
    if when.latest:
        fits = {item.hit.passage.passage_id for item in timed.fitting}
        newest = _leading(
            timed.found, lambda item: (item.hit.passage.passage_id in fits, _recency(item.hit.article, when.as_of))
        )
        timed = replace(timed, found=newest)
    return timed


def event_interval(found: Sequence[Found], when: When) -> Interval | None:
    """The days before or after the event that a question names, as far as the passages date it; None in doubt.

    The date is what sentences with all words of the event name, if they agree on a day; else, where only articles of one week hold those words,
    the first day one of them was published.
    """
    asked = {word.stem for word in words.content_words(when.anchor or "")}
    if not asked:
        return None
    told: set[dt.date] = set()
    printed: set[dt.date] = set()
    for hit in (item.hit for item in found):
        day = published(hit.article)
        if day and asked <= set(words.stems(f"{hit.article.title} {hit.text}")):
            printed.add(day.since)
        for sentence in hit.passage.sentences:
            text = hit.article.text[sentence.start : sentence.end]
            if asked <= set(words.stems(text)):
                told.update(
                    time.stretch.since for time in named(text, hit.article) if time.stretch.since == time.stretch.until
                )
    listed = told or printed
    if not listed or max(listed) - min(listed) > (dt.timedelta(1) if told else _SAME_EVENT):
        return None
    return Interval(min(listed), None) if when.side == "after" else Interval(None, max(listed))


def newest_first(choices: Sequence[Choice], when: When) -> list[Choice]:
    """Choices, those that differ from the best by less than `CHOICE_MARGIN` from the newest to the oldest, if the question asks for the latest."""
    leading = [choice for choice in choices if choices[0].score - choice.score < CHOICE_MARGIN] if when.latest else []
    ordered = sorted(leading, key=lambda choice: -_recency(choice.candidate.hit.article, when.as_of))
    return [*ordered, *choices[len(leading) :]]


def staleness(cited: Iterable[Article], when: When) -> str | None:
    """A line that says how old the newest article behind an answer is, when the question asks for the present and it is older; else None.

    The present is asked for by `latest`, `now` and the like without a time of the past, and by times such as `this week` that reach up to
    `STALE_AFTER` before today. An article is older when it was published more than `STALE_AFTER` before today, and before the time asked for.

    Args:
        cited: the articles that the answer quotes. Undated ones tell nothing.
        when: what the question says about time.
    """
    as_of = when.as_of
    bound = as_of - STALE_AFTER if as_of - dt.date.min > STALE_AFTER else as_of
    if not (when.latest or (when.relative and when.interval)) or (when.until and when.until < bound):
        return None
    days = [(day, article.published) for article in cited if (day := published(article))]
    if not days:
        return None
    newest, written = max(days, key=lambda pair: pair[0].until)
    if newest.until >= min(bound, when.since or bound):
        return None
    count = (as_of - newest.until).days
    return f"the newest article that answers is of {written}, {'' if newest.since == newest.until else 'at least '}{count:,} days before {as_of}"


def label(timed: Timed, when: When, cited: Sequence[Citation]) -> str | None:
    """What an answer says about the time of its quotes (`in articles from May 2024`); None unless it is true of all of them.

    Args:
        timed: the passages after a look at their time.
        when: what the question says about time.
        cited: the quotes, best first.
    """
    if not cited:
        return None
    if timed.interval:
        fits = {_fit_told(timed.interval, citation.article, citation.quote) for citation in cited}
        span = describe(timed.interval)
        if when.anchor and not when.interval:
            return f"in articles {span} ({when.words})" if fits == {Fit.PUBLISHED} else None
        if min(fits) < Fit.NAMED:
            return None
        return (
            f"in articles {_PREPOSITIONS[frozenset(fits), bool(timed.interval.since and timed.interval.until)]}{span}"
        )
    first = cited[0].article.published
    return f"latest: article of {first}" if when.latest and first else None


def describe(interval: Interval) -> str:
    """An interval in words: `May 2024`, `2019`, `2015 to 2018`, `2024-05-14`, `since 2019-06-01`, `until 2019-12-31`."""
    since, until = interval
    if since is None or until is None:
        return f"since {since}" if since else f"until {until}"
    if since == until:
        return str(since)
    if Stretch(since, until) == years(since.year, until.year):
        return f"{since.year}" if since.year == until.year else f"{since.year} to {until.year}"
    if since == months(since.year, since.month).since and until == months(until.year, until.month).until:
        first, last = f"{since:%B} {since.year}", f"{until:%B} {until.year}"
        return first if first == last else f"{first} to {last}"
    return f"{since} to {until}"


def _restricts(interval: Interval, as_of: dt.date) -> bool:
    """Whether an interval keeps anything out: `by 2050` does not."""
    return interval.since is not None or (interval.until is not None and interval.until < as_of)


def _fits(interval: Interval, item: Found) -> Fit:
    return _fit_told(interval, item.hit.article, item.hit.text)


def _fit_told(interval: Interval, article: Article, text: str) -> Fit:
    """The fit of a text or of the title above it."""
    return max(fit(interval, article, text), fit(interval, article, article.title))


def _within(found: tuple[Found, ...], interval: Interval, as_of: dt.date) -> Timed:
    """The passages kept, those that fit first, and a note when none does."""
    best = max(item.hit.score for item in found)
    fits = [_fits(interval, item) for item in found]
    relevant = [(way, item) for way, item in zip(fits, found, strict=True) if item.hit.score >= RELEVANT * best]
    fitting = tuple(item for way, item in relevant if way >= Fit.NAMED)
    if not fitting:
        note = _nothing(interval, as_of, [item.hit.article for _, item in relevant])
        return Timed(found, interval=interval, notes=(note,) if note else ())
    is_news = any(_is_news(interval, item.hit.article) for item in fitting)
    ordered = sorted(zip(fits, found, strict=True), key=lambda pair: -min(pair[0], Fit.NAMED))
    kept = tuple(item for way, item in ordered if way > Fit.OUTSIDE or not is_news)
    return Timed(kept, fitting if is_news else (), interval)


def _is_news(interval: Interval, article: Article) -> bool:
    """Whether an article is of the time itself, or of the weeks after it; one that recalls it later is not."""
    day = published(article)
    until = interval.until + REPORTED_WITHIN if interval.until and interval.until < _LAST else interval.until
    return day is not None and Interval(interval.since, until).overlaps(Interval(*day))


def _nothing(interval: Interval, as_of: dt.date, articles: Sequence[Article]) -> str | None:
    """The note that nothing fits, and which article is the nearest; None for times to come and where no article has a date."""
    days = [(_gap(interval, day), article.published) for article in articles if (day := published(article))]
    if not days or (interval.since and interval.since > as_of):
        return None
    _, nearest = min(days, key=lambda pair: pair[0])
    bounded = "from " if interval.since and interval.until else ""
    return f"nothing found {bounded}{describe(interval)}; the nearest is of {nearest}"


def _gap(interval: Interval, day: Stretch) -> dt.timedelta:
    """How far a day lies from an interval, 0 inside it."""
    if interval.since and day.until < interval.since:
        return interval.since - day.until
    return day.since - interval.until if interval.until and day.since > interval.until else dt.timedelta(0)


def _leading(found: tuple[Found, ...], rank: Callable[[Found], tuple[int, int]]) -> tuple[Found, ...]:
    """The passages with those that lead, and differ by less than `MARGIN`, ordered by a rank, the highest first."""
    leading = list(takewhile(lambda item: found[0].hit.score - item.hit.score < MARGIN, found))
    return (*sorted(leading, key=rank, reverse=True), *found[len(leading) :])


def _recency(article: Article, as_of: dt.date) -> int:
    """The number of the last day on which an article can have been published, 0 for none and for days to come."""
    day = published(article)
    return day.until.toordinal() if day and day.since <= as_of else 0
