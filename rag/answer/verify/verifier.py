"""The verifier: how surely sentences support a claim, from two logistic regressions, and what verdict that is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.answer.verify.base import Judgement, Source
from rag.answer.verify.entailment import Entailment
from rag.answer.verify.signals import AGREEMENT, COVERAGE, CROSSED, Signals, signals
from rag.embed import Embedder
from rag.retrieve import rarity
from rag.store import Store
from rag.types import Verdict
from rag.weights import weights

SUPPORTED = 0.7
"""From which support on a claim is supported: `eval/results/claims.md` has what other bounds would keep and catch."""
PARTLY = 0.04
"""From which support on something of it is: under it lie the claims of which the sentences tell nothing."""

SHORT = 10
"""Up to how many words and facts a claim is short: then each of its words has to stand in one sentence or the title, as one word is much of what it says."""

_QUOTED = re.compile(r"[“\"«]([^“”\"«»]+)[”\"»]")
_WORD = re.compile(r"[^\W_]+")
_LOWEST = 1e-9
_OVERFLOWS = 500.0


class FactVerifier:
    """A `Verifier` by words, facts and vectors, without a language model.

    Args:
        store: where the rarity of words is known.
        embedder: the model that made the sentences' vectors.
        entailment: gives, for a sentence and a claim, the probability that the one entails the other; claims that it doubts are not supported.
    """

    def __init__(self, store: Store, embedder: Embedder, entailment: Entailment | None = None) -> None:
        self._store = store
        self._embedder = embedder
        self._entailment = entailment
        self._last: tuple[str, NDArray[np.float32]] = ("", np.zeros(0, np.float32))

    def judge(self, claim: str, sources: Sequence[Source]) -> Judgement:
        """See `Verifier`.

        Whatever the support is, a claim is supported in part at most that has a number or a name which stands nowhere, a name in the place of another, or, if
        it is short, a word of its own; or words in quotation marks that the sentences do not have.
        """
        found = self.signals(claim, sources)
        if found is None:
            return Judgement("unsupported", 0.0, ())
        sure = support(found)
        if self._entailment is not None:
            sure = min(sure, _entailed(self._entailment, claim, found.sources))
        verdict = _verdict(sure, found)
        if verdict == "supported" and misquoted(claim, found.sources):
            return Judgement("partly", sure, found.sources, ("quotes words that the sentences do not have",))
        needed = self._needed(claim, found.sources) if verdict == "supported" else found.sources
        if needed is None:
            return Judgement(
                "partly", sure, found.sources, ("its sentences support it only with what stands around them",)
            )
        return Judgement(verdict, sure, needed, reasons(sure, found))

    def _needed(self, claim: str, sources: tuple[Source, ...]) -> tuple[Source, ...] | None:
        """The one sentence that supports a claim without any other, or else both where they do; None where they do not: a reader sees no more than these."""
        for few in (*((source,) for source in sources), sources):
            alone = None if misquoted(claim, few) else self.signals(claim, few)
            if alone is not None and _verdict(support(alone), alone) == "supported":
                return few
        return None

    def _vector(self, claim: str) -> NDArray[np.float32]:
        """The claim's unit vector, shape (dimension,); the last one is remembered, as a claim is held against several sets of sentences in turn."""
        known, vector = self._last
        if known != claim:
            vector = self._embedder.encode([claim])[0]
            self._last = (claim, vector)
        return vector

    def signals(self, claim: str, sources: Sequence[Source]) -> Signals | None:
        """What speaks for a claim and against it; None where the claim has no words, or there is nothing to hold it against."""
        stems = list(dict.fromkeys(word.stem for word in words.content_words(claim)))
        if not stems or not sources:
            return None
        return signals(claim, self._vector(claim), rarity(self._store, stems), sources)


def _entailed(entailment: Entailment, claim: str, sources: Sequence[Source]) -> float:
    """How surely one of the sentences, or both together, entail the claim."""
    premises = [source.text for source in sources]
    together = [" ".join(premises)] if len(premises) > 1 else []
    return max(float(entailment.score(premise, [claim])[0]) for premise in (*premises, *together))


def support(found: Signals) -> float:
    """The probability, in 0..1, that sentences support a claim: that they are about all of it, and, as far as one of them tells it, that they agree."""
    covered = _probability("claim_coverage", COVERAGE, found.coverage)
    agreed = _probability("claim_agreement", CROSSED, found.crossed)
    told = float(found.coverage[COVERAGE.index("best")])
    product = joined(covered, agreed, told)
    return _probability("claim_support", ("logit",), np.array([math.log(product / (1.0 - product))]))


def joined(covered: float, agreed: float, told: float) -> float:
    """Coverage, and agreement as far as one sentence tells the claim: `covered · (1 - √told · (1 - agreed))`, kept off 0 and 1."""
    weight = math.sqrt(min(max(told, 0.0), 1.0))
    return min(max(covered * (1.0 - weight * (1.0 - agreed)), _LOWEST), 1.0 - _LOWEST)


def misquoted(claim: str, sources: Sequence[Source]) -> bool:
    """Whether a claim has words in quotation marks that stand in none of the sentences word for word: a model writes no quotes."""
    there = [_plain(source.text) for source in sources]
    return any(not any(_plain(quoted) in text for text in there) for quoted in _QUOTED.findall(claim))


def _plain(text: str) -> str:
    """A text without case, punctuation and line ends."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _verdict(sure: float, found: Signals) -> Verdict:
    counts = dict(zip(AGREEMENT, found.agreement, strict=True))
    if sure < PARTLY:
        return "unsupported"
    doubtful = counts["number_gone"] or counts["gone"] or counts["roles"] or (found.unseen and found.length <= SHORT)
    return "partly" if sure < SUPPORTED or doubtful else "supported"


def reasons(sure: float, found: Signals) -> tuple[str, ...]:
    """What speaks against a claim, in words; none where it is supported."""
    if _verdict(sure, found) == "supported":
        return ()
    lacking = found.lacking or found.unseen
    return (f"not in the evidence: {', '.join(lacking)}",) if lacking else ("the sentences do not tell all of it",)


def _probability(name: str, signal_names: Sequence[str], values: NDArray[np.float64]) -> float:
    model = weights(name, (*signal_names, "intercept"))
    logit = float(values @ model[:-1] + model[-1])
    return 1.0 / (1.0 + math.exp(-max(min(logit, _OVERFLOWS), -_OVERFLOWS)))
