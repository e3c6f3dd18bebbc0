"""A sentence that denies what another says."""

from __future__ import annotations

import re
from functools import lru_cache

from rag import words
from rag.answer.conflict.dating import NEGATION, dates_agree
from rag.answer.conflict.numbers import NOT_SAID
from rag.answer.features import Candidate
from rag.answer.question import Question

_CLAIMS = (
    r"(?:claims?|allegations?|accusations?|reports?|suggestions?|assertions?|charges?|rumou?rs|account|idea|notion)"
)
_DENIES = re.compile(
    rf"\b(?:(?:den(?:y|ies|ied|ying)|refut(?:e[sd]?|ing))\s+(?=that\b|having\b|being\b|\w+ing\b|any\b|it\b|he\b|she\b|they\b|involvement|responsibility"
    rf"|wrongdoing|knowledge|(?:\w+\s+){{0,4}}{_CLAIMS}\b)|(?:reject|dismiss|disput)(?:e?s|ed|ing)?\s+(?=(?:\w+\s+){{0,4}}{_CLAIMS}\b)"
    r"|(?:there (?:is|was) |found |saw )no evidence (?:that|of)\s+)",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:(?:did|does|do|has|have|had|was|were|is|are)(?: not|n['’]t)|never)\s+(?:\w+ly\s+)?(?P<verb>[a-z]{3,})\b(?!\s+(?:only|just|yet)\b)"
)
_CLAUSE_END = re.compile(r"[;.”]")
_CLAIM_WORDS = "claim claims allegation allegations accusation accusations report reports suggestion assertion charge charges rumour rumor account idea notion made"
_CLAIM_SHARED = 0.6
_AS_ONE = 0.5


def denied(_question: Question, one: Candidate, other: Candidate) -> tuple[str, str] | None:
    """The words of each, where exactly one denies what the other says; that it did not happen on a day is no denial."""
    if not dates_agree(one, other):
        return None
    denial, other_denial = _denial(one.text, other.text), _denial(other.text, one.text)
    if denial and not other_denial:
        return denial
    return (other_denial[1], other_denial[0]) if other_denial and not denial else None


def _denial(denying: str, asserting: str) -> tuple[str, str] | None:
    """The denying words of a sentence, and the words that say in another what they deny."""
    if NEGATION.search(asserting) or _DENIES.search(asserting):
        return None
    said = {word.stem: word for word in words.content_words(asserting)}
    for found in _DENIES.finditer(denying):
        claim = {
            word.stem for word in words.content_words(_CLAUSE_END.split(denying[found.end() :])[0])
        } - _claim_stems()
        there = sorted((said[stem].start, said[stem].end) for stem in claim & said.keys())
        if len(there) > 1 and len(there) >= _CLAIM_SHARED * len(claim):
            return found.group().strip(), asserting[there[0][0] : there[-1][1]]
    if re.search(NOT_SAID, denying) or re.search(NOT_SAID, asserting):
        return None
    content = {word.stem for word in words.content_words(denying)}
    for found in _NEGATED.finditer(denying):
        verb = words.stem(found["verb"])
        if verb in said and len(content & said.keys()) >= _AS_ONE * len(content | said.keys()):
            return found.group(), said[verb].surface
    return None


@lru_cache(maxsize=1)
def _claim_stems() -> frozenset[str]:
    return frozenset(words.stem(word) for word in _CLAIM_WORDS.split())
