"""Whom `he`, `she`, `they` and `it` stand for in the sentences of an article; nobody where it may be another."""

from __future__ import annotations

import re
from collections import Counter

from rag.answer.speech import lexicon as lex
from rag.answer.speech.mentions import plain, single_names
from rag.answer.speech.naming import is_person, voice_of
from rag.answer.speech.reading import Part, Reading, Voice

_HE = re.compile(r"\b(?:he|his|him|himself)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(?:she|her|hers|herself)\b", re.IGNORECASE)
_BACK = 4


def learn_pronouns(reading: Reading) -> None:
    """Which pronoun each person takes: from titles, and from sentences that name one person and then say `he` or `she`."""
    votes: dict[str, Counter[str]] = {}
    for mention in reading.mentions:
        for word in mention.words.lower().split():
            taken = lex.HONORIFICS.get(word.strip(",."))
            if taken:
                votes.setdefault(mention.core[-1], Counter())[taken] += 3
    alone = {name for part in reading.parts for name in single_names(part)}
    surnames = {
        mention.core[-1]
        for mention in reading.mentions
        if len(mention.core) > 1
        and is_person(mention.core, mention.words)
        and (mention.core[-1] in alone or any(lex.is_title(word) for word in mention.words.split()))
    }
    for part in reading.parts:
        named = [(t.start, name) for t in part.clause.tokens if t.capital and (name := plain([t.text])[0]) in surnames]
        part.people = tuple({name for _, name in named})
        if len(part.people) == 1:
            rest = part.clause.masked[named[0][0] :]
            he, she = bool(_HE.search(rest)), bool(_SHE.search(rest))
            if he != she:
                votes.setdefault(part.people[0], Counter())["he" if he else "she"] += 1
    for name, count in votes.items():
        (best, most), *others = count.most_common()
        if not others or most > 2 * others[0][1]:
            reading.pronouns[name] = best


def referent(reading: Reading, number: int, pronoun: str, at: int) -> Voice | None:
    """Whom a pronoun stands for: the subject before it in its sentence, or whom the sentences just before it are about."""
    if pronoun not in {"he", "she", "they", "it"}:
        return None
    leading = _led_by(reading, reading.parts[number], at)
    if leading and _fits(reading, leading, pronoun):
        return leading
    led = leading is not None and leading.kind == "person" and pronoun in {"he", "she"}
    if led or _names_another(reading, reading.parts[number], pronoun, at):
        return None
    return _before(reading, number, pronoun)


def _before(reading: Reading, number: int, pronoun: str) -> Voice | None:
    """Whom a pronoun stands for by the sentences just before its own, across one paragraph break at most."""
    breaks = int(reading.parts[number].first)
    for back in reversed(reading.parts[max(0, number - _BACK) : number]):
        meant = next((voice for voice in _candidates(back, pronoun) if _fits(reading, voice, pronoun)), None)
        if meant is not None:
            return meant if _is_clear(reading, back, meant, pronoun) else None
        if reading.parts[number].pronoun and (told := _told_of(reading, back, pronoun)):
            return told
        breaks += back.first
        if breaks > 1 or _others(reading, back, pronoun):
            return None
    return None


def _led_by(reading: Reading, part: Part, at: int) -> Voice | None:
    """Whoever leads a sentence, where that stands before an offset and is no pronoun."""
    leading = part.clause.leading()
    if leading is None or leading[0].end > at or not part.clause.can_speak(leading[0]):
        return None
    if part.clause.masked[leading[0].start : leading[0].end].lower() in lex.PRONOUNS:
        return None
    return voice_of(reading, part, leading[0])


def _names_another(reading: Reading, part: Part, pronoun: str, at: int) -> bool:
    """Whether a sentence names someone whom a pronoun inside it could be, before it: `The case against Velling is that he said …`."""
    leading = part.clause.leading()
    if pronoun not in {"he", "she"} or leading is None or leading[0].start >= at:
        return False
    if part.pronoun:
        return False
    before = {lex.bare(t.text) for t in part.clause.tokens if t.capital and t.start < at}
    return any(name in before and reading.pronouns.get(name, pronoun) == pronoun for name in part.people)


def _candidates(back: Part, pronoun: str) -> list[Voice]:
    """Whom a pronoun in a later sentence can go back to: the speaker, then whom the sentence is about."""
    voices = [voice for voice in dict.fromkeys((back.focus, back.topic)) if voice is not None]
    return [voice for voice in voices if voice is back.voice or pronoun != "they" or voice.kind == "plural"]


def _told_of(reading: Reading, back: Part, pronoun: str) -> Voice | None:
    """Whom a body says something about: the subject of its words (`The Lantern revealed that Marta Velling owned the boat of Lee Hall`)."""
    if pronoun not in {"he", "she"} or back.voice is None or back.voice.kind == "person" or back.told is None:
        return None
    phrase = back.clause.subject_after(back.told)
    voice = voice_of(reading, back, phrase) if phrase and back.clause.can_speak(phrase) else None
    if phrase is None or voice is None or voice.kind != "person" or not _fits(reading, voice, pronoun):
        return None
    tokens, key = back.clause.tokens, voice.key.split()[-1]
    for at, token in enumerate(tokens):
        name = lex.bare(token.text)
        if (
            not token.capital
            or name == key
            or name not in back.people
            or reading.pronouns.get(name, pronoun) != pronoun
        ):
            continue
        before = at
        while before and (tokens[before - 1].capital or lex.is_title(tokens[before - 1].low)):
            before -= 1
        if back.clause.low(before - 1) != "of":
            return None
    return voice


def _others(reading: Reading, back: Part, pronoun: str) -> bool:
    """Whether a sentence names a person that `he` or `she` could be, though it is not about them."""
    return pronoun in {"he", "she"} and any(reading.pronouns.get(name, pronoun) == pronoun for name in back.people)


def _fits(reading: Reading, voice: Voice, pronoun: str) -> bool:
    if pronoun in {"he", "she"}:
        if voice.kind not in {"person", "unknown"} or (voice.kind == "unknown" and not voice.words[:1].isupper()):
            return False
        taken = reading.pronouns.get(voice.key.split()[-1]) or _told_by_noun(voice.words)
        return taken in {None, "", pronoun}
    if pronoun == "it":
        return voice.kind in {"body", "unknown"}
    return voice.kind in {"plural", "body"}


def _told_by_noun(words: str) -> str | None:
    return next((taken for word in words.lower().split() if (taken := lex.HONORIFICS.get(word.strip(",")))), None)


def _is_clear(reading: Reading, back: Part, focus: Voice, pronoun: str) -> bool:
    """Whether nobody else in the sentence could be meant; a speaker is whom a pronoun after their words goes back to."""
    if pronoun not in {"he", "she"} or back.voice is not None:
        return True
    key = focus.key.split()[-1]
    rivals = [name for name in back.people if name != key and reading.pronouns.get(name, pronoun) == pronoun]
    return not rivals
