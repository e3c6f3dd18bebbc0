"""What leads a sentence: the subject of its main clause, past what opens it, and of the clause that a verb of saying opens."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from rag.answer.speech import lexicon as lex
from rag.answer.speech.phrases import NP_WORDS, Phrases
from rag.answer.speech.tokens import Phrase


class Leads(Phrases):
    """A tokenised sentence, asked what leads it."""

    def gives(self, verb: int, nouns: AbstractSet[str]) -> bool:
        """Whether the object right after a verb is one of some nouns, new to the reader: `published a long report`."""
        if self.low(verb + 1) not in {"a", "an", "its", "his", "her", "their"}:
            return False
        after = self.forward(verb + 1)
        return any(self.low(k) in nouns for k in range(verb + 2, after))

    def leading(self) -> tuple[Phrase, int] | None:
        """The subject of the sentence's main clause, and the index of the token after it (its verb): what a sentence is about."""
        at = 0
        while at < self.size and self.tokens[at].text in {"•", "-", "—", "–", "*"}:
            at += 1
        for _ in range(3):
            low = self.low(at)
            if low in {"and", "but", "so", "however", "meanwhile", "yet", "then"}:
                at += 1 + (self.low(at + 1) == ",")
            elif (
                (low in lex.PREPOSITIONS | lex.JOINS | lex.ADVERBS and low != "both")
                or self._dates(at)
                or self._time(at)
                or self._opens_with_participle(at)
            ):
                stop = next((k for k in range(at, self.size) if self.tokens[k].text == ","), None)
                if stop is None:
                    cut = self._after_adverbial(at, min(self.size - 1, at + 8))
                    return None if cut is None else self._leading_at(cut)
                at = stop + 1
            else:
                break
        return self._leading_at(at)

    def _dates(self, at: int) -> bool:
        """Whether what opens a sentence, up to a comma, tells when: `A few days later, …`."""
        stop = next((k for k in range(at, min(self.size, at + 6)) if self.tokens[k].text == ","), None)
        return stop is not None and self.low(stop - 1) in {"later", "earlier", "ago", "after", "before"}

    def subject_after(self, verb: int) -> Phrase | None:
        """The subject of the clause that a verb of saying opens, after `that` and a time: `said that, in May, Velling left`."""
        at = verb + 1 + (self.low(verb + 1) == "that")
        at += self.low(at) == ","
        if self.low(at) in lex.PREPOSITIONS:
            stop = next((k for k in range(at, self.size) if self.tokens[k].text == ","), None)
            if stop is None:
                return None
            at = stop + 1
        found = self._leading_at(at)
        return found[0] if found and self.kind(found[1]) == "word" else None

    def _opens_with_participle(self, at: int) -> bool:
        """Whether `Asked …`, `Speaking …` opens a clause; `Ahmed said` and `Manning, who …` do not."""
        if (
            not self.low(at).endswith(("ing", "ed"))
            or self.low(at) in lex.NOT_PARTICIPLES
            or (at and self._capital(at))
        ):
            return False
        return (
            self.kind(at + 1) == "word"
            and not self._capital(at + 1)
            and not self._finite(at + 1)
            and not lex.STANCE.match(self.low(at + 1))
            and self.low(at + 1) not in lex.ADVERBS
        )

    def _leading_at(self, at: int) -> tuple[Phrase, int] | None:
        if self.kind(at) != "word" or self.low(at) in lex.JOINS or self.low(at).startswith(("i'", "we'", "you'")):
            return None
        stop = at
        while stop < self.size and self.kind(stop) == "word" and stop - at < NP_WORDS:
            if stop > at and (
                self._finite(stop)
                or self.low(stop) in lex.JOINS
                or lex.STANCE.match(self.low(stop))
                or (self.low(stop).endswith("ed") and not self._capital(stop))
            ):
                break
            if self.low(stop) in lex.ADVERBS - lex.ADJECTIVES and stop > at:
                break
            stop += 1
        verb = stop
        while stop - 1 > at and (self.low(stop - 1) in lex.ADVERBS or self._manner(stop - 1)):
            stop -= 1
        end = stop
        if self.low(stop) == ",":
            closing = next((k for k in range(stop + 1, self.size) if self.tokens[k].text == ","), None)
            if closing is not None and self._describes(stop + 1, closing - 1):
                end, verb = closing, closing + 1
        phrase = self._phrase(at, end - 1, stop - 1)
        return (phrase, verb) if phrase else None
