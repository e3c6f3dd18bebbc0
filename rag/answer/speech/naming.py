"""Whom an article names: introductions with their titles and appositions, and the fullest description that a later, shorter name stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rag import words as words_
from rag.answer.speech import lexicon as lex
from rag.answer.speech.saying import Clause
from rag.answer.speech.tokens import Phrase
from rag.types import Span

_PARTICLES = frozenset(
    (
        "de",
        "da",
        "del",
        "della",
        "van",
        "von",
        "der",
        "den",
        "bin",
        "ibn",
        "al",
        "el",
        "la",
        "le",
        "du",
        "di",
        "dos",
        "ter",
        "ten",
    )
)
_INITIALS = re.compile(r"\((?P<short>[A-Z][A-Za-z&-]{1,9})\)")
_CAPITAL_RUN = re.compile(r"(?:[A-ZÀ-Þ][\w.’'&-]*(?:\s+(?:of|for|the|and|on|de|in)\b){0,2}\s+){1,9}$")
_LONGEST = 160

Kind = Literal["person", "body", "plural", "unknown", "thing"]


class Attribution(NamedTuple):
    """Who said a sentence: `speaker` as the article introduces them, `verb` as written (empty in a printed interview), `addressee` where one is named (`told Reuters`)."""

    speaker: str
    verb: str
    addressee: str | None = None


class Mention(NamedTuple):
    """A person or body where the article names it: the words of the name in small letters, the description around it, the offset."""

    core: tuple[str, ...]
    words: str
    at: int


class Voice(NamedTuple):
    """A possible speaker: description, what identifies it, and what kind of pronoun can stand for it."""

    words: str
    key: str
    kind: Kind


@dataclass
class Part:
    """A sentence of the story, read."""

    span: Span
    text: str
    clause: Clause
    first: bool
    opens: bool
    inside: bool
    stays_open: bool
    focus: Voice | None = None
    topic: Voice | None = None
    found: Attribution | None = None
    voice: Voice | None = None
    people: tuple[str, ...] = ()
    pronoun: str = ""


@dataclass
class Reading:
    """An article while it is read: its sentences, its names and which pronoun each person takes."""

    parts: list[Part]
    mentions: list[Mention] = field(default_factory=list)
    pronouns: dict[str, str] = field(default_factory=dict)
    long_forms: dict[str, str] = field(default_factory=dict)
    capitals: set[str] = field(default_factory=set)
    spoken: list[tuple[int, Voice]] = field(default_factory=list)


def plain(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a name in small letters, without a possessive ending."""
    return tuple(re.sub(r"['’]s?$", "", word).lower() for word in words)


def mentions_in(part: Part) -> list[Mention]:
    """The persons and bodies that a sentence names in its own words, with titles before and appositions after the name."""
    clause = part.clause
    tokens = clause.tokens
    found: list[Mention] = []
    at = 0
    while at < clause.size:
        if not tokens[at].capital or (at == 0 and tokens[0].low in lex.SENTENCE_STARTS):
            at += 1
            continue
        end = at
        while end < clause.size and (
            tokens[end].capital or (tokens[end].low in _PARTICLES and end + 1 < clause.size and tokens[end + 1].capital)
        ):
            end += 1
        while at < end - 1 and tokens[at].low in lex.DAYS:
            at += 1
        mention = _mention(part, at, end - 1)
        if mention:
            found.append(mention)
        at = end
    return found


