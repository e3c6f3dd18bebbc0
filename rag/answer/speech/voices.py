"""Who said it, over a whole article: names and roles followed back to their introduction, pronouns and quotations to their speaker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import Rank
from rag.answer.speech.mentions import long_forms, mentions_in
from rag.answer.speech.naming import owner, voice_of
from rag.answer.speech.pronouns import learn_pronouns, referent
from rag.answer.speech.reading import Attribution, Mention, Part, Reading, Voice
from rag.answer.speech.saying import Clause, Saying
from rag.answer.speech.tokens import mask
from rag.sentences import split
from rag.types import Article, Span

__all__ = ["Attribution", "attribution", "attributions"]

_OPENS = ("“", '"', "«")
_TURN = re.compile(r"\(\((?P<who>[^()]{1,40})\)\)")
_FEWEST_TURNS = 4
_FEW_INITIALS = 2
_CACHED = 32
_SUBJECT_FORM = {"him": "he", "her": "she", "them": "they"}
_LONG_QUOTATION = 6
_TAG_WORDS = 10

_cache: dict[tuple[str, int], list[tuple[Span, Attribution | None]]] = {}


def attribution(article: Article, span: Span) -> Attribution | None:
    """Who says a sentence of an article, or the adjacent sentences of a span; None where that is not certain, or where they differ.

    Args:
        article: the article; each is read once and remembered.
        span: the offsets of one or more sentences in its text.
    """
    inside = [found for where, found in attributions(article) if where.start < span.end and span.start < where.end]
    speakers = {found.speaker for found in inside if found}
    return next(found for found in inside if found) if len(speakers) == 1 else None


def attributions(article: Article) -> list[tuple[Span, Attribution | None]]:
    """Every sentence of an article's story, in order, with its attribution where there is one."""
    key = (article.id, hash(article.text))
    if key not in _cache:
        while len(_cache) >= _CACHED:
            del _cache[next(iter(_cache))]
        _cache[key] = [(part.span, part.found) for part in _read(article).parts]
    return _cache[key]


def _read(article: Article) -> Reading:
    reading = Reading(_parts(article), article.title)
    for part in reading.parts:
        reading.mentions += mentions_in(part)
        reading.long_forms |= long_forms(part)
        reading.capitals |= {token.text for token in part.clause.tokens[1:] if token.capital}
    learn_pronouns(reading)
    turns = _turns(reading.parts, article.title)
    for number, part in enumerate(reading.parts):
        turn = turns[number]
        if turn is None:
            _attribute(reading, number, part)
        elif turn.who and not (turn.asks and part.clause.sayings()):  # In `Did you know X said …?` two speak.
            part.found = Attribution(turn.who, "")
    _carry_quotations(reading.parts)
    return reading


# Sentences and quotations


def _parts(article: Article) -> list[Part]:
    parts: list[Part] = []
    before: int | None = None
    is_open = False
    for story in article.story:
        for sentence in split(article.text, story):
            text = article.text[sentence.start : sentence.end]
            first = before is None or "\n" in article.text[before : sentence.start]
            opens = text.startswith(_OPENS)
            if first and is_open:
                # A quotation goes on where its next paragraph opens with a mark again, or closes one it never opened.
                inside = not opens and text.count("”") > text.count("“")
                continues = opens or inside
            else:
                inside, continues = is_open, False
            stays = _left_open(text, inside=inside)
            part = Part(
                Span(sentence.start, sentence.end),
                text,
                Clause(mask(text, inside=inside)),
                first,
                continues,
                inside,
                stays,
            )
            if not sentence.quotable:
                part.clause = Clause("")
            parts.append(part)
            before, is_open = sentence.end, stays
    return parts


class _Turn(NamedTuple):
    """Who has the turn in a printed interview, empty where its label does not tell; and whether it is the one who asks."""

    who: str
    asks: bool


def _turns(parts: Sequence[Part], title: str) -> list[_Turn | None]:
    """Whose turn each sentence of a printed interview is; None outside of one."""
    labels = [_TURN.match(part.text) if part.first else None for part in parts]
    if sum(label is not None for label in labels) < _FEWEST_TURNS:
        return [None] * len(parts)
    answering = {label["who"] for label in labels if label and label["who"].istitle()}
    turns: list[_Turn | None] = []
    turn: _Turn | None = None
    for part, label in zip(parts, labels, strict=True):
        if label:
            asks = label["who"].isupper()
            who = _asker(parts, title, label["who"], answering) if asks else label["who"]
            turn = _Turn(who if answering else "", asks)
        elif turn and turn.asks and part.first:
            turn = _Turn("", asks=True)  # Questions are of one paragraph; whose the next is, nothing says.
        turns.append(turn)
    return turns


