"""What speaks for a claim and against it: how far the best sentences cover it, and where its facts and theirs do not agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.answer.speech import attribution
from rag.answer.verify.base import Source
from rag.answer.verify.negation import clash, opposed
from rag.answer.verify.numbers import same
from rag.answer.verify.reading import MONTHS, Term, Text, names_in, read, shortened
from rag.types import Article, Span

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

AGREEMENT = (
    "name_place",
    "number_place",
    "date_place",
    "name_other",
    "number_other",
    "after",
    "beside",
    "elsewhere",
    "gone",
    "number_gone",
    "denies",
    "denied_words",
    "denied_words_soft",
    "denied_words_both",
    "opposite",
    "speaker",
    "speaker_beside",
    "roles",
    "swapped",
)
"""Where they do not agree. Counts of the claim's facts that its best sentence lacks:

`name_place`, `number_place`: where it has another name, or number, between the same words · `date_place`: where it has another year, month or weekday ·
`name_other`, `number_other`: where it has another elsewhere · else `after`: that stand in the sentences before it, which its pronouns may mean, or in the
title · `beside`: further before, after it, or in a second sentence that tells more of the claim · `elsewhere`: in the article · `gone`: nowhere ·
`number_gone`: numbers that stand nowhere.
`denies`, `denied`: only the claim, or only the sentence, has a negation · `denied_words`: words that one denies and the other says ·
`opposite`: opposites between the same words · `speaker`: another is said to say it, and the claim's speaker is not named in the sentence;
`speaker_beside`: is named there ·
`roles`: names before a word that has another name before it in the sentence (`A beat B`) · `swapped`: pieces that differ in a claim that is otherwise nearly the sentence.
"""

_NAME = 0.3
_COSINE_OF_SECOND = 0.3
_BEFORE = 3
_NEAR_BEFORE = 2
_COPY = 0.6
_SHORT = 4
_ROLE = 4
_MOST = 2
_PRONOUN = re.compile(
    r"\b(?:he|she|it|they|his|her|its|their|him|them|this|these|that|those|who|we|i|our|my|us|here|there|the)\b",
    re.IGNORECASE,
)


_Part = Literal["other", "alone", "not"]


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


@dataclass
class _Facts:
    """The claim's facts that the best sentence lacks, counted by where they stand instead."""

    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AGREEMENT, 0.0))
    lacking: list[str] = field(default_factory=list)
    runs: dict[tuple[str, int], float] = field(default_factory=dict)

    def count(self, name: str, term: Term, weight: float) -> None:
        counted = self.runs.get((name, term.run), 0.0) if term.run >= 0 else 0.0
        self.counts[name] += max(0.0, weight - counted)  # a name of several words counts once
        if term.run >= 0:
            self.runs[name, term.run] = max(weight, counted)
        if name not in ("after", "beside") and term.surface not in self.lacking:
            self.lacking.append(term.surface)


def signals(claim: str, vector: NDArray[np.float32], rarity: Mapping[str, float], sources: Sequence[Source]) -> Signals:
    """The signals of a claim held against sentences.

    Args:
        claim: one sentence.
        vector: its unit vector, shape (dimension,).
        rarity: the inverse document frequency of each of its content stems; there is at least one.
        sources: the sentences; at least one.
    """
    names = _saying(claim) | {term.stem for term in read(claim, names_in(claim)).terms if term.kind == "name"}
    said = {stem: rare * (_NAME if stem in names else 1.0) for stem, rare in rarity.items()}
    stems = [_content(source.text) for source in sources]
    cosines = np.stack([source.vector for source in sources]) @ vector
    best, second = _best(said, stems, cosines)
    picked = _picked(sources, best, second)
    article = sources[best].article
    known = names_in(article.text) | names_in(claim)
    own = read(claim, known)
    first = read(picked[0].text, known)
    before, after = _around(sources, best)
    led = read(" ".join((*before[-_NEAR_BEFORE:], article.title, article.source or "")), known)
    near = read(" ".join((*before, *after)), known)
    whole = read(article.text, known)
    texts = [read(source.text, names_in(source.article.text) | names_in(claim)) for source in sources]
    facts = _facts(own, first, (led, near, whole), article, rarity, texts)
    _against(facts, claim, picked, own, first)
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
        "best": _share(rarity, first),
        "both": _share(rarity, both),
        "around": _share(rarity, both | around),
        "article": _share(rarity, read(article.text).stems),
        "cosine": float(cosines[best]),
        "second_cosine": float(ordered[min(1, len(ordered) - 1)]),
        "both_cosine": float(summed @ vector / max(float(np.linalg.norm(summed)), 1e-9)),
        "words": _share(plain, first),
        "words_both": _share(plain, both),
        "length": float(np.log(len(rarity))),
    }
    there = first | read(article.title).stems
    unseen = (term.surface for term in own.terms if term.kind == "word" and not words.stands_in(term.stem, there))
    return found, picked, tuple(dict.fromkeys(unseen))


