"""A question that asks several things, cut into questions that can be asked alone. In doubt it stays whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rag import words

MAX_PIECES = 4
"""How many pieces a question has at most; the last one keeps what is left."""

_ASKS = "who|whom|whose|what|when|where|why|how|which"
_AUXILIARIES = "do|does|did|is|are|was|were|has|have|had|can|could|will|would|should|shall|may|might|must"
_PERSONAL = "it|they|he|she|there|this|that|these|those|you|we|i"
_PREPOSITIONS = "in|on|at|to|from|for|by|with|of|under|since|until|through|about|after|before|into|during|over"
_DETERMINER = "the|a|an|this|that|these|those|its|their|his|her|any|all|both|some|each|every"
_AUXILIARY = re.compile(rf"(?:{_AUXILIARIES})(?:n['’]t)?", re.IGNORECASE)
_LEAD = re.compile(rf"(?:(?:{_PREPOSITIONS})\s+)?(?P<ask>{_ASKS})\b", re.IGNORECASE)
_JOINT = re.compile(
    rf"(?P<comma>\s*,\s*)?(?P<and>(?<=\s)and\s+(?:also\s+)?|;\s*(?:and\s+)?)?"
    rf"(?=(?P<lead>(?:(?:{_PREPOSITIONS})\s+)?(?:{_ASKS})\b|(?:{_AUXILIARIES})\s+(?:{_PERSONAL})\b))"
)
_QUOTED = re.compile(r"[“\"][^”\"]*[”\"]|(?<!\w)['‘][^'’]*['’](?!\w)|\([^)]*\)")
_ENDS = re.compile(r"\?+[\s)]*(?:(?:and|but|also|or)\s+(?=\w))?", re.IGNORECASE)
_ALONE = re.compile(r"(?:when|where|why|how)\W*", re.IGNORECASE)
# What a clause that is whole does not end with: the words that it shares with the next clause would be lost.
_OPEN_END = re.compile(
    rf"\b(?:{_ASKS}|{_DETERMINER}|{_AUXILIARIES}|most|least|\w{{3,}}est|more|less|fewer|first|last|and|or|not)$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\b(?:between|both|either|whether)\b(?!.*\b(?:and|or)\b)", re.IGNORECASE)
_FINITE = re.compile(
    rf"\b(?:{_AUXILIARIES}|\w{{2,}}ed|won|lost|led|left|held|met|made|took|got|paid|became|went|came|began|said|told|fell|rose|wrote"
    r"|gave|found|built|sold|bought|sent|spoke|ran|flew|drew|broke|chose|grew|knew|saw|hit|shot|fought|died|to)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(rf"\b(?:{_ASKS})\b", re.IGNORECASE)
_STARTS_NOUN = re.compile(rf"{_PERSONAL}|{_DETERMINER}", re.IGNORECASE)
_HAPPENS = re.compile(r"happen(?:s|ed)|caused?s?|changed?s?", re.IGNORECASE)
_ADVERBS = frozenset({"when", "where", "why"})
_SUBJECTS = frozenset({"who", "what"})
_PEOPLE = frozenset({"he", "she", "him", "her", "his"})
_MANY = frozenset({"they", "them", "their"})
_PRONOUN = re.compile(
    r"\b(?P<owner>its|their|his|her(?=\s+[a-z]+))\b|\b(?P<person>he|she|him|her)\b|\b(?:it|they|them|there(?!\s+(?:a|an|any|no)\b)|this|that)\b",
    re.IGNORECASE,
)
_FUSED = re.compile(r"\b(?:this|that|these|those)\s+(?=[a-z])", re.IGNORECASE)
_PARTICIPLE = re.compile(
    r"\w+[^e]ed|built|held|made|born|known|founded|written|sold|bought|taken|given|found|begun|won|lost|led|sent|shot|hit|set|put|cut|cast|paid"
    r"|said|told|shown|seen|chosen|drawn|broken|struck|sunk|spoken|thrown|hidden|driven|grown|done",
    re.IGNORECASE,
)
_FIRST_OR_SECOND = re.compile(r"i|we|you", re.IGNORECASE)
_DO = re.compile(r"do|does|did", re.IGNORECASE)
_LAST_NOUNS = re.compile(r".*\b(?P<nouns>(?:the|a|an) .+)", re.IGNORECASE)
_PLURAL = re.compile(r"\w{3,}[^s]s")
_SHORT_CONTENT = 2
_SHORT_PHRASE = 3
_NOUN_AND_VERB = 2


class Piece(NamedTuple):
    """One thing that a question asks: as it was written, and in words that can be searched alone."""

    asked: str
    text: str


class _Subject(NamedTuple):
    """What the first piece is about: its topic (`the talks`), what it says of who is asked for (`chaired the talks`), its names."""

    topic: str
    predicate: str
    names: str


def split(question: str) -> tuple[Piece, ...]:
    """The things that a question asks, at most `MAX_PIECES`, in order; one piece, the question, when it asks one thing.

    It is cut after a question mark, and at `and` before a clause that is a question by its form (`and where were they held`, `and why`),
    never at an `and` inside a question (`What did A and B sign?`, `How and why did it end?`), between words that share the rest of the
    clause, or inside quotation marks. In `Piece.text` a pronoun of a later piece stands for what the first piece is about.
    """
    asked = [piece for sentence in _sentences(question.strip()) for piece in _clauses(sentence)]
    if len(asked) < 2:  # noqa: PLR2004 - one question
        return (Piece(question, question),)
    if len(asked) > MAX_PIECES:
        rest = asked[MAX_PIECES - 1 :]
        asked = [*asked[: MAX_PIECES - 1], " ".join(rest) if rest[0].endswith("?") else " and ".join(rest)]
    first = _subject(asked[0])
    return (
        Piece(asked[0], _with_setting(asked[0], asked[-1])),
        *(Piece(piece, _alone(piece, asked[0], first)) for piece in asked[1:]),
    )


def _sentences(question: str) -> list[str]:
    """The question cut after question marks, where what follows is a question of its own."""
    found: list[str] = []
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    at = 0
    for end in _ENDS.finditer(question):
        if any(start < end.start() < stop for start, stop in quoted):
            continue
        rest = question[end.end() :]
        if not rest.strip() or (_is_asked(rest.partition("?")[0]) and _is_asked(question[at : end.start()])):
            found.append(question[at : end.start()].strip() + "?")
            at = end.end()
    if question[at:].strip():
        found.append(question[at:].strip())
    return found


def _is_asked(sentence: str) -> bool:
    """Whether a sentence starts as a question does, or asks further on (`the bridge has how many lanes`)."""
    clause = re.split(r"[.!]\s+", sentence.strip())[-1]
    lead = _LEAD.search(clause)
    tokens = clause.split()
    return len(tokens) > 1 and (lead is not None or _AUXILIARY.fullmatch(tokens[0]) is not None)


def _clauses(sentence: str) -> list[str]:
    """A sentence cut before each further clause that is a question; at a comma alone only when an `and` follows."""
    quoted = [match.span() for match in _QUOTED.finditer(sentence)]
    cuts: list[tuple[int, int]] = []  # where a clause ends, and where the next one starts
    commas: list[tuple[int, int]] = []
    at = 0
    for joint in _JOINT.finditer(sentence):
        if not joint.group() or any(start < joint.start() < stop for start, stop in quoted):
            continue
        left = sentence[at : joint.start()].strip(" ,;")
        right = sentence[joint.end() :]
        if not (_is_whole(left) and _is_question(right, left)):
            continue
        if joint["and"]:
            cuts += [*commas, (joint.start(), joint.end())]
            commas = []
        else:
            commas.append((joint.start(), joint.end()))
        at = joint.end()
    starts = [0, *(start for _, start in cuts)]
    ends = [*(end for end, _ in cuts), len(sentence)]
    return [sentence[start:end].strip(" ,;") for start, end in zip(starts, ends, strict=True)]


def _is_whole(left: str) -> bool:
    """Whether the words before a joint are a question that lacks nothing."""
    clause = re.split(r"[.!]\s+", left)[-1]
    tokens = clause.split()
    lead = _LEAD.match(clause)
    if len(tokens) < 2 or _OPEN_END.search(clause) or _BETWEEN.search(clause):  # noqa: PLR2004 - an asking word and a verb
        return False
    if lead is None:
        return _AUXILIARY.fullmatch(tokens[0]) is not None
    after = clause[lead.end() :].split()
    if lead["ask"].casefold() in _ADVERBS:  # `When talks end, who …` is no question
        return bool(after) and _AUXILIARY.fullmatch(after[0]) is not None
    return lead["ask"].casefold() in _SUBJECTS or _FINITE.search(" ".join(after)) is not None


def _is_question(right: str, left: str) -> bool:
    """Whether the words after a joint are a question, not a relative clause or a thing asked for in the same clause."""
    if _ALONE.fullmatch(right):
        return True
    lead = _LEAD.match(right)
    if lead is None:
        return True  # an auxiliary and a pronoun
    ask, after = lead["ask"].casefold(), right[lead.end() :].rstrip("? ").split()
    if not after:
        return False
    inverted = _AUXILIARY.fullmatch(after[0]) is not None and len(after) > 1
    if len(_ASKING.findall(left)) > 1:
        # `the man who led and who was fired`, `about who won and what was decided`: only a subject after the verb tells a question.
        return inverted and _STARTS_NOUN.fullmatch(after[1]) is not None
    return inverted or _asks_for_subject(ask, after)


def _asks_for_subject(ask: str, after: Sequence[str]) -> bool:
    """Whether words after an asking word are its verb, or its noun and a verb: `who paid`, `what happened`, `which city won`."""
    if ask in _ADVERBS or _STARTS_NOUN.fullmatch(after[0]):
        return False
    return (
        ask == "who"
        or (ask == "what" and _HAPPENS.fullmatch(after[0]) is not None)
        or _FINITE.search(" ".join(after[1:])) is not None
    )


def _subject(piece: str) -> _Subject:
    """What a piece is about, by the order of its words: after the verb of a subject question, else after the auxiliary."""
    clause = re.split(r"[.!]\s+", piece)[-1].rstrip("? ")
    lead = _LEAD.match(clause)
    rest = clause[lead.end() :].split() if lead else clause.split()
    names = _names(clause)
    auxiliary = next((number for number, word in enumerate(rest) if _AUXILIARY.fullmatch(word)), None)
    later = _LEAD.search(clause) if lead is None and auxiliary != 0 else None
    if later:  # `the bridge has how many lanes`
        before = clause[: later.start()].split()
        return _Subject(" ".join(before[:-1] if _AUXILIARY.fullmatch(before[-1]) else before), clause, names)
    if auxiliary is not None:
        topic = _noun_phrase(rest[auxiliary + 1 :], do=_DO.fullmatch(rest[auxiliary]) is not None)
    elif lead and lead["ask"].casefold() in _SUBJECTS:  # `who chaired the talks`
        topic = " ".join(rest[1:])
    else:
        topic = _last_nouns(" ".join(rest))
    predicate = " ".join(rest if auxiliary is None or lead is None else rest[auxiliary + 1 :])
    return _Subject(topic or _last_nouns(predicate), predicate if auxiliary is None else topic or predicate, names)


def _last_nouns(clause: str) -> str:
    """The words from the last article on, or none."""
    found = _LAST_NOUNS.fullmatch(clause.rstrip("? "))
    return found["nouns"] if found else ""


def _noun_phrase(tokens: list[str], *, do: bool) -> str:
    """The noun phrase that some words start with, without the participle or, after `do`, the infinitive that follows, as far as it shows."""
    if not tokens or _PRONOUN.fullmatch(tokens[0]) or _FIRST_OR_SECOND.fullmatch(tokens[0]):
        return ""
    first = 1 if re.fullmatch(_DETERMINER, tokens[0], re.IGNORECASE) else 0
    if not do:
        stop = next((n for n, word in enumerate(tokens) if n >= 2 * first and _PARTICIPLE.fullmatch(word)), len(tokens))
        return " ".join(tokens[:stop]).rstrip(",")
    end = first
    while end < len(tokens) and tokens[end][:1].isupper():
        end += 1
    plural = next((n for n, word in enumerate(tokens[end:], end) if _PLURAL.fullmatch(word)), None)
    if plural is not None and plural - end < _SHORT_PHRASE:  # an infinitive does not end in one s
        end = plural + 1
    elif end > first:  # `the Orlen bridge open`: of two small words the first is still the name's
        end += len(tokens) == end + _NOUN_AND_VERB and tokens[-1].islower()
    else:
        end = len(tokens) - 1 if len(tokens) <= first + _SHORT_PHRASE else len(tokens)
    return " ".join(tokens[: max(end, first + 1)])


def _names(clause: str) -> str:
    """The capitalised words of a clause, but for its first."""
    found = words.words(clause)[1:]
    return " ".join(word.surface for word in found if word.surface[0].isupper() and words.is_content(word))


def _with_setting(first: str, last: str) -> str:
    """A first piece that has only its verb, with the last piece's last noun: `who was killed and how many were hurt in the attack`."""
    content = words.content_words(first)
    if len(content) != 1 or not _PARTICIPLE.fullmatch(content[0].surface):
        return first
    return f"{first.rstrip('? ')} {_last_nouns(last)}".strip()


