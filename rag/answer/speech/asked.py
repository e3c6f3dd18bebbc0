"""Whether those asked about are who speaks in a sentence. In doubt they do not: a wrong speaker is worse than none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rag import words
from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import Rank
from rag.answer.speech.saying import Clause, Saying
from rag.answer.speech.tokens import mask

_AFTER_HEAD = re.compile(r" (?:(?P<link>of|for|from|at|in)|to|on|by|with|about|against|over|near|under|[a-z]+ing)\b")
_FOR_ANOTHER = re.compile(
    r"\b(?:spokes\w+|minist\w+|president|official\w*|ambassador|envoy|representatives?|government|secretary|delegat\w+|leaders?|chief"
    r"|administration|agency|army|authorit\w+|bank|commission|council|court|diplomats?|embassy|military|navy|negotiators?|parliament"
    r"|police|premier|regulators?|side|state|department|office)\b",
    re.IGNORECASE,
)
_NO_LONGER = re.compile(r"\b(?:former(?:ly)?|ex|then|one-time|retired|late)\b|\bex-", re.IGNORECASE)
_POSSESSOR = re.compile(r"(?P<owner>[\w-]+)(?:['’]s|(?<=s)['’])\s+(?P<owned>.+)", re.DOTALL)
_PRIVATE = re.compile(
    r"\b(?:opposition|compan\w+|tech|business|firms?|airways|airlines?|air(?! force| ministry)|universit\w+|clubs?|church|football|rugby|cricket"
    r"|rebels?|militia|gang|media|newspaper|news|broadcast\w*|critics?|separatists?|unions?|students?|experts?|executive|ceo|charity"
    r"|hospital|activis\w+|lawyers?|party|exile\w*|dissident\w*)\b",
    re.IGNORECASE,
)
_PRIVATE_STEMS = frozenset(
    words.stem(word)
    for word in (
        "campaign",
        "lawyer",
        "wife",
        "husband",
        "son",
        "daughter",
        "mother",
        "father",
        "brother",
        "sister",
        "family",
        "friend",
    )
)
_COUNTRY_NAMES = (
    (re.compile(r"\bUnited States(?: of America)?\b"), "US"),
    (re.compile(r"\b(?:United Kingdom|Great Britain|U\.K\.|UK)(?!\w)"), "Britain"),
)
_LONG_COUNTRIES = {
    frozenset(("unit", "state")): "us",
    frozenset(("unit", "kingdom")): "britain",
    frozenset(("uk",)): "britain",
}
_AND = re.compile(r",? and ")
_NAME_WORDS = 2


def speaks(asked: frozenset[str], text: str, before: Sequence[str] = (), *, speaker: str | None = None) -> bool:
    """Whether one of those asked about is who speaks in a sentence.

    Verbs of saying decide; where a sentence has none, verbs of a stance (`supports`, `hopes`) do. Verbs in subordinate clauses, negated ones, and
    nouns that look like verbs do not count. A pronoun continues the speaker of the sentence before; so does a quotation without a verb,
    after an attributed quotation.

    Args:
        asked: stems of the name or role asked about.
        text: the sentence.
        before: the sentences just before it, in order.
        speaker: who says the sentence where the whole article tells (`voices.attribution`); the sentences before are then not needed.
    """
    if not asked:
        return False
    if speaker is not None:
        return is_among(asked, speaker)
    clause = Clause(mask(text))
    subject = _subject(clause, text)
    if subject is not None:
        return _continues(asked, before) if subject in lex.PRONOUNS else is_among(asked, subject)
    bare = text.startswith(("“", '"')) and _closed(text)
    return bare and bool(before) and before[-1].startswith(("“", '"')) and _continues(asked, before)


def _closed(text: str) -> bool:
    return text.count("“") == text.count("”") and text.count('"') % 2 == 0


def _subject(clause: Clause, text: str) -> str | None:
    """The words that name the speaker of a sentence, a pronoun in small letters; of a stance where nothing is said."""
    saying: Saying | None = next(iter(clause.sayings()), None)
    if saying is not None:
        phrase = saying.subject if saying.rank < Rank.REPORTED else None
    else:
        leading = clause.leading()
        verb = text[clause.tokens[leading[1]].start :] if leading and leading[1] < clause.size else ""
        phrase = leading[0] if leading and lex.STANCE.match(verb) else None
    if phrase is None:
        return None
    named = text[phrase.start : phrase.end]
    return named.lower() if named.lower() in lex.PRONOUNS else named


def _continues(asked: frozenset[str], before: Sequence[str]) -> bool:
    """Whether one of those asked about spoke just before, pronouns followed back without a gap."""
    for sentence in reversed(before):
        subject = _subject(Clause(mask(sentence)), sentence)
        if subject is None:
            return False
        if subject not in lex.PRONOUNS:
            return is_among(asked, subject)
    return False


def is_among(asked: frozenset[str], speaker: str) -> bool:
    """Whether a speaker is one of those asked about, or speaks for them.

    A person or a role must be the last words of the description, before any `of` or comma, or stand in an apposition to it. A country must be the
    whole description, or the description an office of it. Another first name, another country, or someone else's relative or lawyer, is
    another speaker.

    Args:
        asked: stems of the name or role asked about.
        speaker: the description, such as `Chinese Foreign Ministry spokesperson Wang Wenbin`.
    """
    for stems, name in _LONG_COUNTRIES.items():
        if stems <= asked:
            asked = asked - stems | {name}
    for pattern, short in _COUNTRY_NAMES:
        speaker = pattern.sub(short, speaker)
    matched: set[str] = set()
    for part in speaker.split(", "):
        matched |= _matched(asked, part)
    if not matched:
        # Of several who speak together each does; a country only by itself.
        matched = {name for part in _AND.split(speaker) for name in _matched(asked, part) if words.is_country(name)}
    return bool(matched) and not _is_another(asked, matched, speaker)


def _matched(asked: frozenset[str], subject: str) -> set[str]:
    """Those of the asked stems that a description, or a part of it between commas, stands for."""
    owned = _POSSESSOR.search(subject)
    # A man's lawyer is not the man; a state's ministry is the state.
    if owned and not (_FOR_ANOTHER.search(owned["owned"]) and not _NO_LONGER.search(subject)):
        subject = owned["owned"]
    rest = _AFTER_HEAD.search(subject)
    head = subject[: rest.start()] if rest else subject
    office = _FOR_ANOTHER.search(head) is not None and not _NO_LONGER.search(head)
    if rest and office and rest["link"]:  # a spokesman for X speaks for X; a report on X does not
        head = subject
    public = office and not _PRIVATE.search(head)
    content = [word.stem for word in words.content_words(head)]
    initials = "".join(word[0] for word in subject.split() if word[0].isupper()).lower()
    roles = _role_stems()
    role = max((k for k, stem in enumerate(content) if stem in roles), default=-1)
    if role >= 0 and content[role] not in asked:
        role = -1
    matched: set[str] = set()
    for name in asked:
        alike = [number for number, stem in enumerate(content) if words.related(name, stem)]
        if not alike:
            if len(name) > 1 and name == initials:
                matched.add(name)
            continue
        country = words.is_country(name) or any(words.is_country(content[number]) for number in alike)
        if country:
            if public or len(alike) == len(content):
                matched.add(name)
        elif office or alike[-1] >= len(content) - _NAME_WORDS or alike[-1] <= role:
            matched.add(name)
    return matched


def _is_another(asked: frozenset[str], matched: set[str], speaker: str) -> bool:
    """Whether what is asked beyond the match names someone else: another name beside a shared role or surname, another country."""
    missing = asked - matched
    if not missing:
        return False
    stems = {word.stem for word in words.content_words(speaker)}
    missing = frozenset(name for name in missing if not any(words.related(name, stem) for stem in stems))
    countries = {name for name in missing if words.is_country(name)}
    if countries and any(words.is_country(stem) for stem in stems):
        return True
    names = {name for name in asked if not words.is_country(name) and name not in _role_stems()}
    if names and missing & _PRIVATE_STEMS:
        return True
    first = {word.stem for word in words.content_words(speaker.partition(", ")[0])}
    if names and not names & matched and not all(any(words.related(name, stem) for stem in first) for name in names):
        return True
    full = _full_name(speaker)
    return bool(names & missing and full) and not all(
        any(words.related(name, words.stem(word)) for name in asked) for word in (full[0], full[-1])
    )


def _full_name(speaker: str) -> list[str]:
    """The words of the name in a description of a person; empty where there is only a surname."""
    for part in speaker.split(", "):
        name: list[str] = []
        for word in reversed(part.split()):
            if not word[0].isupper() or lex.is_title(word) or lex.is_body(word):
                break
            name.insert(0, word)
        if len(name) >= _NAME_WORDS:
            return name
    return []


@lru_cache(maxsize=1)
def _role_stems() -> frozenset[str]:
    """The stems of words for what people are and do, and for bodies."""
    return frozenset(words.stem(word) for word in lex.ROLES | lex.BODIES | lex.SENIOR)