def _mention(part: Part, first: int, last: int) -> Mention | None:
    clause, tokens = part.clause, part.clause.tokens
    core = first
    for k in range(first, last):
        if lex.is_title(tokens[k].low) or tokens[k].text.endswith(("'s", "’s")):
            core = k + 1
    if core == first and tokens[core].low == "united" and last - core > 2:  # noqa: PLR2004 - `of the United States Lee Hall`
        first = core = core + 2
    titled = core > first or (first > 0 and lex.is_role(tokens[first - 1].low))
    if lex.is_role(tokens[last].low) and last > core:
        return None
    if not titled and last == core:
        return None
    start = _title_start(clause, first) if titled else first
    if not titled or tokens[start].low in lex.DETERMINERS:
        start = min(start, first)
    end = last
    if tokens[last].text.endswith(("'s", "’s")):
        words = part.text[tokens[start].start : tokens[last].end][:-2]
        return Mention(plain([t.text for t in tokens[core : last + 1]]), words, part.span.start + tokens[core].start)
    phrase = clause.phrase_forward(core)
    stop = tokens[end].end
    if phrase and phrase.head_end == stop and not any(t.low in {"and", "or"} for t in tokens[end + 1 : end + 3]):
        stop = phrase.end
    before = _apposed_before(clause, first, last) if not titled else None
    start = before if before is not None else start
    if stop - tokens[start].start > _LONGEST:
        start, stop = core, tokens[end].end
    return Mention(
        plain([t.text for t in tokens[core : last + 1]]),
        part.text[tokens[start].start : stop],
        part.span.start + tokens[core].start,
    )


def _title_start(clause: Clause, first: int) -> int:
    """Where the title before a name begins: `Chinese foreign ministry spokesperson Wang Wenbin`."""
    at = first
    while at > 0 and first - at < 8:  # noqa: PLR2004 - no title has more words
        token = clause.tokens[at - 1]
        low = token.low
        if (
            token.kind != "word"
            or low
            in lex.PREPOSITIONS | lex.DETERMINERS | lex.JOINS | lex.FINITE | lex.TIMES | lex.ADVERBS | {"and", "or"}
        ):
            break
        if (low in lex.VERBS or low.endswith(("ed", "ing", "ly"))) and not lex.is_role(low) and not token.capital:
            break
        if low in {"up", "out", "off", "down", "back", "away"}:
            break
        at -= 1
    return at


def _apposed_before(clause: Clause, first: int, last: int) -> int | None:
    """Where `the director of the society, Bob Hughes,` begins."""
    tokens = clause.tokens
    if first < 2 or tokens[first - 1].text != "," or clause.low(last + 1) not in {",", "."}:  # noqa: PLR2004 - a word and a comma
        return None
    start = clause.back(first - 2)
    within = tokens[start : first - 1]
    if (
        not within
        or within[0].low not in {"the", "its", "his", "her", "their"}
        or not any(lex.is_role(t.low) for t in within[:6])
    ):
        return None
    return start


def long_forms(part: Part) -> dict[str, str]:
    """What initials stand for, where they follow in brackets: `Royal Canadian Mounted Police (RCMP)`."""
    forms: dict[str, str] = {}
    for found in _INITIALS.finditer(part.text):
        run = _CAPITAL_RUN.search(part.text[: found.start()])
        if not run:
            continue
        words = run.group().split()
        for start in range(len(words)):
            initials = "".join(word[0] for word in words[start:] if word[0].isupper())
            if words[start][0].isupper() and initials == found["short"].upper():
                forms[found["short"].lower()] = " ".join(words[start:])
                break
    return forms


def single_names(part: Part) -> set[str]:
    """The names of one word in a sentence, as surnames stand for people already named."""
    tokens = part.clause.tokens
    return {
        plain([token.text])[0]
        for at, token in enumerate(tokens)
        if token.capital
        and not (at and tokens[at - 1].capital)
        and not (at + 1 < len(tokens) and tokens[at + 1].capital)
    }


def is_person(core: Sequence[str], words: str) -> bool:
    """Whether a name is a person's, as far as it tells: no noun for a body in it, no article before it, not all capitals."""
    if (
        words_.is_country(words_.stem(core[-1]))
        or any(lex.is_body(word) or lex.is_document(word) for word in core)
        or (words.lower().startswith("the ") and len(words.split()) == len(core) + 1)
    ):
        return False
    return not (len(core) == 1 and words.isupper())


