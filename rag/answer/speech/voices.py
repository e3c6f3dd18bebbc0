"""Who said it, over a whole article: names and roles followed back to their introduction, pronouns and quotations to their speaker."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rag.answer.speech import lexicon as lex
from rag.answer.speech.naming import (
    Attribution,
    Mention,
    Part,
    Reading,
    Voice,
    is_person,
    long_forms,
    mentions_in,
    owner,
    plain,
    single_names,
    voice_of,
)
from rag.answer.speech.saying import Clause, Saying
from rag.answer.speech.tokens import mask
from rag.sentences import split
from rag.types import Article, Span

__all__ = ["Attribution", "attribution", "attributions"]

_OPENS = ("“", '"', "«")
_HE = re.compile(r"\b(?:he|his|him|himself)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(?:she|her|hers|herself)\b", re.IGNORECASE)
_TURN = re.compile(r"\(\((?P<who>[^()]{1,40})\)\)")
_FEWEST_TURNS = 4
_CACHED = 32
_BACK = 4
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
    reading = Reading(_parts(article))
    for part in reading.parts:
        reading.mentions += mentions_in(part)
        reading.long_forms |= long_forms(part)
        reading.capitals |= {token.text for token in part.clause.tokens[1:] if token.capital}
    _learn_pronouns(reading)
    turns = _turns(reading.parts)
    for number, part in enumerate(reading.parts):
        if turns[number] is None:
            _attribute(reading, number, part)
        elif turns[number]:
            part.found = Attribution(turns[number] or "", "")
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


def _turns(parts: Sequence[Part]) -> list[str | None]:
    """Who has the turn in a printed interview, for each sentence: a name, empty for the interviewer and after them, None outside of one."""
    labels = [_TURN.match(part.text) if part.first else None for part in parts]
    if sum(label is not None for label in labels) < _FEWEST_TURNS:
        return [None] * len(parts)
    turns: list[str | None] = []
    turn: str | None = None
    for label in labels:
        if label:
            turn = "" if label["who"].isupper() else label["who"]
        turns.append(turn)
    return turns


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


def _learn_pronouns(reading: Reading) -> None:
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


# Who a subject is


# Sentences


def _attribute(reading: Reading, number: int, part: Part) -> None:
    """Finds who says a sentence, and whom it is about, which the pronouns after it go back to."""
    sayings = part.clause.sayings()
    leading = part.clause.leading()
    if leading:
        phrase = leading[0]
        low = part.clause.masked[phrase.start : phrase.end].lower()
        if low in lex.PRONOUNS:
            part.pronoun = low
            part.focus = _referent(reading, number, low, phrase.start)
        else:
            able = part.clause.can_speak(phrase)
            part.focus = (able and voice_of(reading, part, phrase)) or owner(reading, part, phrase)
    part.topic = part.focus
    found = next(iter(sayings), None)
    voice = _speaker(reading, number, part, found) if found else None
    if found and voice is None:
        # A pronoun in the middle of a speech: whoever else says something in the sentence.
        others = [saying for saying in sayings if saying.rank <= lex.Rank.MAIN and saying is not found]
        voice = next((voice for other in others if (voice := _speaker(reading, number, part, other))), None)
    if found is None or voice is None:
        return
    saying = found
    part.voice = voice
    part.found = Attribution(_tidy(voice.words), saying.verb, saying.addressee)
    part.focus = voice
    if voice.kind == "person":
        name = tuple(voice.key.split())
        reading.mentions.append(Mention(name, voice.words, part.span.start + saying.subject.start))
    reading.spoken.append((part.span.start, voice))


def _speaker(reading: Reading, number: int, part: Part, saying: Saying) -> Voice | None:
    """Whom an attribution names, a pronoun followed back; None for what is reported within another's words."""
    if saying.rank >= lex.Rank.REPORTED:
        return None
    low = part.clause.masked[saying.subject.start : saying.subject.head_end].lower()
    low = _SUBJECT_FORM.get(low, low)
    if low in lex.PRONOUNS:
        return _referent(reading, number, low, saying.subject.start)
    voice = voice_of(reading, part, saying.subject)
    if voice and voice.kind == "thing" and part.clause.low(saying.at + 1) in lex.PREPOSITIONS:
        return None  # `Cracks reported in May were repaired`
    return voice


def _tidy(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip(" ,")


def _referent(reading: Reading, number: int, pronoun: str, at: int) -> Voice | None:
    """Whom a pronoun stands for: the subject before it in its sentence, or whom the sentences just before it are about."""
    if pronoun not in {"he", "she", "they", "it"}:
        return None
    for voice in _led_by(reading, reading.parts[number], at):
        if _fits(reading, voice, pronoun):
            return voice
        if voice.kind == "person" and pronoun in {"he", "she"}:
            return None
    breaks = int(reading.parts[number].first)
    for back in reversed(reading.parts[max(0, number - _BACK) : number]):
        meant = next((voice for voice in _candidates(back, pronoun) if _fits(reading, voice, pronoun)), None)
        if meant is not None:
            return meant if _is_clear(reading, back, meant, pronoun) else None
        breaks += back.first
        if breaks > 1 or _others(reading, back, pronoun):
            return None
    return None


def _led_by(reading: Reading, part: Part, at: int) -> list[Voice]:
    """Whoever leads a sentence, where that stands before an offset and is no pronoun."""
    leading = part.clause.leading()
    if leading is None or leading[0].end > at or not part.clause.can_speak(leading[0]):
        return []
    if part.clause.masked[leading[0].start : leading[0].end].lower() in lex.PRONOUNS:
        return []
    voice = voice_of(reading, part, leading[0])
    return [voice] if voice else []


def _candidates(back: Part, pronoun: str) -> list[Voice]:
    """Whom a pronoun in a later sentence can go back to: the speaker, then whom the sentence is about."""
    voices = [voice for voice in dict.fromkeys((back.focus, back.topic)) if voice is not None]
    return [voice for voice in voices if voice is back.voice or pronoun != "they" or voice.kind == "plural"]


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
