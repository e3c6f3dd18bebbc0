"""What a text denies, and where a claim denies what its evidence says, or says the opposite."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rag import words

_OPPOSITES = Path(__file__).with_name("opposites.tsv")
_CUE = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly|scarcely|(?:\w+n['’]t)"
    r"|(?:fail(?:s|ed|ing)?|refus(?:e|es|ed|ing)|declin(?:e|es|ed|ing)|unable|unwilling)(?= to\b)"
    r"|den(?:y|ies|ied|ying)|lack(?:s|ed|ing)?|(?:rather|other) than|instead of|no longer|far from|rule[sd]? out|ruling out)\b",
    re.IGNORECASE,
)
_NO_CUE = re.compile(
    r"\b(?:not (?:only|just|merely|least)|no (?:doubt|matter|one knows|less than|fewer than|more than)|nothing but|if not)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[;:.!?”\"()]|,? (?:but|however|although|though|because|while|whereas)\b", re.IGNORECASE)
_REACH = 6
_UN = re.compile(r"^(?:un|in|im|ir|il|dis|non)(?=[a-z]{4})")


class Denials(NamedTuple):
    """The stems that a text denies, those of its other words, and how many cues of negation it has."""

    denied: frozenset[str]
    said: frozenset[str]
    cues: int


@lru_cache(maxsize=4096)
def denials(text: str) -> Denials:
    """What a text denies: the content words that follow a cue of negation in its clause."""
    denied: set[str] = set()
    silent = [found.span() for found in _NO_CUE.finditer(text)]
    content = words.content_words(text)
    cues = 0
    for cue in _CUE.finditer(text):
        if any(start <= cue.start() < end for start, end in silent):
            continue
        cues += 1
        stop = _CLAUSE_END.search(text, cue.end())
        end = stop.start() if stop else len(text)
        after = [word.stem for word in content if cue.end() <= word.start < end]
        denied.update(after[:_REACH])
    return Denials(frozenset(denied), frozenset(word.stem for word in content) - denied, cues)


@lru_cache(maxsize=1)
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _OPPOSITES.read_text(encoding="utf-8").splitlines():
        one, other = ({words.stem(word) for word in side.split()} for side in line.split("\t"))
        for mine, theirs in ((one, other), (other, one)):
            for stem in mine:
                found.setdefault(stem, set()).update(theirs - mine)
    return {stem: frozenset(others) for stem, others in found.items()}


def opposed(claim: frozenset[str], evidence: frozenset[str]) -> frozenset[str]:
    """The stems of a claim that stand nowhere in its evidence, while their opposite does, and not in the claim."""
    known = _opposites()
    missing = {stem for stem in claim - evidence if stem in known}
    return frozenset(stem for stem in missing if (known[stem] & evidence) - claim)


def without_prefix(stem: str) -> str | None:
    """`unlik` to `lik`: the stem that a prefix denies, None where there is no such prefix."""
    plain = _UN.sub("", stem)
    return plain if plain != stem else None
