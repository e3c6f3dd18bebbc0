"""The people and bodies that a sentence names, with titles before and appositions after them, and what initials stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import VERBS
from rag.answer.speech.reading import Mention, Part
from rag.answer.speech.saying import Clause
from rag.words import is_country, stem

_INITIALS = re.compile(r"\((?P<short>[A-Z][A-Za-z&-]{1,9})\)")
_CAPITAL_RUN = re.compile(r"(?:[A-ZÀ-Þ][\w.’'&-]*(?:\s+(?:of|for|the|and|on|de|in)\b){0,2}\s+){1,9}$")
_LONGEST = 160


def plain(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a name in small letters, without a possessive ending."""
    return tuple(lex.bare(word) for word in words)


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
            tokens[end].capital
            or (tokens[end].low in lex.PARTICLES and end + 1 < clause.size and tokens[end + 1].capital)
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
    first, core = _core(clause, first, last)
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


def _core(clause: Clause, first: int, last: int) -> tuple[int, int]:
    """Where a run of capitals begins, and where its name does after titles and owners; without what is not its own before it."""
    tokens = clause.tokens
    core = first
    for k in range(first, last):
        if lex.is_title(tokens[k].text) or tokens[k].text.endswith(("'s", "’s")):
            core = k + 1
    if core > first:
        return first, core
    if tokens[core].low == "united" and last - core > 2:  # noqa: PLR2004 - `of the United States Lee Hall`
        return core + 2, core + 2
    if last - core > 1 and clause.low(first - 1) == "of" and is_country(stem(tokens[core].low)):
        return core + 1, core + 1  # `First Minister of Scotland Lee Hall`
    return first, core


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
        if (low in VERBS or low.endswith(("ed", "ing", "ly"))) and not lex.is_role(low) and not token.capital:
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
