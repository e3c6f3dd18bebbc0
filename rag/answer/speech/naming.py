"""Whom a subject names: the fullest description of the article that a later, shorter name or role stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import words as words_
from rag.answer.speech import lexicon as lex
from rag.answer.speech.bearers import bearer
from rag.answer.speech.mentions import plain
from rag.answer.speech.reading import Kind, Part, Reading, Voice
from rag.answer.speech.saying import Clause
from rag.answer.speech.tokens import Phrase

_ROLE_WORDS = 4
_OFFICE_WORDS = 2
_DOCUMENT_CHARS = 1200
_JOINED = re.compile(r"\b(?P<one>[A-Z][\w.]+) and (?:the )?(?P<other>[A-Z][\w.]+)")
_MINISTERS = frozenset(("minister", "secretary"))


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
    if last in lex.OWN_WORDS and (owned := owner(reading, part, subject)):
        return owned
    if any(word.endswith(("'s", "’s")) for word in head) and (last.endswith(("'s", "’s")) or not lex.is_speaker(last)):
        return None
    # In `the mayor, Marta Velling,` the name follows its role.
    after = re.match(r"\s*,\s*((?:[A-ZÀ-Þ][\w.’'-]*\s?)+)", part.clause.masked[subject.head_end : subject.end])
    if after:
        return _named(reading, part, words, head, plain(after[1].split()))
    kind = _kind(head)
    if kind == "plural" and head[-1].lower() in lex.SIDES and (pair := _pair(reading, head)):
        return Voice(pair, pair.lower(), "plural")
    return (
        _short_role(reading, part, words, head, kind) if len(head) == len(whole) else Voice(words, words.lower(), kind)
    )


def _pair(reading: Reading, head: Sequence[str]) -> str | None:
    """The two countries that `both sides` are, where an article joins no others by `and`."""
    if not {"both", "two"} & {word.lower() for word in head[:-1]}:
        return None
    pairs: dict[frozenset[str], str] = {}
    for part in reading.parts:
        for match in _JOINED.finditer(part.clause.masked):
            stems = frozenset(words_.stem(match[name].replace(".", "")) for name in ("one", "other"))
            if all(words_.is_country(stem) for stem in stems):
                pairs.setdefault(stems, match.group())
    return next(iter(pairs.values())) if len(pairs) == 1 else None


def _head(whole: Sequence[str]) -> list[str]:
    """The words of a phrase before its first preposition, but for `a number of senators`."""
    if len(whole) > 1 and whole[-1].islower() and lex.is_role(whole[-1]) and whole[-2][0].isupper():
        return list(whole)  # `a Department of State spokesperson`
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
    named = all(word[0].isupper() or word.lower() in lex.PARTICLES for word in names)
    return names if names and named and not lex.is_role(names[-1]) else []


def _is_common(reading: Reading, word: str) -> bool:
    """Whether the first word of a sentence may be a common noun: it stands nowhere else with a capital."""
    return word not in reading.capitals and not word.isupper() and not words_.is_country(words_.stem(word))


def _common(words: str, word: str) -> Voice:
    low = word.lower()
    return Voice(words, low, "plural" if _is_people(low) else "body" if lex.is_speaker(low) else "thing")


def _kind(head: Sequence[str]) -> Kind:
    last = head[-1].lower()
    if "and" in head or _is_people(last) or head[0].lower() in {"both", "two"}:
        return "plural"
    if lex.is_role(last):
        return "person"
    return "body" if lex.is_body(last) or lex.is_document(last) else "unknown"


def _after_title(head: Sequence[str]) -> Sequence[str]:
    """The name that ends a phrase, right after a title: `House of Commons Speaker Lee Hall`; nothing where there is none."""
    for k in range(len(head) - 2, -1, -1):
        after = head[k + 1 :]
        if not all(word[0].isupper() or word.lower() in lex.PARTICLES for word in after):
            return ()
        if lex.is_title(head[k]) and not lex.is_role(after[-1]) and not lex.is_body(after[-1]):
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
    if found["owner"].split()[-1].lower() in lex.TIMES:
        return None
    return voice_of(reading, part, Phrase(subject.start, end, end))


def _named(reading: Reading, part: Part, words: str, head: Sequence[str], core: tuple[str, ...]) -> Voice:
    if any(word == "and" and head[k - 1][0].isupper() for k, word in enumerate(head) if k):
        return Voice(words, words.lower(), "plural")
    short = " ".join(core)
    if short in reading.long_forms:
        return Voice(reading.long_forms[short], short, "body")
    if len(core) == 1 and lex.is_body(core[0]):
        return _short_role(reading, part, words, head, "body")
    if len(core) == _OFFICE_WORDS and lex.is_body(core[-1]) and (full := _full_office(reading, core)):
        return Voice(full, short, "body")
    same = bearer(reading, part, head, core)
    best = max((m.words for m in same), key=len, default="")
    known = max((m.core for m in same), key=len, default=core)
    person = (is_person(known, words) and head[0].lower() != "the") or any(
        lex.is_role(w.lower()) for w in (head[:-1] if head[-1][0].isupper() else head)
    )
    kind: Kind = "person" if person and (len(known) > 1 or same) else "unknown" if person else "body"
    chosen = best if len(best) > len(words) else words
    return Voice(chosen, " ".join(known), kind)


def _short_role(reading: Reading, part: Part, words: str, head: Sequence[str], kind: Kind) -> Voice:
    """`the minister`, `the ministry`: whoever alone was introduced with that noun before, or spoke last with it; else as it stands."""
    noun = head[-1].lower()
    plain = Voice(words, words.lower(), kind)
    if len(head) > _ROLE_WORDS or head[0].lower() not in {"the", "this", "that"} or kind == "plural":
        return plain
    asked = [word.lower() for word in head[1:]]
    spoken = [
        voice
        for at, voice in reading.spoken
        if at < part.span.start and voice.kind == kind and _has(voice.words, asked)
    ]
    if spoken and (len({voice.key for voice in spoken}) == 1 or kind == "person"):
        recent = [voice for at, voice in reading.spoken if at < part.span.start][-2:]
        return spoken[-1] if len({voice.key for voice in spoken}) == 1 or spoken[-1] in recent else plain
    if kind == "body":
        return document_owner(reading, part, noun) or _full_body(reading, part, noun, len(head)) or plain
    people = (
        [m for m in reading.mentions if m.at < part.span.start and _has(m.words, asked)] if kind == "person" else []
    )
    if len({m.core[-1] for m in people}) == 1 and noun not in {"person", "man", "woman"}:
        best = max(people, key=lambda m: len(m.words))
        return Voice(best.words, best.core[-1], "person")
    return plain


def _full_body(reading: Reading, part: Part, noun: str, size: int) -> Voice | None:
    """The one body of an article that `the embassy` can be (`the US embassy in Paris`); nothing where there are two, or for a word of many."""
    if size != len(("the", noun)) or not lex.is_body(noun) or noun in lex.MANY_BODIES:
        return None
    found = [(p, at) for p in reading.parts for at, t in enumerate(p.clause.tokens) if t.low == noun]
    named = [(p, full) for p, at in found if (full := _with_name(p.clause, at))]
    if len({full.lower() for _, full in named}) != 1 or named[0][0].span.start >= part.span.start:
        return None
    full = named[0][1]
    return Voice(full, full.lower(), "body")


def _with_name(clause: Clause, at: int) -> str:
    """A noun with the names before it, the determiner left out: `US embassy`; empty where there is none."""
    first = at
    while first and clause.tokens[first - 1].capital and clause.low(first - 1) not in lex.SENTENCE_STARTS:
        first -= 1
    return clause.masked[clause.tokens[first].start : clause.tokens[at].end] if first < at else ""


def _full_office(reading: Reading, core: tuple[str, ...]) -> str | None:
    """The one fuller name of an office that `the Foreign Office` can be (`Norwegian Foreign Office`, `Norwegian Department of State`)."""
    name, noun = (re.escape(word) for word in core)
    pattern = re.compile(rf"\b((?:[A-Z][\w.]*\s)+)((?i:{name}\s{noun}|{noun}\sof\s{name}))\b")
    found: set[str] = set()
    for part in reading.parts:
        if all(word in part.text.lower() for word in core):
            for match in pattern.finditer(part.clause.masked):
                before = [word for word in match[1].split() if word.lower() not in lex.SENTENCE_STARTS]
                found |= {" ".join([*before, match[2]])} if before else set()
    return found.pop() if len(found) == 1 else None


def document_owner(reading: Reading, part: Part, noun: str) -> Voice | None:
    """Who published what `the report` is, where one of the sentences before says so of one such document alone."""
    if not lex.is_document(noun):
        return None
    alike = lex.JOURNALISM if noun in lex.JOURNALISM else {noun}
    owners: dict[str, Voice] = {}
    for before in reading.parts:
        if before.span.start >= part.span.start or part.span.start - before.span.end > _DOCUMENT_CHARS:
            continue
        clause = before.clause
        for at, token in enumerate(clause.tokens):
            if token.low not in lex.PUBLISHED or not clause.gives(at, alike):
                continue
            leading = clause.phrase_back(at - 1)
            voice = voice_of(reading, before, leading) if leading and clause.can_speak(leading) else None
            if voice is None or voice.key in lex.PRONOUNS:
                return None
            owners[voice.key] = voice
    return next(iter(owners.values())) if len(owners) == 1 else None


def _has(description: str, asked: Sequence[str]) -> bool:
    """Whether a description holds the words of a role; a minister of something may be its secretary."""
    words = set(re.findall(r"[\w-]+", description.lower()))
    if len(asked) > 1 and _MINISTERS & words:
        words |= _MINISTERS
    return words.issuperset(asked) and len(words) > len(asked)
