"""Who speaks in a sentence, as far as its words and those just before it tell. In doubt, nobody does: a wrong speaker is worse than none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rag import words

_SAY = re.compile(
    r"\b(?:(?P<inverts>said|says|added|adds|noted|argued|explained|warned|wrote|stressed)|say|told|tells?|telling|notes|stated?|states"
    r"|claim(?:ed|s)?|argues?|warns?|urge[sd]?|announce[sd]?|emphasi[sz]e[sd]?|stresses|reiterate[sd]?|expresse[sd]"
    r"|call(?:ed|s) (?:for|on|it)|insist(?:ed|s)?|den(?:ied|ies|y)|propose[sd]?|describe[sd]?|point(?:ed|s) out|suggest(?:ed|s)?"
    r"|accuse[sd]?|blame[sd]?|critici[sz]e[sd]?|condemn(?:ed|s)?|welcome[sd]|demand(?:ed|s)|pledge[sd]|confirm(?:ed|s)?|vow(?:ed|s)"
    r"|testif(?:ied|ies)|reject(?:ed|s)?|dismisse[sd]|praise[sd]|acknowledge[sd]?|admit(?:ted|s)?|predict(?:ed|s)?|underscored"
    r"|recalled|concluded|responded|replied|declared)\b"
)
_STANCE = re.compile(
    r"\b(?:advocat(?:ed|es|ing)|support(?:s|ed)|back(?:s|ed)|thinks?|thought|believe[sd]?|recogni[sz]e[sd]?|reaffirm(?:ed|s)?"
    r"|want(?:s|ed)|hope[sd]|(?:is|are) willing|considere?[sd]|oppose[sd])\b"
)
_ACCORDING = re.compile(r"\baccording to (?P<who>[^,.;“\"]{2,80})", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"][^”\"]*[”\"]")
_STOPS = re.compile(r"[,;:—–“”\"]")
_JOINS = re.compile(
    r"\b(?P<join>that|which|who|whom|whose|what|when|while|after|before|because|although|though|as|if|whether|where|until|since|than|but)\b",
    re.IGNORECASE,
)
_CLAUSE_WORDS = re.compile(
    r"\b(?:that|it|he|she|they|there|this|would|will|should|could|can|may|must|is|are|was|were|has|have|had|in|on|at|to|during)\b"
)
_PRONOUN = re.compile(r"(?:he|she|they|it)", re.IGNORECASE)
_BETWEEN = re.compile(
    r"(?: (?:has|have|had|is|are|was|were|also|later|then|further|again|reportedly|repeatedly|previously|recently|earlier|already|once"
    r"|meanwhile|\w+ly))+$"
)
_DENIES = re.compile(r"\b(?:not|never|neither|nor|no one|nobody)\b|n['’]t\b")
_NOUN_BEFORE = re.compile(
    r"(?:['’]s|s['’]|\b(?:the|a|an|his|her|its|their|our|my|no|any|this|of|and|or))$", re.IGNORECASE
)
_AFTER_HEAD = re.compile(r" (?:(?P<link>of|for|from|at|in)|to|on|by|with|about|against|over|near|under|[a-z]+ing)\b")
_FOR_ANOTHER = re.compile(
    r"\b(?:spokes\w+|minist\w+|president|official\w*|ambassador|envoy|representatives?|government|secretary|delegat\w+|leaders?|chief"
    r"|administration|agency|army|authorit\w+|bank|commission|council|court|diplomats?|embassy|military|navy|negotiators?|parliament"
    r"|police|premier|regulators?|side|state|department|office)\b",
    re.IGNORECASE,
)
_POSSESSOR = re.compile(r"(?P<owner>[\w-]+)(?:['’]s|(?<=s)['’])\s+(?P<owned>.+)", re.DOTALL)
_CAPITALISED = re.compile(r"[A-ZÀ-Þ][\w.’'-]*(?: [A-ZÀ-Þ][\w.’'-]*){0,3}")
_INVERTED_WORDS = 10
_TRAILING_WORDS = 5
_NAME_WORDS = 2


class _Attribution(NamedTuple):
    """The words that are a verb's subject, None for a pronoun; `frames` when it closes the sentence (`…, said X`, `…, X said`)."""

    subject: str | None
    frames: bool = False


def speaks(asked: frozenset[str], text: str, before: Sequence[str] = ()) -> bool:
    """Whether one of those asked about is who speaks in a sentence.

    Verbs of saying decide; where a sentence has none, verbs of a stance (`supports`, `hopes`) do. Verbs in subordinate clauses, negated ones, and nouns that
    look like verbs do not count. A pronoun continues the speaker of the sentence before; so does a quotation without a verb, after an attributed
    quotation.

    Args:
        asked: stems of the name or role asked about.
        text: the sentence.
        before: the sentences just before it, in order.
    """
    if not asked:
        return False
    speaker = _speaker(text)
    if speaker is not None:
        return _continues(asked, before) if speaker.subject is None else _is_among(asked, speaker.subject)
    bare = text.startswith(("“", '"')) and _closed(text)
    return bare and bool(before) and before[-1].startswith(("“", '"')) and _continues(asked, before)