def _alone(piece: str, whole: str, first: _Subject) -> str:
    """A later piece in words that can be searched alone."""
    bare = piece.rstrip("? ")
    if _ALONE.fullmatch(piece):
        lead = _LEAD.match(whole)
        return f"{bare} {whole[lead.end() if lead else 0 :].strip()}"
    pronoun = _PRONOUN.search(_FUSED.sub(lambda found: "_" * len(found.group()), piece))
    # A possessive after a noun of its own clause (`the leaders reach their consensus`) is that noun's.
    if pronoun and not (pronoun["owner"] and words.content_words(piece[: pronoun.start()])):
        return _replaced(piece, pronoun, whole, first)
    named = _names(piece)
    if not named and len(words.content_words(piece)) <= _SHORT_CONTENT:
        more = first.topic or first.names
        return f"{bare} {more}" if more else piece
    return f"{bare} {first.names}" if not named and first.names else piece


def _replaced(piece: str, pronoun: re.Match[str], whole: str, first: _Subject) -> str:
    bare = piece.rstrip("? ")
    token = pronoun.group().casefold()
    topic = first.topic
    one_topic = not _PLURAL.search(topic)
    if (
        (token in _PEOPLE or (token in _MANY and one_topic))
        and re.match(r"who\b", whole, re.IGNORECASE)
        and first.predicate != topic
    ):
        return f"{bare} who {first.predicate}"  # `he` is who chaired the talks, not the talks
    if token in _MANY and topic and topic in first.names and topic != first.names:
        topic = first.names
    if not topic:
        content = words.content_words(first.predicate)
        return f"{bare} {first.predicate}" if len(content) >= _SHORT_CONTENT else piece
    return f"{piece[: pronoun.start()]}{topic}{chr(39) + 's' if pronoun['owner'] else ''}{piece[pronoun.end() :]}"