def voice_of(reading: Reading, part: Part, subject: Phrase) -> Voice | None:  # noqa: PLR0911 - one return for each kind of phrase
    """The speaker that a subject names, by the fullest description up to this sentence; None for what names nobody."""
    words = part.text[subject.start : subject.end].strip(" ,")
    whole = part.clause.masked[subject.start : subject.head_end].split()
    head = _head(whole)
    if not head:
        return None
    titled = _after_title(whole)
    if titled:
        return _named(reading, part, words, head, plain(titled))
    if len(head) < len(whole) and (head[0].lower() == "the" or lex.is_body(head[-1])) and not lex.is_role(head[-1]):
        return Voice(words, words.lower(), "body")
    names = _names(head)
    if names:
        lone = len(head) == 1 and subject.start == 0 and _is_common(reading, names[0])
        return _common(words, names[0]) if lone else _named(reading, part, words, head, plain(names))
    last = head[-1].lower()
    if last in lex.UTTERANCES and (owned := owner(reading, part, subject)):
        return owned
    if any(word.endswith(("'s", "’s")) for word in head) and (last.endswith(("'s", "’s")) or not lex.is_speaker(last)):
        return None
    # In `the mayor, Marta Velling,` the name follows its role.
    after = re.match(r"\s*,\s*((?:[A-ZÀ-Þ][\w.’'-]*\s?)+)", part.clause.masked[subject.head_end : subject.end])
    if after:
        return _named(reading, part, words, head, plain(after[1].split()))
    kind = _kind(head)
    return (
        _short_role(reading, part, words, head, kind) if len(head) == len(whole) else Voice(words, words.lower(), kind)
    )


def _head(whole: Sequence[str]) -> list[str]:
    """The words of a phrase before its first preposition, but for `a number of senators`."""
    for k, word in enumerate(whole):
        if k and word.lower() in lex.PREPOSITIONS and whole[k - 1].lower() not in lex.QUANTIFIERS:
            return list(whole[:k])
    return list(whole)


def _names(head: Sequence[str]) -> list[str]:
    """The name that ends a phrase, without titles and owners before it; empty where it ends with no name."""
    names = list(head)
    while names and (not names[0][0].isupper() or lex.is_title(names[0]) or names[0].lower() in lex.SENTENCE_STARTS):
        names.pop(0)
    for k in range(len(names) - 2, -1, -1):
        if lex.is_title(names[k]) or names[k].endswith(("'s", "’s")):
            names = names[k + 1 :]
            break
    named = all(word[0].isupper() or word.lower() in _PARTICLES for word in names)
    return names if names and named and not lex.is_role(names[-1]) else []


def _is_common(reading: Reading, word: str) -> bool:
    """Whether the first word of a sentence may be a common noun: it stands nowhere else with a capital."""
    return word not in reading.capitals and not word.isupper() and not words_.is_country(words_.stem(word))


def _common(words: str, word: str) -> Voice:
    low = word.lower()
    return Voice(words, low, "plural" if _is_people(low) else "body" if lex.is_speaker(low) else "thing")


def _kind(head: Sequence[str]) -> Kind:
    last = head[-1].lower()
    if "and" in head or _is_people(last):
        return "plural"
    if lex.is_role(last):
        return "person"
    return "body" if lex.is_body(last) or lex.is_document(last) else "unknown"


def _after_title(head: Sequence[str]) -> Sequence[str]:
    """The name that ends a phrase, right after a title: `House of Commons Speaker Lee Hall`; nothing where there is none."""
    for k in range(len(head) - 2, -1, -1):
        after = head[k + 1 :]
        if not all(word[0].isupper() or word.lower() in _PARTICLES for word in after):
            return ()
        if lex.is_role(head[k]) and not lex.is_role(after[-1]) and not lex.is_body(after[-1]):
            return after
    return ()


def _is_people(word: str) -> bool:
    return word in lex.PEOPLE_WORDS or (lex.is_role(word) and lex.singular(word) != word)