@lru_cache(maxsize=20_000)
def _content(text: str) -> frozenset[str]:
    return frozenset(word.stem for word in words.content_words(text))


@lru_cache(maxsize=20_000)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(words.stems(text))


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


def _share(rarity: Mapping[str, float], there: frozenset[str]) -> float:
    total = sum(rarity.values())
    return sum(rare for stem, rare in rarity.items() if words.stands_in(stem, there)) / total if total else 1.0


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


def _facts(
    own: Text,
    first: Text,
    context: tuple[Text, Text, Text],
    article: Article,
    rarity: Mapping[str, float],
    texts: Sequence[Text],
) -> _Facts:
    """Where each fact of the claim stands that the best sentence lacks, weighted by how much more that says of the claim than any sentence with the fact."""
    facts = _Facts()
    lacking = [term for term in own.terms if term.kind != "word" and not first.has(term)]
    free = [term for term in first.terms if term.kind != "word" and not own.has(term)]
    runs = _runs(own, first)
    for term in _misplaced(own, first):
        facts.count("number_place", term, _share(rarity, first.stems))
    for term in lacking:
        rivals = [one for one in free if _sort(one) == _sort(term)]
        close = [one for one in rivals if _same_place(own, term, first, one)]
        if (term.vague and not close) or (term.kind == "date" and not rivals and _of_day(term, article)):
            continue
        rest = {
            one.stem: rarity.get(one.stem, 1.0)
            for one in own.terms
            if one.at != term.at and one.run in (-1, *({one.run} - {term.run}))
        }
        told = max((_share(rest, text.stems) for text in texts if text.has(term)), default=0.0)
        weight = max(0.0, _share(rest, first.stems) - told)
        if term.kind != "name" and not context[2].has(term):
            facts.count("number_gone", term, weight)
        facts.count(_where(term, rivals, close, runs.get(term.run, "not"), context), term, weight)
    return facts


def _misplaced(own: Text, first: Text) -> list[Term]:
    """The numbers that the sentence has too, but counting something else, while it has another number for what they count (`five days`)."""
    found = []
    for term in own.terms[:-1]:
        counted = own.terms[term.at + 1].stem
        if term.kind != "number" or own.terms[term.at + 1].kind != "word" or not first.has(term):
            continue
        others = [one for one in first.terms[:-1] if one.kind == "number" and first.terms[one.at + 1].stem == counted]
        if others and not any(one.number and term.number and same(term.number, one.number) for one in others):
            found.append(term)
    return found


def _same_place(own: Text, term: Term, first: Text, one: Term) -> bool:
    """Whether two facts stand between the same words: some are before both, or after both."""
    return any(mine & theirs for mine, theirs in zip(own.sides(term.at), first.sides(one.at), strict=True))


def _sort(term: Term) -> str:
    """What a fact can be held against: a name, a number, a year, a month or a weekday."""
    if term.kind != "date":
        return term.kind
    return "year" if term.number else "month" if term.surface.casefold() in MONTHS else "weekday"


def _runs(own: Text, first: Text) -> dict[int, _Part]:
    """The names of the claim that the sentence has in part: with another word in its place (`Judiciary` for `Rules Committee`), or alone."""
    found: dict[int, _Part] = {}
    for term in own.terms:
        there = {one.run for one in first.terms if one.kind == "name" and words.related(one.stem, term.stem)}
        if term.kind != "name" or not there:
            continue
        other = any(one.run in there and not own.has(one) for one in first.terms if one.kind == "name")
        found[term.run] = "other" if other or found.get(term.run) == "other" else "alone"
    return found


