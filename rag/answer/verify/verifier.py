"""Provisional."""

from __future__ import annotations

from collections.abc import Sequence

from rag import words
from rag.answer.verify.base import Judgement, Source
from rag.answer.verify.numbers import is_among, numbers_of
from rag.embed import Embedder
from rag.retrieve import rarity
from rag.store import Store


_ENOUGH = 0.7


class FactVerifier:
    """A `Verifier`."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def judge(self, claim: str, sources: Sequence[Source]) -> Judgement:
        """See `Verifier`."""
        stems = list(dict.fromkeys(word.stem for word in words.content_words(claim)))
        if not stems or not sources:
            return Judgement("unsupported", 0.0, ())
        rare = rarity(self._store, stems)
        held = [frozenset(words.stems(source.text)) for source in sources]
        coverage = [sum(rare[stem] for stem in stems if stem in one) / sum(rare.values()) for one in held]
        best = max(range(len(sources)), key=lambda n: (coverage[n], -n))
        there = numbers_of(sources[best].text)
        lacking = [number for number in numbers_of(claim) if not is_among(number, there)]
        if coverage[best] > _ENOUGH and not lacking:
            return Judgement("supported", coverage[best], (sources[best],))
        return Judgement("unsupported", coverage[best], (sources[best],))
