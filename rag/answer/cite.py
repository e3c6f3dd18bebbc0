"""Citations: verbatim spans, read again from the stored article just before they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.choose import Choice
from rag.answer.speech import attribution
from rag.errors import ArticleMissing
from rag.store import Store
from rag.types import Article, Citation, Sentence, Span


def cite(store: Store, choices: Sequence[Choice]) -> tuple[list[Citation], list[str]]:
    """Citations numbered from 1, and a note for each that is withheld because the stored text no longer holds it."""
    citations: list[Citation] = []
    faults: list[str] = []
    for candidate, score, also_in in choices:
        made = citation(store, candidate.hit.article, candidate.sentence, n=len(citations) + 1, score=score)
        if made is None:
            faults.append(withheld(candidate.hit.article))
        else:
            citations.append(made.model_copy(update={"also_in": also_in}))
    return citations, faults


def citation(store: Store, seen: Article, sentence: Sentence, *, n: int, score: float) -> Citation | None:
    """One citation, or None where the stored text no longer holds the sentence.

    Args:
        store: where the article is read again.
        seen: the article, as it was when the sentence was found.
        sentence: the sentence.
        n: its number.
        score: its score.
    """
    try:
        article = store.article(seen.id)
    except ArticleMissing:
        return None
    start, end = sentence.start, sentence.end
    if article.text[start:end] != seen.text[start:end]:
        return None
    said = attribution(article, Span(start, end))
    return Citation(
        n=n,
        article=article,
        quote=article.text[start:end],
        start=start,
        end=end,
        score=score,
        speaker=said.speaker if said else None,
        verb=said.verb if said else None,
        addressee=said.addressee if said else None,
    )


def withheld(article: Article) -> str:
    """The note that a quote was not shown."""
    return f"a quote from {article.id} was withheld: the stored text has changed; run the question again"