def _where(
    term: Term, rivals: Sequence[Term], close: Sequence[Term], part: _Part, context: tuple[Text, Text, Text]
) -> str:
    """Which signal a fact counts for that the best sentence lacks."""
    led, near, whole = context
    name = term.kind == "name"
    if name and part == "other":
        return "name_place"
    if name and part == "alone":
        return "after" if whole.has(term) else "gone"
    if term.kind == "date" and rivals:
        return "date_place"
    if rivals:
        return f"{'name' if name else 'number'}_{'place' if close else 'other'}"
    places = (("after", led), ("beside", near), ("elsewhere", whole))
    return next((place for place, text in places if text.has(term)), "gone")


def _of_day(term: Term, article: Article) -> bool:
    """Whether a month or a year is that of the article's publication."""
    if not article.published:
        return False
    year, *rest = article.published.split("-")
    month = MONTHS[int(rest[0]) - 1] if rest else ""
    return term.surface == year or term.surface.casefold() == month


def _against(facts: _Facts, claim: str, picked: Sequence[Source], own: Text, first: Text) -> None:
    """Counts negations, opposites, speakers and pieces that differ."""
    evidence = picked[0].text
    denied = clash(claim, evidence)
    beside = clash(claim, " ".join(source.text for source in picked))
    counts = facts.counts
    counts["denies"] = int(denied.denies and beside.denies)
    counts["denied_words"] = min(_MOST, denied.words)
    counts["denied_words_soft"] = min(_MOST, denied.words_soft)
    counts["denied_words_both"] = min(_MOST, denied.words_both)
    counts["opposite"] = opposed(_stems(shortened(claim)), _stems(shortened(evidence)))
    if any(denied):
        facts.lacking.append("a negation")
    if counts["opposite"]:
        facts.lacking.append("an opposite")
    _speaker(facts, claim, picked[0], first)
    roles = _roles(own, first)
    counts["roles"] = len(roles)
    facts.lacking += [f"{name} in that role" for name in roles]
    counts["swapped"] = _swapped(own, first)


def _roles(own: Text, first: Text) -> list[str]:
    """The names of a claim that stand right before a word which the sentence has with another name before it, and not theirs."""
    found = []
    for term, verb in pairwise(own.terms):
        if term.kind != "name" or verb.kind != "word":
            continue
        places = [one.at for one in first.terms if one.stem == verb.stem]
        before = [first.terms[max(0, at - _ROLE) : at] for at in places]
        named = [[one for one in terms if one.kind == "name"] for terms in before]
        mine = {one.stem for one in own.terms if one.run == term.run}
        if (
            places
            and all(named)
            and first.has(term)
            and not any(
                words.stands_in(stem, frozenset(one.stem for one in terms)) for terms in before for stem in mine
            )
        ):
            found.append(term.surface)
    return found


def _speaker(facts: _Facts, claim: str, best: Source, first: Text) -> None:
    mine = _said(claim)
    if mine is None:
        return
    who = _content(mine)
    named = any(words.stands_in(stem, first.stems) for stem in who)
    theirs = attribution(best.article, Span(best.sentence.start, best.sentence.end))
    if best.article.source and who & _content(best.article.source):
        return
    if theirs is None:
        return
    if not any(words.related(stem, other) for stem in who for other in _content(theirs.speaker)):
        facts.counts["speaker_beside" if named else "speaker"] = 1
        if not named:
            facts.lacking.append(f"{mine} as the speaker")


@lru_cache(maxsize=256)
def _said(claim: str) -> str | None:
    """Who the claim says says it."""
    found = attribution(Article(id="claim", text=claim), Span(0, len(claim)))
    return found.speaker if found else None


def _saying(claim: str) -> frozenset[str]:
    who = _said(claim)
    return _content(who) if who else frozenset()


def _swapped(own: Text, first: Text) -> int:
    """How many short pieces differ between a claim and a sentence that it nearly copies."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(
        None, [term.stem for term in own.terms], [term.stem for term in first.terms], autojunk=False
    )
    if matcher.ratio() < _COPY:
        return 0
    return sum(
        kind == "replace" and last - start <= _SHORT and to - since <= _SHORT
        for kind, start, last, since, to in matcher.get_opcodes()
    )
