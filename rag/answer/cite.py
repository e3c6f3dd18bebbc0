"""Citations: verbatim spans, read again from the stored article just before they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.choose import Choice
from rag.answer.speech import attribution
from rag.store import Store
from rag.types import Citation, Span


def cite(store: Store, choices: Sequence[Choice]) -> tuple[list[Citation], list[str]]:
    """Citations numbered from 1, and a note for each that is withheld because the stored text no longer holds it."""
    citations: list[Citation] = []
    faults: list[str] = []
    for candidate, score, also_in in choices:
        article = store.article(candidate.hit.article.id)
        start, end = candidate.sentence.start, candidate.sentence.end
        if article.text[start:end] != candidate.text:
            faults.append(
                f"a quote from {article.id} was withheld: the stored text has changed; run the question again"
            )
            continue
        said = attribution(article, Span(start, end))
        citations.append(
            Citation(
                n=len(citations) + 1,
                article=article,
                quote=article.text[start:end],
                start=start,
                end=end,
                score=score,
                speaker=said.speaker if said else None,
                verb=said.verb if said else None,
                addressee=said.addressee if said else None,
                also_in=also_in,
            )
        )
    return citations, faults
