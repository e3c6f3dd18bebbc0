"""Which of the people who share a surname an article means by it alone; in doubt nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from rag.answer.speech import lexicon as lex
from rag.answer.speech.reading import Mention, Part, Reading

_ALONE = 2
_NEAR_CHARS = 300
_EAST_ASIAN = 3


def is_same(full: tuple[str, ...], core: tuple[str, ...]) -> bool:
    """Whether a fuller name can be the one named: the same words, or the surname, which in East Asian names comes first."""
    if full == core:
        return True
    if len(core) == 1:
        return len(full) > 1 and (full[-1] == core[0] or (len(full) <= _EAST_ASIAN and full[0] == core[0]))
    if len(full) < len(core) or full[-1] != core[-1]:
        return False
    return full[0] == core[0] or full[-len(core) :] == core


def bearer(reading: Reading, part: Part, head: Sequence[str], core: tuple[str, ...]) -> list[Mention]:
    """The mentions, up to a sentence, of the one whom a name means; none where it may be another.

    Where several share a surname, a title tells them apart; else it is the one whom the article called by the surname alone before it
    brought in another, unless it has just named another; else the one who alone has spoken and was named last.

    Args:
        reading: the article.
        part: the sentence.
        head: the words of the phrase that ends with the name.
        core: the name, in small letters.
    """
    same = [m for m in reading.mentions if m.at < part.span.end and is_same(m.core, core)]
    fuller = [m for m in same if len(m.core) > len(core)]
    by_surname = [m for m in fuller if m.core[-len(core) :] == core] or fuller
    if len({_identity(m) for m in by_surname}) <= 1:
        return same
    if any(word.lower() in {"elder", "younger"} for word in head[:-1]):
        return []
    titles = {word.lower() for word in head[:-1]} - {"the"}
    alike = [m for m in same if titles & set(m.words.lower().split())] if titles else []
    if len({_identity(m) for m in alike}) == 1:
        return alike
    last = max((m for m in by_surname if m.at < part.span.start), key=lambda m: m.at, default=None)
    meant = _principal(reading, by_surname, core)
    if meant and last and _identity(last) != meant and _is_recent(reading, part, last):
        return []
    if meant is None and last is not None:
        heard = {voice.key for at, voice in reading.spoken if at < part.span.start}
        spoke = {_identity(m) for m in by_surname if " ".join(m.core) in heard}
        meant = _identity(last) if spoke == {_identity(last)} else None
    return [m for m in by_surname if _identity(m) == meant]


def _identity(mention: Mention) -> tuple[str, str]:
    return mention.core[0], mention.core[-1]


def _principal(reading: Reading, mentions: Sequence[Mention], core: tuple[str, ...]) -> tuple[str, str] | None:
    """Whom the article calls by the surname alone, more than once, before it brings in another who bears it."""
    starts: dict[tuple[str, str], int] = {}
    for mention in sorted(mentions, key=lambda m: m.at):
        starts.setdefault(_identity(mention), mention.at)
    (one, first), (_, second), *_ = starts.items()
    titles = {word.lower() for m in mentions if _identity(m) == one for word in m.words.split() if lex.is_title(word)}
    uses = sum(first < at < second for at in _uses_alone(reading, core, titles))
    headline = re.findall(r"[\w’'-]+", reading.title)
    for at, word in enumerate(headline):
        before = headline[at - 1] if at else ""
        if lex.bare(word) == core[-1] and (not before[:1].isupper() or before.lower() in titles):
            uses += _ALONE
    return one if uses >= _ALONE else None


def _uses_alone(reading: Reading, core: tuple[str, ...], titles: AbstractSet[str]) -> Iterator[int]:
    """The offsets where a surname stands without a first name, or with one of some titles before it."""
    for part in reading.parts:
        if core[-1] not in part.text.lower():
            continue
        tokens = part.clause.tokens
        for at, token in enumerate(tokens[: len(tokens) - len(core) + 1]):
            found = tuple(lex.bare(t.low) for t in tokens[at : at + len(core)])
            before = tokens[at - 1] if at else None
            other = before is not None and (before.capital or lex.is_title(before.text)) and before.low not in titles
            if found == core and token.capital and not other:
                yield part.span.start + token.start


def _is_recent(reading: Reading, part: Part, mention: Mention) -> bool:
    """Whether a name was just read, other than as an owner's (`Lee Hall's boat`)."""
    if part.span.start - mention.at > _NEAR_CHARS:
        return False
    where = next((p for p in reversed(reading.parts) if p.span.start <= mention.at < p.span.end), None)
    if where is None:
        return False
    after = where.text[mention.at - where.span.start :]
    surname = after.lower().find(mention.core[-1])
    return not after[surname + len(mention.core[-1]) :].startswith(("'s", "’s", "' ", "’ "))
