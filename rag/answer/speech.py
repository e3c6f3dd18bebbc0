"""Who speaks in a sentence, as far as its words and those just before it tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import words

_AFTER = r"said|says|told|added|noted|argued|explained|warned|wrote|stressed|recalled|concluded"
VERB = re.compile(
    rf"\b(?:(?P<inverts>{_AFTER})|saying|tells|adds|notes|stated|states|claimed|claims|argues|warns|urged|urges|announced|announces"
    r"|emphasi[sz]e[sd]?|stresses|reiterate[sd]?|express(?:ed|es)|call(?:ed|s) (?:for|on|it|the)|calling for|insist(?:ed|s)|den(?:ied|ies)"
    r"|advocat(?:ed|es|ing)|propos(?:ed|es)|support(?:ed|s)|backs|backed|thinks|thought|believes?|believed|describe[sd]|recogni[sz]e[sd]"
    r"|reaffirm(?:ed|s)|underscore[sd]|point(?:ed|s) out|wants|hopes|hoped|is willing|are willing|suggest(?:ed|s)|accus(?:ed|es)"
    r"|blam(?:ed|es)|critici[sz]e[sd]|condemn(?:ed|s)|welcom(?:ed|es)|demand(?:ed|s)|pledg(?:ed|es)|confirm(?:ed|s)|considered|vow(?:ed|s)"
    r"|testif(?:ied|ies)|reject(?:ed|s)|dismiss(?:ed|es)|prais(?:ed|es)|asked|ask|quoted|acknowledge[sd]?|admit(?:ted|s)|predict(?:ed|s))\b"
)
_PRONOUN = re.compile(r"(?:^|[,;”\"] ?|\b(?:but|and|which|that) )(?:he|she|they|it)(?: \w+){0,2} ?$", re.IGNORECASE)
_CLAUSE = re.compile(r"[;:“”\"]|, (?:which|who|while|but|although)\b|\b(?:that|because|after|before|when|if)\b")
_BEFORE_WORDS, _AFTER_WORDS = 14, 8


def mentions(text: str) -> list[list[str]]:
    """For each verb of speech, the stems of the words where its subject stands; an empty list for a pronoun."""
    found: list[list[str]] = []
    for verb in VERB.finditer(text):
        before = _CLAUSE.split(text[: verb.start()])[-1]
        if verb["inverts"] and not before.strip(" ,"):
            before = ""
        after = re.split(r"[.;“\"]", text[verb.end() :])[0] if verb["inverts"] else ""
        if _PRONOUN.search(text[: verb.start()]):
            found.append([])
            continue
        subject = words.stems(before)[-_BEFORE_WORDS:] + words.stems(after)[:_AFTER_WORDS]
        found.append(subject)
    return found


def speaks(asked: frozenset[str], text: str, before: Sequence[str] = ()) -> bool:
    """Whether one of those asked about is who speaks in a sentence.

    Args:
        asked: stems of the name or role asked about.
        text: the sentence.
        before: the sentences just before it, nearest last; a pronoun's name is looked for there.
    """
    if not asked:
        return False
    for subject in mentions(text):
        if _is_among(asked, subject):
            return True
        if not subject:
            return _earlier_speaker(asked, before)
    opens = words.stems(text)[:1]
    return False if not opens else text.startswith(("“", '"')) and _earlier_speaker(asked, before[-1:])


def _earlier_speaker(asked: frozenset[str], before: Sequence[str]) -> bool:
    for earlier in reversed(before):
        named = [subject for subject in mentions(earlier) if subject]
        if named:
            return any(_is_among(asked, subject) for subject in named)
    return False


def _is_among(asked: frozenset[str], subject: Sequence[str]) -> bool:
    return any(words.related(name, stem) for name in asked for stem in subject)
