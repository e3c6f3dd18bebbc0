"""What frames words without being their verb: whom they are said to, sources (`according to`), labels before a quotation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import Rank, Verb
from rag.answer.speech.tokens import Phrase
from rag.answer.speech.verbs import Verbs

_LONG_QUOTE = 30
_ENDS = frozenset(".!?;")


class Saying(NamedTuple):
    """One attribution in a sentence.

    `subject` is None where the verb shares a subject that is not known; `rank` orders several in a sentence, lowest first:
    what closes a quotation frames it, then main clauses, sources, other speech acts, and last relative clauses.
    """

    subject: Phrase
    verb: str
    addressee: str | None
    rank: Rank
    at: int


class Frames(Verbs):
    """A tokenised sentence, asked for the attributions that no verb of saying makes."""

    def _addressee(self, at: int, verb: Verb | None) -> str | None:
        """Whom it is said to: after `told`, `to` or `in an interview with`."""
        start = None
        if (
            verb is not None
            and verb.base in {"tell", "inform", "assure", "remind"}
            and self.tokens[at].text != "telling"
        ):
            start = at + 1
        for k in range(at + 1, min(at + 4, self.size)):
            if start is None and self.low(k) == "to" and (verb is None or verb.base in lex.SAID_TO) and k == at + 1:
                start = k + 1
        if start is None:
            found = re.search(
                r"\b(?:interview|conversation|speaking|spoke|talking) (?:with|to) ", self.masked, re.IGNORECASE
            )
            start = next((k for k in range(self.size) if found and self.tokens[k].start == found.end()), None)
        if (
            start is None
            or self.kind(start) != "word"
            or self.low(start) in lex.PRONOUNS | lex.OBJECT_PRONOUNS | lex.JOINS
        ):
            return None
        last = self.forward(start, most=8) - 1
        if self._finite(last + 1) and last > start:
            last = self._name_end(start, last)
        while last >= start and self.low(last) in lex.PREPOSITIONS | {"and"}:
            last -= 1
        return self.masked[self.tokens[start].start : self.tokens[last].end] if last >= start else None

    def _name_end(self, start: int, last: int) -> int:
        """Where the addressee ends in `told The Jakarta Post radio broadcasts were …`; before the start where it cannot be told."""
        first = start + (self.low(start) in lex.DETERMINERS)
        if self.tokens[first].text.isupper() and len(self.tokens[first].text) > 1:
            return first
        at = first
        while at <= last and self._capital(at):
            at += 1
        if at == first:
            return last if self.low(start) in lex.DETERMINERS else start
        return at - 1 if at <= last else start - 1

    def _sources(self) -> Iterator[Saying]:
        """`according to X`, `as reported by X`, `in the words of X`."""
        for found in lex.SOURCE.finditer(self.masked):
            start = next((k for k in range(self.size) if self.tokens[k].start >= found.end()), None)
            if start is None:
                continue
            phrase = self._published_by(self.phrase_forward(start))
            words = self.masked[phrase.start : phrase.end].lower() if phrase else ""
            if phrase and words not in lex.NOBODY and words not in {"us", "me"}:
                at = next(k for k in range(self.size) if self.tokens[k].end >= found.end() - 1)
                yield Saying(phrase, found["verb"], None, Rank.SOURCE, at)

    def _published_by(self, phrase: Phrase | None) -> Phrase | None:
        """Whose a document is that a source names: `a statement released by X`; the phrase itself where nothing says."""
        if phrase is None or not self._heads(phrase, lex.is_document):
            return phrase
        after = next((k for k in range(self.size) if self.tokens[k].start >= phrase.end), self.size)
        if self.low(after) in lex.PUBLISHED and self.low(after + 1) == "by":
            after += 1
        owner = self.phrase_forward(after + 1) if self.low(after) == "by" else None
        return owner if owner and self.can_speak(owner) else phrase

    def _through_another(self) -> Iterator[Saying]:
        """`Y quoted X as saying …`, `X was quoted as saying …`."""
        for found in lex.QUOTED_AS.finditer(self.masked):
            at = next((k for k in range(self.size) if self.tokens[k].start == found.start("verb")), None)
            quoting = next((k for k in range(self.size) if self.tokens[k].start == found.start("quoting")), None)
            if at is None or quoting is None:
                continue
            if self.low(quoting - 1) in lex.BE:
                left = quoting - 1
                while left >= 0 and self._between(left):
                    left -= 1
                phrase = self.phrase_back(left)
            else:
                phrase = self._phrase(quoting + 1, at - 2, at - 2)
            if phrase:
                yield Saying(phrase, found["verb"], None, Rank.FRAME, at)

    def _labelled(self) -> Iterator[Saying]:
        """A name after a dash at the end, and `X did so: “…”`."""
        last = self.size - 1
        while last >= 0 and self.tokens[last].text in _ENDS:
            last -= 1
        for k in range(1, last + 1):
            if self.kind(k - 1) == "quote" and self.tokens[k].text in {"—", "–", "-"} and self._capital(k + 1):
                phrase = self.phrase_forward(k + 1)
                if phrase and phrase.end >= self.tokens[last].end:
                    yield Saying(phrase, "said", None, Rank.MAIN, k)
            long = self.tokens[k].end - self.tokens[k].start > _LONG_QUOTE and k == last
            if self.kind(k) == "quote" and (self.low(k - 1) == ":" or (self.low(k - 1) == "," and long)):
                found = self.leading()
                if found and found[1] < k and self.can_speak(found[0]) and not lex.is_document(self.low(found[1] - 1)):
                    verb = next(
                        (v for v in range(found[1], k) if self._finite(v) or self.low(v).endswith("ed")), found[1]
                    )
                    yield Saying(found[0], self.low(verb), None, Rank.LOOSE, verb)
