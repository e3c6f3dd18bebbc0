"""Hits to an answer: choose sentences, quote them, or abstain."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.choose import choose, pool
from rag.answer.cite import cite
from rag.answer.confidence import confidence
from rag.answer.features import candidates
from rag.answer.question import analyse
from rag.retrieve import Found, Query
from rag.store import Store
from rag.types import Answer, IndexInfo

__all__ = ["PASSAGES", "answer_from"]

PASSAGES = 12
"""How many passages, the best, an answer is chosen from."""


def answer_from(
    store: Store, query: Query, found: Sequence[Found], *, info: IndexInfo, k: int, min_confidence: float
) -> Answer:
    """The extractive answer to a question: at most three verbatim sentences, or an abstention.

    Args:
        store: where the articles are, to read every quote again.
        query: the question.
        found: the passages retrieved, best first, with their sentence vectors; the answer is chosen from the first `PASSAGES`.
        info: the index, as the answer names it.
        k: how many of the passages the answer shows.
        min_confidence: the confidence in 0..1 under which to abstain.
    """
    frequencies = store.frequencies(query.stems)
    question = analyse(query.text, frequencies, store.manifest.passages)
    listed = candidates(question, query.vector, found[:PASSAGES])
    choices = choose(pool(question, listed))
    notes: list[str] = []
    if question.speaker and listed and not choices:
        notes.append(f"no sentence found with {question.speaker} as the speaker")
    sure = confidence(choices[0].candidate, choices[0].score) if choices else 0.0
    citations, faults = cite(store, choices) if sure >= min_confidence else ([], [])
    if not citations and not any(frequencies.values()):
        bylined = any(item.hit.lexical for item in found)
        notes.append(
            "the question's words stand only in bylines: see rag list --author NAME"
            if bylined
            else "none of the question's words stand in the articles: ask in their language, in other words"
        )
    text = " ".join(f"{citation.quote} [{citation.n}]" for citation in citations)
    return Answer(
        question=query.text,
        text=text or None,
        abstained=not citations,
        confidence=sure,
        citations=tuple(citations),
        hits=tuple(item.hit for item in found[:k]),
        notes=(*notes, *faults),
        index=info,
    )
