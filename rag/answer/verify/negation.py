"""What a text denies, and where a claim denies what its evidence says, or says the opposite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rag import words

_OPPOSITES = Path(__file__).with_name("opposites.tsv")
_CUE = re.compile(
    r"\b(?:not|never|no(?![.,!])|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly|scarcely|\w+n['’]t"
    r"|(?:fail(?:s|ed|ing)?|refus(?:e|es|ed|ing)|declin(?:e|es|ed|ing)|unable|unwilling)(?= to\b)"
    r"|den(?:y|ies|ied|ying)|lack(?:s|ed|ing)?|(?:rather|other) than|instead of|far from|rul(?:e[sd]?|ing) out)\b",
    re.IGNORECASE,
)
_NO_CUE = re.compile(
    r"\b(?:not (?:only|just|merely|least|long|far|until|yet)|no (?:doubt|matter|one knows|less than|fewer than|more than|later than|other)|nothing but|if not|whether or not|why (?:not|don['’]t))\b",
    re.IGNORECASE,
)
_NOT_MORE = re.compile(
    r"\b(?:no|not|never|nobody|none|nothing)\b(?:[^\w'’-]+[\w'’-]+){0,8}?[^\w'’-]+(?:(?:\w+er|more|less)\W+than|as\W+\w+\W+as|such|before)\b",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"\b(?:most|least|first|only|record|(?!\w*(?:forest|interest|protest|arrest|request|contest|harvest|honest|modest|invest|suggest|west|test|rest|guest|quest)\b)\w{2,}est)\b",
    re.IGNORECASE,
)
_SOFT = re.compile(
    r"\b(?:against|un\w{4,}|starv\w+|delay\w*|prevent\w*|avoid\w*|stop\w*|reject\w*|oppos\w+|halt\w*|ban(?:s|ned|ning)?|block\w*|absen\w+|missing|few|fewer|little|rarely|seldom"
    r"|barely|only|yet to|end(?:s|ed|ing)?|cancel\w*|remov\w+|withdr\w+|den\w+|declin\w+|fail\w*|lack\w*|disagree\w*|disappoint\w*|illegal\w*|impossib\w+|inca\w+|too)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[;:.!?”\"()]|, |\b(?:but|however|although|though|because|while|whereas|until|unless|and|when|after|before)\b",
    re.IGNORECASE,
)
_HEADS = 2
_CLOSE = 2
_NEIGHBOURS = 4
_PREFIX = re.compile(r"^(?:un|in|im|ir|il|dis|non)(?=[a-z]{4})")
_SIDE = 2


class Denials(NamedTuple):
    """What a text denies: its content stems in order, the places of those that a cue of negation denies, the bases of words with a denying prefix, and the number of cues."""

    stems: tuple[str, ...]
    denied: frozenset[int]
    bases: frozenset[str]
    cues: int

    def says(self, stem: str) -> list[int]:
        """Where a stem stands and is not denied."""
        return [at for at, other in enumerate(self.stems) if other == stem and at not in self.denied]

    def near(self, at: int) -> frozenset[str]:
        """The stems around a place."""
        return frozenset(self.stems[max(0, at - _NEIGHBOURS) : at] + self.stems[at + 1 : at + 1 + _NEIGHBOURS])


@lru_cache(maxsize=4096)
def denials(text: str) -> Denials:
    """What a text denies: the first content words after each cue of negation in its clause, or the last ones before it where none follow."""
    denied: set[int] = set()
    silent = [found.span() for found in _NO_CUE.finditer(text)]
    cued = [cue for cue in _CUE.finditer(text) if not any(start <= cue.start() < end for start, end in silent)]
    content = [
        word for word in words.content_words(text) if not any(cue.start() <= word.start < cue.end() for cue in cued)
    ]
    for cue in cued:
        stop = _CLAUSE_END.search(text, cue.end())
        end = stop.start() if stop else len(text)
        after = [at for at, word in enumerate(content) if cue.end() <= word.start < end]
        denied.update(after[:_HEADS] or [at for at, word in enumerate(content) if word.start < cue.start()][-1:])
    bases = {base for word in content if (base := without_prefix(word.stem))}
    return Denials(tuple(word.stem for word in content), frozenset(denied), frozenset(bases), len(cued))


class Clash(NamedTuple):
    """Where a claim and its evidence deny what the other says.

    `denies` tells that only the claim has a negation, and nothing in the evidence sounds like one; the rest count the words that one denies and the other says among the same words: `words` where the other has no negation, `words_soft` where it has what sounds
    like one, `words_both` where it has some too: another number of them, or more of the same words around.
    """

    denies: bool = False
    words: int = 0
    words_soft: int = 0
    words_both: int = 0


def clash(claim: str, evidence: str) -> Clash:
    """How the negations of a claim and of its evidence go together. `No X is larger` agrees with `the largest`."""
    if _is_superlative(claim, evidence) or _is_superlative(evidence, claim):
        return Clash()
    mine, theirs = denials(claim), denials(evidence)
    if mine.cues and theirs.cues:
        least = 1 if mine.cues != theirs.cues else _CLOSE
        return Clash(words_both=_denied_by(mine, theirs, least) + _denied_by(theirs, mine, least))
    count = _denied_by(mine, theirs) + _denied_by(theirs, mine)
    soft = _SOFT.search(evidence if mine.cues else claim) is not None
    if soft:
        return Clash(words_soft=count)
    return Clash(denies=bool(mine.cues), words=count)


def _is_superlative(denying: str, other: str) -> bool:
    return bool(_NOT_MORE.search(denying) and _MOST.search(other))


def _denied_by(one: Denials, other: Denials, least: int = 1) -> int:
    """How many words one text denies that the other says with at least so many of the same words around, and does not deny anywhere."""
    denied_there = {other.stems[at] for at in other.denied}
    count = sum(base in other.stems and base not in denied_there and base not in one.stems for base in one.bases)
    for at in one.denied:
        stem = one.stems[at]
        if stem in denied_there or stem in other.bases or one.says(stem):  # it says that too, of something else
            continue
        count += any(len(one.near(at) & other.near(place)) >= least for place in other.says(stem))
    return count


@lru_cache(maxsize=1)
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _OPPOSITES.read_text(encoding="utf-8").splitlines():
        one, other = ({words.stem(word) for word in side.split()} for side in line.split("\t"))
        for mine, theirs in ((one, other), (other, one)):
            for stem in mine:
                found.setdefault(stem, set()).update(theirs - mine)
    return {stem: frozenset(others) for stem, others in found.items()}


@lru_cache(maxsize=1)
def _sides_of_opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _OPPOSITES.read_text(encoding="utf-8").splitlines():
        for side in line.split("\t"):
            stems = {words.stem(word) for word in side.split()}
            for stem in stems:
                found.setdefault(stem, set()).update(stems)
    return {stem: frozenset(stems) for stem, stems in found.items()}


def _alike(stem: str) -> frozenset[str]:
    """The stems that have the same opposites as one."""
    return _sides_of_opposites().get(stem, frozenset())


def opposed(claim: Sequence[str], evidence: Sequence[str]) -> int:
    """How many words of a claim stand as their opposite in the evidence, in the same place: between the same words.

    Args:
        claim: the stems of all its words, in order.
        evidence: likewise.
    """
    known, count = _opposites(), 0
    here, there = frozenset(claim), frozenset(evidence)
    for at, stem in enumerate(claim):
        if stem in there or stem not in known or _alike(stem) & there:
            continue
        places = [place for place, other in enumerate(evidence) if other in known[stem] and other not in here]
        count += any(_same_place(claim, at, evidence, place) for place in places)
    return count


def _same_place(one: Sequence[str], at: int, other: Sequence[str], place: int) -> bool:
    """Whether two words have the same words beside them on the same sides; `A before B` is `B after A`, so sides that are changed speak against it."""
    left, right = _sides(one, at)
    other_left, other_right = _sides(other, place)
    return len(left & other_left) + len(right & other_right) > len(left & other_right) + len(right & other_left)


def _sides(stems: Sequence[str], at: int) -> tuple[frozenset[str], frozenset[str]]:
    content = [n for n, stem in enumerate(stems) if stem not in _function_stems()]
    before = [stems[n] for n in content if n < at][-_SIDE:]
    after = [stems[n] for n in content if n > at][:_SIDE]
    return frozenset(before), frozenset(after)


@lru_cache(maxsize=1)
def _function_stems() -> frozenset[str]:
    return frozenset(words.stem(word) for word in words.STOPWORDS)


def without_prefix(stem: str) -> str | None:
    """`unlik` to `lik`: the stem that a prefix denies, None where there is no such prefix."""
    plain = _PREFIX.sub("", stem)
    return plain if plain != stem else None
