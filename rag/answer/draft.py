"""One thing asked, to a draft of its answer: retrieved, held against its time, chosen, and weighed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.answer.choose import Choice, choose, pool
from rag.answer.confidence import confidence
from rag.answer.conflict import Disagreement, conflicts
from rag.answer.features import Candidate, candidates
from rag.answer.question import Question, analyse
from rag.answer.read import read
from rag.answer.time import REPORTED_WITHIN, Timed, When, apply, newest_first, when
from rag.rerank import Reranker
from rag.retrieve import Found, Query
from rag.store import Store
from rag.types import Filter

PASSAGES = 12
"""How many passages, the best, an answer is chosen from."""

_FAR_SURER = 2.0
"""How many times surer an answer from another time must be."""

Find = Callable[[str, Filter], tuple[Query, list[Found]]]
"""What retrieves: a text and a filter to the query and its passages, best first, at least `PASSAGES` where there are as many."""


@dataclass(frozen=True)
class Request:
    """Where to look for an answer, and the bounds it has; `reader` gives what reads the best sentences, if anything does."""

    store: Store
    find: Find
    where: Filter
    as_of: dt.date
    min_confidence: float
    reader: Callable[[], Reranker | None] = lambda: None


@dataclass(frozen=True)
class Draft:
    """What was found for one thing asked: passages, the sentences chosen (none: nothing to choose from), how sure the best of them is.

    `disagreements` are sentences that do not agree with those chosen; `timed` and `when` what the question says about time.
    """

    question: Question
    query: Query
    found: tuple[Found, ...]
    choices: tuple[Choice, ...]
    disagreements: tuple[Disagreement, ...]
    confidence: float
    unspoken: bool
    when: When | None
    timed: Timed | None


def draft(request: Request, text: str) -> Draft:
    """The draft of an answer to one thing asked.

    Where the question names a time, it is answered from what is of that time, without the words of time, unless all that was found
    answers it far more surely.
    """
    query, found = request.find(text, request.where)
    asked = when(text, request.as_of)
    if asked is None:
        return _chosen(request, query, found, None, None)
    bare, from_then = _from_then(request, asked, text)
    timed = apply(_merged(found, from_then), asked)
    if timed.fitting:
        first = _chosen(request, bare or query, timed.fitting, asked, timed)
        other = _chosen(request, query, timed.found, asked, timed)
        if other.confidence <= _FAR_SURER * first.confidence:
            return replace(first, query=query, found=timed.found)
        return other
    return _chosen(request, query, timed.found, asked, timed)


def _from_then(request: Request, asked: When, text: str) -> tuple[Query | None, list[Found]]:
    """The question without its words of time, and what it finds in articles from the time asked about; nothing where it names no days."""
    bare = asked.without(text)
    if not asked.interval or not any(char.isalnum() for char in bare):
        return None, []
    since, until = asked.interval
    late = until + REPORTED_WITHIN if until and until < dt.date.max - REPORTED_WITHIN else until
    first = max(filter(None, (since, request.where.since)), default=None)
    last = min(filter(None, (late, request.where.until)), default=None)
    if first and last and first > last:
        return None, []
    return request.find(bare, request.where.model_copy(update={"since": first, "until": last}))


def _merged(one: Sequence[Found], other: Sequence[Found]) -> list[Found]:
    """Passages of two searches, each once with its better score, best first."""
    best: dict[str, Found] = {}
    for item in (*one, *other):
        known = best.get(item.hit.passage.passage_id)
        if known is None or known.hit.score < item.hit.score:
            best[item.hit.passage.passage_id] = item
    return sorted(best.values(), key=lambda item: (-item.hit.score, item.hit.passage.passage_id))


def _chosen(request: Request, query: Query, found: Sequence[Found], asked: When | None, timed: Timed | None) -> Draft:
    question = analyse(query.text, request.store.frequencies(query.stems), request.store.manifest.passages)
    listed = candidates(question, query.vector, found[:PASSAGES])
    allowed = pool(question, listed)
    reader = request.reader() if allowed else None
    if reader is not None:
        allowed = read(reader, query.text, allowed)
    choices = choose(allowed)
    sure = confidence(choices[0].candidate, allowed) if choices else 0.0
    if asked and choices:
        choices = newest_first(choices, asked)
    return Draft(
        question=question,
        query=query,
        found=tuple(found),
        choices=tuple(choices),
        disagreements=tuple(conflicts(question, choices, allowed)) if choices else (),
        confidence=sure,
        unspoken=bool(question.speaker and listed and not choices),
        when=asked,
        timed=timed,
    )


def sentence_of(candidate: Candidate) -> tuple[str, int, int]:
    """What makes a sentence that sentence: its article's id and its offsets."""
    return candidate.hit.article.id, candidate.sentence.start, candidate.sentence.end