def _asker(parts: Sequence[Part], title: str, label: str, answering: AbstractSet[str]) -> str:
    """The name that an interviewer's initials stand for, the interviewed left out; the initials where there is not one such name."""
    # A name in one word, whose initials are those of its parts (`Newswire`, NW), or in three and more: two initials are many people's.
    if len(label) > _FEW_INITIALS:
        pattern, texts = r"\s".join(rf"{letter}[\w.-]*" for letter in label), [part.text for part in parts]
    else:
        pattern, texts = label[0] + "".join(rf"[a-z]+{letter.lower()}" for letter in label[1:]) + "[a-z]*", [title]
    found = {match.group() for text in texts for match in re.finditer(rf"\b{pattern}\b", text)} - answering
    return found.pop() if len(found) == 1 else label


def _left_open(text: str, *, inside: bool) -> bool:
    curly = text.count("“") - text.count("”") + (1 if inside and "”" in text else 0)
    if "“" in text or "”" in text:
        return curly > 0
    if '"' in text:
        return (text.count('"') % 2 == 1) != inside
    return inside


def _quoted_words(part: Part) -> int:
    return sum(len(part.text[t.start : t.end].split()) for t in part.clause.tokens if t.kind == "quote")


def _is_bare(part: Part) -> bool:
    """Whether a sentence is a quotation and nothing else."""
    rest = [t for t in part.clause.tokens if t.kind != "quote"]
    return _quoted_words(part) > 0 and not any(t.kind == "word" for t in rest)


def _carry_quotations(parts: Sequence[Part]) -> None:
    """Gives quotations that run over several sentences or paragraphs, and bare ones after an attributed one, their speaker."""
    chains: list[list[Part]] = []
    for number, part in enumerate(parts):
        if number and (part.inside or part.opens) and parts[number - 1].stays_open:
            chains[-1].append(part)
        else:
            chains.append([part])
    last: list[Part] | None = None
    for number, chain in enumerate(chains):
        known = next((part.found for part in chain if part.found), None)
        if known:
            for part in chain:
                part.found = part.found or known
        elif last and (source := _source(last, chain[0])):
            for part in chain:
                part.found = source
        elif _is_bare(chain[0]) and number + 1 < len(chains) and (after := _tag(chains[number + 1][0])):
            for part in chain:
                part.found = after
        last = chain


def _source(last: Sequence[Part], bare: Part) -> Attribution | None:
    """The speaker of a bare quotation: of the one just before it; in the same paragraph, of any speech just before it."""
    before = last[-1]
    if before.found is None or not bare.text.startswith(_OPENS) or (bare.first and not _quoted_words(before)):
        return None
    opening = bare.clause.tokens[0] if bare.clause.tokens else None
    long = opening is not None and opening.kind == "quote" and len(bare.text[: opening.end].split()) >= _LONG_QUOTATION
    goes_on = long and bool(_quoted_words(before)) and not bare.first
    return before.found if _is_bare(bare) or goes_on else None


def _tag(after: Part) -> Attribution | None:
    """The attribution of a sentence that does nothing but name the speaker of the quotation before it (`“Stop!” Velling told the crew`)."""
    if after.first or _quoted_words(after) or len(after.text.split()) > _TAG_WORDS:
        return None
    return after.found


def _attribute(reading: Reading, number: int, part: Part) -> None:
    """Finds who says a sentence, and whom it is about, which the pronouns after it go back to."""
    sayings = part.clause.sayings()
    leading = part.clause.leading()
    if leading:
        phrase = leading[0]
        low = part.clause.masked[phrase.start : phrase.end].lower()
        if low in lex.PRONOUNS:
            part.pronoun = low
            part.focus = referent(reading, number, low, phrase.start)
        else:
            able = part.clause.can_speak(phrase)
            part.focus = (able and voice_of(reading, part, phrase)) or owner(reading, part, phrase)
    part.topic = part.focus
    found = next(iter(sayings), None)
    voice = _speaker(reading, number, part, found) if found else None
    if found and voice is None:
        # A pronoun in the middle of a speech: whoever else says something in the sentence.
        others = [saying for saying in sayings if saying.rank <= Rank.MAIN and saying is not found]
        voice = next((voice for other in others if (voice := _speaker(reading, number, part, other))), None)
    if found is None or voice is None:
        return
    saying = found
    part.voice = voice
    part.told = saying.at
    part.found = Attribution(_tidy(voice.words), saying.verb, saying.addressee)
    part.focus = voice
    if voice.kind == "person":
        name = tuple(voice.key.split())
        if not lex.SENTENCE_STARTS.intersection(name):
            reading.mentions.append(Mention(name, voice.words, part.span.start + saying.subject.start))
    reading.spoken.append((part.span.start, voice))


def _speaker(reading: Reading, number: int, part: Part, saying: Saying) -> Voice | None:
    """Whom an attribution names, a pronoun followed back; None for what is reported within another's words."""
    if saying.rank >= Rank.REPORTED:
        return None
    low = part.clause.masked[saying.subject.start : saying.subject.head_end].lower()
    low = _SUBJECT_FORM.get(low, low)
    if low in lex.PRONOUNS:
        return referent(reading, number, low, saying.subject.start)
    voice = voice_of(reading, part, saying.subject)
    if voice and voice.kind == "thing" and part.clause.low(saying.at + 1) in lex.PREPOSITIONS:
        return None  # `Cracks reported in May were repaired`
    return voice


def _tidy(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip(" ,")
