"""A question to an answer: its parts one by one, each from sentences chosen and quoted, or an abstention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.answer.choose import Choice
from rag.answer.cite import cite
from rag.answer.draft import PASSAGES, Draft, Find, Request, draft, sentence_of
from rag.answer.parts import Piece, split
from rag.answer.time import label, staleness
from rag.answer.witness import witnesses
from rag.errors import ArticleMissing
from rag.retrieve import Found
from rag.store import Store
from rag.types import Answer, Article, Citation, Conflict, Hit, IndexInfo, Part, Witness

__all__ = ["PASSAGES", "Drafted", "Find", "Request", "answer_to", "drafted", "time_of", "witnesses_of"]

_QUOTES_OF_A_PART = 2


@dataclass(frozen=True)
class Drafted:
    """A question, its parts and the draft of an answer to each."""

    question: str
    pieces: tuple[Piece, ...]
    drafts: tuple[Draft, ...]

    @property
    def found(self) -> tuple[Found, ...]:
        """The passages of all drafts, taken in turns, each once."""
        listed: dict[str, Found] = {}
        for place in range(max((len(one.found) for one in self.drafts), default=0)):
            for one in self.drafts:
                if place < len(one.found):
                    listed.setdefault(one.found[place].hit.passage.passage_id, one.found[place])
        return tuple(listed.values())


def drafted(request: Request, text: str) -> Drafted:
    """What was found for a question, part by part."""
    pieces = split(text)
    return Drafted(text, tuple(pieces), tuple(draft(request, piece.text) for piece in pieces))


def answer_to(request: Request, asked: Drafted, *, info: IndexInfo, k: int) -> Answer:
    """The extractive answer to a question: verbatim sentences, or an abstention.

    Args:
        request: where to look, and the bounds the answer has.
        asked: the question, with what was found for it.
        info: the index, as the answer names it.
        k: how many of the passages the answer shows.
    """
    pieces, drafts = asked.pieces, asked.drafts
    answered = [one for one in drafts if one.choices and one.confidence >= request.min_confidence]
    chosen = _chosen(answered, _QUOTES_OF_A_PART if len(pieces) > 1 else None)
    citations, faults = cite(request.store, list(chosen.values()))
    numbers = {_place(citation): citation.n for citation in citations}
    sure = min((one.confidence for one in answered), default=max((one.confidence for one in drafts), default=0.0))
    notes = [*_silent(drafts, pieces, answered), *_hints(request, drafts, cited=bool(citations)), *faults]
    when, told = time_of(asked, citations)
    quotes = " ".join(f"{citation.quote} [{citation.n}]" for citation in citations)
    return Answer(
        question=asked.question,
        text=quotes or None,
        abstained=not citations,
        confidence=sure,
        citations=tuple(citations),
        parts=_parts(pieces, drafts, answered, numbers) if len(pieces) > 1 else (),
        conflicts=tuple(_conflicts(answered, numbers)),
        witnesses=witnesses_of(request.store, citations),
        when=when,
        hits=_ranked([item.hit for item in asked.found[:k]]),
        notes=(*told, *notes),
        index=info,
    )


def _chosen(answered: Sequence[Draft], most: int | None) -> dict[tuple[str, int, int], Choice]:
    """The sentences to quote, each once: of every draft the best, and then what does not agree with them."""
    chosen: dict[tuple[str, int, int], Choice] = {}
    for one in answered:
        quoted = one.choices[:most]
        for choice in quoted:
            chosen.setdefault(sentence_of(choice.candidate), choice)
        for disagreement in one.disagreements:
            if disagreement.chosen < len(quoted):
                other = Choice(disagreement.other, quoted[disagreement.chosen].score, ())
                chosen.setdefault(sentence_of(disagreement.other), other)
    return chosen


def _conflicts(answered: Sequence[Draft], numbers: dict[tuple[str, int, int], int]) -> Iterator[Conflict]:
    for one in answered:
        for disagreement in one.disagreements:
            first = numbers.get(sentence_of(one.choices[disagreement.chosen].candidate))
            second = numbers.get(sentence_of(disagreement.other))
            if first and second:
                yield disagreement.between(first, second)


def _parts(
    pieces: Sequence[Piece],
    drafts: Sequence[Draft],
    answered: Sequence[Draft],
    numbers: dict[tuple[str, int, int], int],
) -> tuple[Part, ...]:
    listed = []
    for piece, one in zip(pieces, drafts, strict=True):
        quoted = one.choices[:_QUOTES_OF_A_PART] if one in answered else ()
        cited = (numbers.get(sentence_of(choice.candidate)) for choice in quoted)
        listed.append(
            Part(question=piece.asked, citations=tuple(n for n in cited if n), confidence=round(one.confidence, 4))
        )
    return tuple(listed)


def _silent(drafts: Sequence[Draft], pieces: Sequence[Piece], answered: Sequence[Draft]) -> list[str]:
    """What a question asks and nothing answers."""
    notes = [f"no sentence found with {one.question.speaker} as the speaker" for one in drafts if one.unspoken]
    missing = [piece.asked for piece, one in zip(pieces, drafts, strict=True) if one not in answered]
    if answered and missing:
        notes += [f"nothing in the articles answers this part: {asked}" for asked in missing]
    return notes


def _hints(request: Request, drafts: Sequence[Draft], *, cited: bool) -> list[str]:
    """Why nothing was found, where the words alone tell."""
    if cited or any(any(request.store.frequencies(one.query.stems).values()) for one in drafts):
        return []
    if any(item.hit.lexical for one in drafts for item in one.found):
        return ["the question's words stand only in bylines: see rag list --author NAME"]
    return ["none of the question's words stand in the articles: ask in their language, in other words"]


def time_of(asked: Drafted, citations: Sequence[Citation]) -> tuple[str | None, list[str]]:
    """What an answer with some citations says about its time, and notes on what it lacks."""
    one = asked.drafts[0]
    if one.when is None or one.timed is None:
        return None, []
    named = label(one.timed, one.when, citations)
    stale = staleness([citation.article for citation in citations], one.when) if citations else None
    return named, [*(() if named else one.timed.notes), *([stale] if stale else [])]


def witnesses_of(store: Store, citations: Sequence[Citation]) -> tuple[Witness, ...]:
    """The independent sources of some citations."""
    copies: dict[str, Article] = {}
    for article_id in {copy for citation in citations for copy in citation.also_in}:
        try:
            copies[article_id] = store.article(article_id)
        except ArticleMissing:  # removed since it was found: it still counts as a copy
            continue
    return witnesses(citations, copies)


def _ranked(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    return tuple(hit.model_copy(update={"rank": rank}) for rank, hit in enumerate(hits, start=1))


def _place(citation: Citation) -> tuple[str, int, int]:
    return citation.article.id, citation.start, citation.end
