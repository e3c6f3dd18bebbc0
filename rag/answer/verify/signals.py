"""What speaks for a claim and against it: how far the best sentences cover it, and where its facts and theirs do not agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.answer.verify.base import Source
from rag.answer.verify.facts import AGREEMENT, Evidence, facts_of, speaker_of
from rag.answer.verify.reading import Text, content, names_in, read, share
from rag.words import stands_in

__all__ = ["AGREEMENT", "COVERAGE", "CROSSED", "Signals", "signals"]

COVERAGE = (
    "best",
    "both",
    "around",
    "article",
    "cosine",
    "second_cosine",
    "both_cosine",
    "words",
    "words_both",
    "far",
    "gone",
    "length",
)
"""How far the sentences cover the claim. Shares of its words, weighted by rarity:

`best`: in the best sentence · `both`: in the best two · `around`: in those, the sentences around, the title · `article`: in all of its article ·
`words`, `words_both`: of the words that are no facts · cosines of the claim with the best sentence, the second best of all, the sum of the two ·
`far`, `gone`: facts that stand only elsewhere in the article, or nowhere · `length`: logarithm of the number of its words.
"""

CROSSED = (*AGREEMENT, *(f"{name}, told" for name in AGREEMENT), *(f"{name}, worded" for name in AGREEMENT))
"""The values of `AGREEMENT`, then each times the share of the claim that the best sentence tells (`best`), then each times that of its plain words (`words`):
a fact that is missing weighs more in a sentence that tells all the rest."""

_LIGHT = frozenset(
    """located situated called named known take takes took taken taking place happened occurred now currently also said says stated told
    according became become becomes include includes included held""".split()  # noqa: SIM905 - a list of words reads best as words
)
"""Words that a claim can have of its own and say nothing more."""

_NAME = 0.3
_COSINE_OF_SECOND = 0.3
_BEFORE = 3
_NEAR_BEFORE = 2


@dataclass(frozen=True)
class Signals:
    """The best sentences for a claim, at most two, and the values of `COVERAGE` and of `AGREEMENT`.

    `lacking` are words for people on what speaks against it; `unseen` its words, facts apart, that stand neither in the best sentence nor in the title; `length` is the
    number of all its words and facts.
    """

    sources: tuple[Source, ...]
    coverage: NDArray[np.float64]
    agreement: NDArray[np.float64]
    lacking: tuple[str, ...]
    unseen: tuple[str, ...]
    length: int

    @property
    def crossed(self) -> NDArray[np.float64]:
        """The values of `CROSSED`."""
        best, worded = (self.coverage[COVERAGE.index(name)] for name in ("best", "words"))
        return np.concatenate([self.agreement, self.agreement * best, self.agreement * worded])


def signals(claim: str, vector: NDArray[np.float32], rarity: Mapping[str, float], sources: Sequence[Source]) -> Signals:
    """The signals of a claim held against sentences.

    Args:
        claim: one sentence.
        vector: its unit vector, shape (dimension,).
        rarity: the inverse document frequency of each of its content stems; there is at least one.
        sources: the sentences; at least one.
    """
    who = speaker_of(claim)
    names = {term.stem for term in read(claim, names_in(claim)).terms if term.kind == "name"}
    names |= content(who) if who else frozenset()
    said = {stem: rare * (_NAME if stem in names else 1.0) for stem, rare in rarity.items()}
    stems = [content(source.text) for source in sources]
    cosines = np.stack([source.vector for source in sources]) @ vector
    evidence = _evidence(claim, sources, *_best(said, stems, cosines))
    own = read(claim, names_in(evidence.article.text) | names_in(claim))
    facts = facts_of(claim, own, evidence, rarity)
    coverage, cited, unseen = _coverage(rarity, own, sources, stems, cosines, vector)
    coverage["far"], coverage["gone"] = facts.counts["elsewhere"], facts.counts["gone"]
    return Signals(
        cited,
        np.array([coverage[name] for name in COVERAGE], float),
        np.array([float(facts.counts[name]) for name in AGREEMENT]),
        tuple(facts.lacking),
        unseen,
        len(own.terms),
    )


def _evidence(claim: str, sources: Sequence[Source], best: int, second: int | None) -> Evidence:
    """What a claim is held against, read."""
    article = sources[best].article
    known = names_in(article.text) | names_in(claim)
    picked = _picked(sources, best, second)
    before, after = _around(sources, best)
    return Evidence(
        picked=picked,
        first=read(picked[0].text, known),
        led=read(" ".join((*before[-_NEAR_BEFORE:], article.title, article.source or "")), known),
        near=read(" ".join((*before, *after)), known),
        whole=read(article.text, known),
        texts=[
            read(source.text, names_in(source.article.text)) for source in sources
        ],  # alike for every claim: read once
    )


def _picked(sources: Sequence[Source], best: int, second: int | None) -> tuple[Source, ...]:
    return (sources[best],) if second is None else (sources[best], sources[second])


def _coverage(
    rarity: Mapping[str, float],
    own: Text,
    sources: Sequence[Source],
    stems: Sequence[frozenset[str]],
    cosines: NDArray[np.float32],
    vector: NDArray[np.float32],
) -> tuple[dict[str, float], tuple[Source, ...], tuple[str, ...]]:
    """The signals of coverage, but for those of facts, the sentences that cover the claim best, and the words that are not in them."""
    best, second = _best(rarity, stems, cosines)
    picked = _picked(sources, best, second)
    article = sources[best].article
    first = read(picked[0].text).stems
    both = first.union(*(read(source.text).stems for source in picked[1:]))
    before, after = _around(sources, best)
    around = read(" ".join((*before, *after, article.title, article.source or ""))).stems
    plain = {term.stem: rarity.get(term.stem, 1.0) for term in own.terms if term.kind == "word"}
    summed = np.sum([source.vector for source in picked], axis=0)
    ordered = np.sort(cosines)[::-1]
    found = {
        "best": share(rarity, first),
        "both": share(rarity, both),
        "around": share(rarity, both | around),
        "article": share(rarity, read(article.text).stems),
        "cosine": float(cosines[best]),
        "second_cosine": float(ordered[min(1, len(ordered) - 1)]),
        "both_cosine": float(summed @ vector / max(float(np.linalg.norm(summed)), 1e-9)),
        "words": share(plain, first),
        "words_both": share(plain, both),
        "length": float(np.log(len(rarity))),
    }
    there = first | read(article.title).stems
    plain_terms = [term for term in own.terms if term.kind == "word" and term.surface.casefold() not in _LIGHT]
    unseen = (term.surface for term in plain_terms if not stands_in(term.stem, there))
    return found, picked, tuple(dict.fromkeys(unseen))


def _best(
    rarity: Mapping[str, float], stems: Sequence[frozenset[str]], cosines: NDArray[np.float32]
) -> tuple[int, int | None]:
    """The sentence that covers most and is nearest, and the one that adds most to it, None where none adds anything."""
    total = sum(rarity.values())
    covered = np.array([sum(rare for stem, rare in rarity.items() if stem in one) for one in stems]) / total
    best = int(np.argmax(covered + cosines))
    rest = {stem: rare for stem, rare in rarity.items() if stem not in stems[best]}
    gained = np.array([sum(rare for stem, rare in rest.items() if stem in one) for one in stems]) / total
    worth = np.where(gained > 0, gained + _COSINE_OF_SECOND * cosines, -np.inf)
    worth[best] = -np.inf
    second = int(np.argmax(worth))
    return best, second if np.isfinite(worth[second]) else None


def _around(sources: Sequence[Source], best: int) -> tuple[list[str], list[str]]:
    """The sentences before the best one, and the one after it, of those that there are."""
    one = sources[best]
    same = sorted(
        (source for source in sources if source.article.id == one.article.id), key=lambda source: source.sentence.start
    )
    at = next(n for n, source in enumerate(same) if source.sentence.start == one.sentence.start)
    return [source.text for source in same[max(0, at - _BEFORE) : at]], [
        source.text for source in same[at + 1 : at + 2]
    ]
