"""Where a claim and its best sentence do not agree: facts, negations, opposites, roles and speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from rag import words
from rag.answer.speech import attribution
from rag.answer.verify.base import Source
from rag.answer.verify.negation import clash, opposed
from rag.answer.verify.numbers import same
from rag.answer.verify.reading import MONTHS, Term, Text, content, share, shortened
from rag.types import Article, Span

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

_COPY = 0.6
_SHORT = 4
_ROLE = 4
_SUBJECT = 3
_MOST = 2
_Part = Literal["other", "alone", "not"]


@dataclass(frozen=True)
class Evidence:
    """What a claim is held against: the sentences that tell it best, the best one first, and how they read.

    `first` is the best of them, `led` the sentences before it with title and outlet, `near` all sentences around it, `whole` its article, `texts` all sentences that there are.
    """

    picked: Sequence[Source]
    first: Text
    led: Text
    near: Text
    whole: Text
    texts: Sequence[Text]

    @property
    def article(self) -> Article:
        """The article of the best sentence."""
        return self.picked[0].article


@dataclass
class Facts:
    """Where a claim and its evidence do not agree, counted by the names of `AGREEMENT`; `lacking` are words for people on it."""

    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(AGREEMENT, 0.0))
    lacking: list[str] = field(default_factory=list)
    runs: dict[tuple[str, int], float] = field(default_factory=dict)

    def count(self, name: str, term: Term, weight: float) -> None:
        """Counts a fact of the claim that the best sentence lacks."""
        counted = self.runs.get((name, term.run), 0.0) if term.run >= 0 else 0.0
        self.counts[name] += max(0.0, weight - counted)  # a name of several words counts once
        if term.run >= 0:
            self.runs[name, term.run] = max(weight, counted)
        if name not in ("after", "beside") and term.surface not in self.lacking:
            self.lacking.append(term.surface)


def facts_of(claim: str, own: Text, evidence: Evidence, rarity: Mapping[str, float]) -> Facts:
    """Where a claim and its evidence do not agree.

    Args:
        claim: the claim.
        own: the claim, read.
        evidence: what it is held against.
        rarity: the inverse document frequency of its content stems.
    """
    facts = Facts()
    _lacking(facts, own, evidence, rarity)
    _denied(facts, claim, evidence)
    _speaker(facts, claim, evidence)
    roles = _roles(own, evidence.first)
    facts.counts["roles"] = len(roles)
    facts.lacking += [f"{name} in that role" for name in roles]
    facts.counts["swapped"] = _swapped(own, evidence.first)
    return facts


def _lacking(facts: Facts, own: Text, evidence: Evidence, rarity: Mapping[str, float]) -> None:
    """Counts the facts that the best sentence lacks, by how much more it tells of the rest of the claim than any sentence that has the fact."""
    first = evidence.first
    free = [term for term in first.terms if term.kind != "word" and not own.has(term)]
    runs = _runs(own, first)
    for term in _misplaced(own, first):
        facts.count("number_place", term, share(rarity, first.stems))
    for term in (term for term in own.terms if term.kind != "word" and not first.has(term)):
        rivals = [one for one in free if _sort(one) == _sort(term)]
        close = [one for one in rivals if _same_place(own, term, first, one)]
        if (term.vague and not close) or (term.kind == "date" and not rivals and _of_day(term, evidence.article)):
            continue
        rest = {
            one.stem: rarity.get(one.stem, 1.0)
            for one in own.terms
            if one.at != term.at and (one.run < 0 or one.run != term.run)
        }
        told = max((share(rest, text.stems) for text in evidence.texts if text.has(term)), default=0.0)
        weight = max(0.0, share(rest, first.stems) - told)
        if term.kind != "name" and not evidence.whole.has(term):
            facts.count("number_gone", term, weight)
        facts.count(_where(term, rivals, close, runs.get(term.run, "not"), evidence), term, weight)


def _misplaced(own: Text, first: Text) -> list[Term]:
    """The numbers that the sentence has too, but counting something else, while it has another number for what they count (`five days`)."""
    found = []
    for term in own.terms[:-1]:
        counted = own.terms[term.at + 1].stem
        if not (term.counts and own.terms[term.at + 1].kind == "word" and first.has(term)):
            continue
        others = [one for one in first.terms[:-1] if one.counts and first.terms[one.at + 1].stem == counted]
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


def _where(term: Term, rivals: Sequence[Term], close: Sequence[Term], part: _Part, evidence: Evidence) -> str:
    """Which signal a fact counts for that the best sentence lacks."""
    name = term.kind == "name"
    if name and part == "other":
        return "name_place"
    if name and part == "alone":
        return "after" if evidence.whole.has(term) else "gone"
    if term.kind == "date" and rivals:
        return "date_place"
    if rivals:
        return f"{'name' if name else 'number'}_{'place' if close else 'other'}"
    near = evidence.near if name else evidence.led  # a day or a figure of the next sentence is not of this one
    places = (("after", evidence.led), ("beside", near), ("elsewhere", evidence.whole))
    return next((place for place, text in places if text.has(term)), "gone")


def _of_day(term: Term, article: Article) -> bool:
    """Whether a month or a year is that of the article's publication."""
    if not article.published:
        return False
    year, *rest = article.published.split("-")
    month = MONTHS[int(rest[0]) - 1] if rest else ""
    return term.surface == year or term.surface.casefold() == month


def _denied(facts: Facts, claim: str, evidence: Evidence) -> None:
    """Counts negations and opposites."""
    sentence = evidence.picked[0].text
    denied = clash(claim, sentence)
    beside = clash(claim, " ".join(source.text for source in evidence.picked))
    counts = facts.counts
    counts["denies"] = int(denied.denies and beside.denies)
    counts["denied_words"] = min(_MOST, denied.words)
    counts["denied_words_soft"] = min(_MOST, denied.words_soft)
    counts["denied_words_both"] = min(_MOST, denied.words_both)
    counts["opposite"] = opposed(_stems(shortened(claim)), _stems(shortened(sentence)))
    if any(denied):
        facts.lacking.append("a negation")
    if counts["opposite"]:
        facts.lacking.append("an opposite")


@lru_cache(maxsize=20_000)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(words.stems(text))


def _roles(own: Text, first: Text) -> list[str]:
    """The name that a claim starts with, where it stands right before a word which the sentence has with another name before it, and not that."""
    found = []
    subjects = {term.run for term in own.terms[:_SUBJECT]}
    for term, verb in pairwise(own.terms):
        if term.kind != "name" or verb.kind != "word" or term.run not in subjects:
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


def _speaker(facts: Facts, claim: str, evidence: Evidence) -> None:
    """Counts another speaker than the one that the claim names."""
    mine, best, first = speaker_of(claim), evidence.picked[0], evidence.first
    if mine is None:
        return
    who = content(mine)
    named = any(words.stands_in(stem, first.stems) for stem in who)
    theirs = attribution(best.article, Span(best.sentence.start, best.sentence.end))
    if best.article.source and who & content(best.article.source):
        return
    if theirs is None:
        return
    if not any(words.related(stem, other) for stem in who for other in content(theirs.speaker)):
        facts.counts["speaker_beside" if named else "speaker"] = 1
        if not named:
            facts.lacking.append(f"{mine} as the speaker")


@lru_cache(maxsize=256)
def speaker_of(claim: str) -> str | None:
    """Who the claim says says it."""
    found = attribution(Article(id="claim", text=claim), Span(0, len(claim)))
    return found.speaker if found else None


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