def _closed(text: str) -> bool:
    return text.count("“") == text.count("”") and text.count('"') % 2 == 0


def _continues(asked: frozenset[str], before: Sequence[str]) -> bool:
    """Whether one of those asked about spoke just before, pronouns followed back without a gap."""
    for sentence in reversed(before):
        speaker = _speaker(sentence)
        if speaker is None:
            return False
        if speaker.subject is not None:
            return _is_among(asked, speaker.subject)
    return False


def _is_among(asked: frozenset[str], subject: str) -> bool:
    """Whether a subject is one of those asked about, or speaks for them.

    A person or a role must be the subject's last words. A country must be the whole subject, or the subject an office of it.
    """
    owned = _POSSESSOR.search(subject)
    # A man's lawyer is not the man; a state's ministry is the state.
    if owned and not _FOR_ANOTHER.search(owned["owned"]):
        subject = owned["owned"]
    rest = _AFTER_HEAD.search(subject)
    head = subject[: rest.start()] if rest else subject
    office = _FOR_ANOTHER.search(head) is not None
    if rest and office and rest["link"]:  # a spokesman for X speaks for X; a report on X does not
        head = subject
    content = [word.stem for word in words.content_words(head)]
    for name in asked:
        alike = [number for number, stem in enumerate(content) if words.related(name, stem)]
        if not alike:
            continue
        country = words.is_country(name) or any(words.is_country(content[number]) for number in alike)
        if office or (len(alike) == len(content) if country else alike[-1] >= len(content) - _NAME_WORDS):
            return True
    return False


def _speaker(text: str) -> _Attribution | None:
    """Whoever the whole sentence is attributed to: what closes it (`…, said X`) frames all before; else the first who speaks."""
    plain = _QUOTED.sub(lambda quoted: "“" + "_" * (len(quoted.group()) - 2) + "”", text)
    said = [found for verb in _SAY.finditer(plain) if (found := _attribution(plain, verb))]
    said += [_Attribution(found["who"], frames=True) for found in _ACCORDING.finditer(plain)]
    said = said or [found for verb in _STANCE.finditer(plain) if (found := _attribution(plain, verb))]
    return next((attribution for attribution in said if attribution.frames), said[0] if said else None)


def _attribution(text: str, verb: re.Match[str]) -> _Attribution | None:
    """Whom a verb attributes its sentence to: the words after `said` in `…, said X`, else those just before the verb."""
    left = text[: verb.start()].rstrip()
    after = text[verb.end() :]
    inverted = _STOPS.split(after)[0].strip(" .")
    if verb.re is _SAY and verb["inverts"] and left.endswith((",", "”", '"', "?", "!")) and _is_name_like(inverted):
        return _Attribution(inverted, frames=True)
    parts = [part.strip() for part in _STOPS.split(left)]
    if not parts[-1]:
        return _apposition(parts)
    joins = list(_JOINS.finditer(parts[-1]))
    subject = parts[-1][joins[-1].end() if joins else 0 :].strip()
    subordinate = bool(joins) and joins[-1]["join"].casefold() != "but"
    if not subject or subordinate or _DENIES.search(subject) or _NOUN_BEFORE.search(left):
        return None
    subject = _BETWEEN.sub("", subject)
    if _PRONOUN.fullmatch(subject):
        return _Attribution(None)
    frames = len(parts) > 1 and len(after.split()) <= _TRAILING_WORDS
    return _Attribution(subject, frames=frames)


def _is_name_like(words_after: str) -> bool:
    return bool(words_after) and len(words_after.split()) <= _INVERTED_WORDS and not _CLAUSE_WORDS.search(words_after)


def _apposition(parts: Sequence[str]) -> _Attribution | None:
    """The subject in `X, a professor at Y, said`: the name; with the role where it is an office; of `the mayor, X,` the name too."""
    filled = [part for part in parts if part]
    if len(filled) < 2:  # noqa: PLR2004 - a name and its apposition
        return _Attribution(filled[0]) if filled else None
    name, role = _JOINS.split(filled[-2])[-1].strip(), filled[-1]
    if _CAPITALISED.fullmatch(role):
        return _Attribution(role)
    if _FOR_ANOTHER.search(role) and not _CAPITALISED.fullmatch(name):
        return None
    return _Attribution(name)
