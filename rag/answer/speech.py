"""Who speaks in a sentence, as far as its words and those just before it tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rag import words

_INVERTS = "said|says|added|adds|noted|argued|explained|warned|wrote|stressed"
_SAY = re.compile(
    rf"\b(?:(?P<inverts>{_INVERTS})|told|tells|telling|notes|stated|states|claimed|claims|argues|warns|urged|urges|announced|announces"
    r"|emphasi[sz]e[sd]?|stresses|reiterate[sd]?|expresse[sd]|called (?:for|on|it)|calls (?:for|on|it)|insist(?:ed|s)|den(?:ied|ies)"
    r"|propos(?:ed|es)|describe[sd]|pointed out|points out|suggest(?:ed|s)|accuse[sd]|blame[sd]|critici[sz]e[sd]|condemn(?:ed|s)"
    r"|welcome[sd]|demand(?:ed|s)|pledge[sd]|confirm(?:ed|s)|vow(?:ed|s)|testif(?:ied|ies)|reject(?:ed|s)|dismisse[sd]|praise[sd]"
    r"|acknowledge[sd]?|admit(?:ted|s)|predict(?:ed|s)|underscored|recalled|concluded|responded|replied|asked|declared)\b"
)
_STANCE = re.compile(
    r"\b(?:advocat(?:ed|es|ing)|supports?|supported|backs|backed|thinks?|thought|believes?|believed|recogni[sz]e[sd]?|reaffirm(?:ed|s)?"
    r"|wants?|wanted|hopes?|hoped|(?:is|are) willing|considers?|considered|opposes?|opposed)\b"
)
_ACCORDING = re.compile(r"\baccording to (?P<who>[^,.;“\"]{2,80})", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"][^”\"]*[”\"]")
_STOPS = re.compile(r"[,;:—–“”\"]")
_JOINS = re.compile(r"\b(?:that|which|who|whom|when|while|after|before|because|as|if|where|but|than)\b")
_CLAUSE_WORDS = re.compile(
    r"\b(?:that|it|he|she|they|there|this|would|will|should|could|can|may|must|is|are|was|were|has|have|had|in|on|at|to|during)\b"
)
_PRONOUN = re.compile(r"(?:he|she|they|it)(?: (?:also|later|then|further))*", re.IGNORECASE)
_OFFICIAL = re.compile(
    r"\b(?:spokes\w+|minist\w+|president|official\w*|ambassador|envoy|representative\w*|government|secretary|delegat\w+|leader|chief)\b",
    re.IGNORECASE,
)
_OF_A_STATE = re.compile(
    rf"{_OFFICIAL.pattern}|\b(?:administration|agency|army|authorit\w+|bank|council|court|embassy|military|navy|parliament|police|premier"
    r"|regulator\w*)\b",
    re.IGNORECASE,
)
_POSSESSOR = re.compile(r"(?P<owner>[\w-]+)(?:['’]s|(?<=s)['’])\s+(?P<owned>.+)", re.DOTALL)
_NAME = re.compile(r"[A-ZÀ-Þ][\w.’'-]*(?: [A-ZÀ-Þ][\w.’'-]*){1,3}")
_SUBJECT_WORDS = 8
_INVERTED_WORDS = 10


class _Attribution(NamedTuple):
    """The words where a verb's subject stands, None for a pronoun; `inverted` when it follows the verb (`…, said X`)."""

    subject: str | None
    inverted: bool = False


def speaks(asked: frozenset[str], text: str, before: Sequence[str] = ()) -> bool:
    """Whether one of those asked about is who speaks in a sentence.

    Verbs of saying decide; where a sentence has none, verbs of a stance (`supports`, `hopes`) do. A pronoun, or a quotation without a verb,
    belongs to the last one who spoke just before.

    Args:
        asked: stems of the name or role asked about.
        text: the sentence.
        before: the sentences just before it, in order.
    """
    if not asked:
        return False
    speaker = _speaker(text)
    if speaker is None and text.startswith(("“", '"')):
        speaker = _Attribution(None)
    if speaker is None:
        return False
    return _earlier(asked, before) if speaker.subject is None else _is_among(asked, speaker.subject)


def _earlier(asked: frozenset[str], before: Sequence[str]) -> bool:
    for sentence in reversed(before):
        speaker = _speaker(sentence)
        if speaker is not None and speaker.subject:
            return _is_among(asked, speaker.subject)
    return False


def _is_among(asked: frozenset[str], subject: str) -> bool:
    owned = _POSSESSOR.search(subject)
    if owned and not _OF_A_STATE.search(
        owned["owned"]
    ):  # a man's lawyer is not the man; a state's ministry is the state
        subject = subject[: owned.start()] + owned["owned"]
    return any(words.related(name, word.stem) for name in asked for word in words.words(subject))


def _speaker(text: str) -> _Attribution | None:
    """Whoever the whole sentence is attributed to: `…, said X` frames all that stands before it; else the first who speaks."""
    plain = _QUOTED.sub(lambda quoted: "“" + "_" * (len(quoted.group()) - 2) + "”", text)
    said = [_subject(plain, verb) for verb in _SAY.finditer(plain)]
    said += [_Attribution(found["who"]) for found in _ACCORDING.finditer(plain)]
    said = [attribution for attribution in said if attribution.subject != ""]
    said = said or [a for verb in _STANCE.finditer(plain) if (a := _subject(plain, verb)).subject != ""]
    return next((attribution for attribution in said if attribution.inverted), said[0] if said else None)


def _subject(text: str, verb: re.Match[str]) -> _Attribution:
    """The words where a verb's subject stands: after `said` in `…, said X`, else just before the verb."""
    left = text[: verb.start()].rstrip()
    after = _STOPS.split(text[verb.end() :])[0].strip(" .")
    may_invert = verb.re is _SAY and verb["inverts"] and left.endswith((",", "”", '"', "?", "!"))
    if may_invert and after and len(after.split()) <= _INVERTED_WORDS and not _CLAUSE_WORDS.search(after):
        return _Attribution(after, inverted=True)
    parts = [part.strip() for part in _STOPS.split(left)]
    if parts[-1] or len(parts) < 3:  # noqa: PLR2004 - a name and its apposition, then the empty rest
        nearest = _JOINS.split(parts[-1])[-1].strip()
        nearest = nearest.rsplit(" and ", 1)[-1] if nearest.startswith(("and ", "or ")) else nearest
        if _PRONOUN.fullmatch(nearest):
            return _Attribution(None)
        return _Attribution(" ".join(nearest.split()[-_SUBJECT_WORDS:]))
    role, name = parts[-2], parts[-3]
    counts = _OFFICIAL.search(role) or (
        _NAME.fullmatch(role) and not _NAME.fullmatch(name)
    )  # `the mayor, Ann Lee, said`
    return _Attribution(f"{name.split()[-1] if name else ''} {name} {role if counts else ''}".strip())
