"""The words of one sentence, as the search for its speaker reads them.

Quotations are masked before the words are read, so that nothing inside one is taken for the writer's own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import VERBS

_QUOTATION = re.compile(
    r"“[^”]*(?:”|\Z)|«[^»]*(?:»|\Z)|\"[^\"]*(?:\"|\Z)|(?<![\w’'])‘[^’]*(?:’(?!\w)[^‘’]*)*?(?:’(?!\w)|\Z)"
)
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_TOKEN = re.compile(
    r"(?P<quote>“_*”?)|(?P<word>(?:[^\W\d_]\.){2,}|(?:Dr|Mrs?|Ms|Gen|Sen|Rep|Gov|Lt|Col|Sgt|Capt|Rev|Hon|Prof|St|Jr|Sr|Inc|Corp|Ltd|Co)\.(?= )"
    r"|[^\W\d_]\.(?= [^\W\d_])|\d+(?:,\d{3})+|\w+(?:[-–’'./&]\w+)*(?:(?<=s)[’'](?= ))?|&)|(?P<stop>[^\w\s])"
)
_PREFIXED = re.compile(r"[a-z]{1,3}[-'’][A-ZÀ-Þ]")
_SCARE_WORDS = 3


class Token(NamedTuple):
    """A word, a masked quotation or a stop of a sentence: `low` in small letters, `capital` where it is written as a name."""

    text: str
    start: int
    end: int
    kind: str
    low: str
    capital: bool


class Phrase(NamedTuple):
    """A noun phrase: its offsets in the sentence, and where its head phrase ends, before any apposition."""

    start: int
    end: int
    head_end: int


def mask(text: str, *, inside: bool = False) -> str:
    """The text with each quotation replaced by a mask of the same length; scare quotes of a few words keep their words.

    Args:
        text: a sentence.
        inside: whether it begins inside a quotation that was opened before it.
    """
    head = ""
    if inside:
        closing = re.search('[”»"]', text)
        cut = closing.end() if closing else len(text)
        head, text = "“" + "_" * (cut - 2) + "”" if cut > 1 else "”" * cut, text[cut:]
    masked = _QUOTATION.sub(_mask_one, text)
    return head + _ASIDE.sub(lambda aside: " " * len(aside.group()), masked)


def _mask_one(found: re.Match[str]) -> str:
    words = found.group()
    inner = words[1:-1]
    if (
        found.start()
        and len(inner.split()) <= _SCARE_WORDS
        and not re.search(r"[,.!?…]$", inner)
        and words[-1] in '”»"’'
        and len(words) > 1
    ):
        return f" {inner} "
    return "“" + "_" * (len(words) - 2) + "”" if len(words) > 1 else "“"


def tokens(masked: str) -> list[Token]:
    """The words, masked quotations and stops of a masked sentence."""
    return [_token(found) for found in _TOKEN.finditer(masked)]


def _token(found: re.Match[str]) -> Token:
    text, kind = found.group(), found.lastgroup or "stop"
    capital = kind == "word" and (text[0].isupper() or _PREFIXED.match(text) is not None)
    return Token(text, found.start(), found.end(), kind, text.lower().replace("’", "'"), capital)


class Words:
    """A tokenised sentence, asked about its words: what is a name, a time, a finite verb, and what can speak."""

    def __init__(self, masked: str) -> None:
        self.masked = masked
        self.tokens = tokens(masked)
        self.size = len(self.tokens)
        self._lows = [token.low for token in self.tokens]
        self._capitals = [token.capital for token in self.tokens]

    def low(self, at: int) -> str:
        """The token at an index in small letters, empty outside of the sentence."""
        return self._lows[at] if 0 <= at < self.size else ""

    def kind(self, at: int) -> str:
        """The kind of a token, `end` outside of the sentence."""
        return self.tokens[at].kind if 0 <= at < self.size else "end"

    def _capital(self, at: int) -> bool:
        return 0 <= at < self.size and self._capitals[at]

    def _finite(self, at: int) -> bool:
        """Whether a word is likely a finite verb."""
        low = self.low(at)
        if self.kind(at) != "word" or self._capital(at):
            return False
        if low in lex.FINITE:
            return True
        if low in VERBS and not VERBS[low].noun and not low.endswith("ing"):
            return self.low(at - 1) not in lex.DETERMINERS
        return low.endswith("ed") and len(low) > len("need") and self.low(at + 1) in lex.OBJECT_STARTS

    def _time(self, at: int) -> bool:
        """Whether a word tells when: `Tuesday`, but not the name in `Marta May`."""
        low = self.low(at)
        if low not in lex.TIMES:
            return False
        if not self._capital(at):
            return True
        if low in lex.MONTH_NAMES:
            return not self._capital(at - 1) or self.low(at - 1) in lex.SENTENCE_STARTS
        return low in lex.DAYS or (at == 0 and low in lex.TIME_ADVERBS)

    def _in_name(self, at: int) -> bool:
        return at > 0 and self._capital(at) and self._capital(at - 1)

    def _is_role(self, first: int, last: int) -> bool:
        return any(lex.is_role(self.low(at)) for at in range(first, min(last, first + 5) + 1))

    def _is_name(self, first: int, last: int) -> bool:
        words = self.tokens[first : last + 1]
        return (
            all(t.capital or t.low in {"de", "van", "von", "bin", "al", "el", "der", "and"} for t in words)
            and words[0].low not in lex.SENTENCE_STARTS
        )

    def _between(self, at: int) -> bool:
        """Whether a word can stand between a subject and its verb: an auxiliary, an adverb, a negation."""
        low = self.low(at)
        if not low or self.kind(at) != "word" or self.tokens[at].capital:
            return False
        return (
            low in lex.AUXILIARIES
            or low in lex.ADVERBS
            or low in lex.NEGATIONS
            or low in lex.MODALS
            or (low.endswith("ly") and low not in lex.NOT_ADVERBS)
            or low.endswith("n't")
        )

    def _participles(self, at: int) -> bool:
        low = self.low(at)
        bare = low.endswith("ing") and not self._capital(at) and low not in lex.NOT_PARTICIPLES
        return bare and self.low(at - 1) not in lex.DETERMINERS

    def _manner(self, at: int) -> bool:
        low = self.low(at)
        return low.endswith("ly") and low not in lex.NOT_ADVERBS and not self._capital(at)

    def _phrase(self, first: int, last: int, head_last: int) -> Phrase | None:
        if first > last or first >= self.size:
            return None
        return Phrase(self.tokens[first].start, self.tokens[last].end, self.tokens[min(head_last, last)].end)

    def _counts(self, at: int) -> bool:
        return self.low(at) == "of" and self.low(at - 1) in lex.QUANTIFIERS

    def _inner(self, phrase: Phrase) -> list[int]:
        """The indices of a phrase's tokens up to its head noun: without what follows a preposition."""
        inner: list[int] = []
        for k, token in enumerate(self.tokens):
            if token.start < phrase.start:
                continue
            if token.end > phrase.head_end or (inner and self._lows[k] in lex.PREPOSITIONS and not self._counts(k)):
                break
            inner.append(k)
        return inner

    def _heads(self, phrase: Phrase, test: Callable[[str], bool]) -> bool:
        inner = self._inner(phrase)
        return bool(inner) and test(self.low(inner[-1]))

    def can_speak(self, phrase: Phrase) -> bool:
        """Whether a phrase can speak: a name, a pronoun, or a noun for people, bodies or documents."""
        inner = self._inner(phrase)
        if not inner:
            return False
        head = inner[-1]
        if self.low(head) in lex.PRONOUNS | lex.PEOPLE_WORDS or lex.is_speaker(self.low(head)):
            return True
        named = self._capital(head) and (head > 0 or len(inner) > 1 or self.low(head) not in lex.SENTENCE_STARTS)
        return named and not self._time(head)