def owner(reading: Reading, part: Part, subject: Phrase) -> Voice | None:
    """The person that a sentence is about whose subject is theirs: `Marta Velling's speech`."""
    found = re.match(r"(?P<owner>[^,]*?[A-ZÀ-Þ][\w.-]+)['’]s?\s", part.clause.masked[subject.start : subject.head_end])
    if not found:
        return None
    end = subject.start + found.end("owner")
    return voice_of(reading, part, Phrase(subject.start, end, end))


def _named(reading: Reading, part: Part, words: str, head: Sequence[str], core: tuple[str, ...]) -> Voice:
    key = core[-1]
    if any(word == "and" and head[k - 1][0].isupper() for k, word in enumerate(head) if k):
        return Voice(words, words.lower(), "plural")
    short = " ".join(core)
    if short in reading.long_forms:
        return Voice(reading.long_forms[short], short, "body")
    if len(core) == 1 and lex.is_body(core[0]):
        return _short_role(reading, part, words, head, "body")
    same = [m for m in reading.mentions if m.at < part.span.end and _same(m.core, core)]
    if len(core) == 1:
        full = {m.core for m in same if len(m.core) > 1}
        firsts = {m.core[0] for m in same if len(m.core) > 1 and m.core[-1] == key}
        if len(firsts) > 1 or (not firsts and len(full) > 1):
            titles = {word.lower() for word in head[:-1]}
            alike = [m for m in same if titles & set(m.words.lower().split())] if titles else []
            if len({m.core[0] for m in alike}) != 1:
                heard = {voice.key for at, voice in reading.spoken if at < part.span.start}
                alike = [m for m in same if len(m.core) > 1 and " ".join(m.core) in heard]
            same = alike if len({m.core[0] for m in alike}) == 1 else []
    best = max((m.words for m in same), key=len, default="")
    known = next((m.core for m in same if len(m.core) > 1), core)
    person = (is_person(known, words) and head[0].lower() != "the") or any(
        lex.is_role(w.lower()) for w in (head[:-1] if head[-1][0].isupper() else head)
    )
    kind: Kind = "person" if person and (len(known) > 1 or same) else "unknown" if person else "body"
    chosen = best if len(best) > len(words) else words
    return Voice(chosen, " ".join(known), kind)


def _same(full: tuple[str, ...], core: tuple[str, ...]) -> bool:
    """Whether a fuller name can be the one named: the same words, or the surname, which in East Asian names comes first."""
    if full == core:
        return True
    if len(core) == 1:
        return len(full) > 1 and (full[-1] == core[0] or (len(full) <= 3 and full[0] == core[0]))  # noqa: PLR2004 - names, not titles
    return len(full) > 1 and full[-1] == core[-1] and full[0] == core[0]


def _short_role(reading: Reading, part: Part, words: str, head: Sequence[str], kind: Kind) -> Voice:
    """`the minister`, `the ministry`: whoever alone was introduced with that noun before, or spoke last with it; else as it stands."""
    noun = head[-1].lower()
    plain = Voice(words, words.lower(), kind)
    if len(head) > 3 or head[0].lower() not in {"the", "this", "that"} or kind == "plural":  # noqa: PLR2004 - `the prime minister`
        return plain
    asked = [word.lower() for word in head[1:]]
    spoken = [
        voice
        for at, voice in reading.spoken
        if at < part.span.start and voice.kind == kind and _has(voice.words, asked)
    ]
    if spoken and (len({voice.key for voice in spoken}) == 1 or kind == "person"):
        recent = [voice for at, voice in reading.spoken if at < part.span.start][-2:]
        if len({voice.key for voice in spoken}) == 1 or spoken[-1] in recent:
            return spoken[-1]
        return plain
    if kind != "person":
        return plain
    people = [m for m in reading.mentions if m.at < part.span.start and _has(m.words, asked)]
    if len({m.core[-1] for m in people}) == 1 and noun not in {"person", "man", "woman"}:
        best = max(people, key=lambda m: len(m.words))
        return Voice(best.words, best.core[-1], "person")
    return plain


def _has(description: str, asked: Sequence[str]) -> bool:
    words = re.findall(r"[\w-]+", description.lower())
    return all(word in words for word in asked) and len(words) > len(asked)
