"""Who says something within one sentence: verbs of saying, their subjects and addressees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rag.answer.speech import lexicon as lex
from rag.answer.speech.lexicon import Rank
from rag.answer.speech.phrases import Phrases
from rag.answer.speech.tokens import Phrase

_LONG_QUOTE = 30
_ENDS = frozenset(".!?;")
_NO_SUBJECT = lex.JOINS | lex.OCCASIONS | lex.PREPOSITIONS | {"it", "they", "there", "this"}


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


class Clause(Phrases):
    """A tokenised sentence, asked for its attributions."""

    def sayings(self) -> list[Saying]:
        """All attributions of the sentence, best first."""
        found = [*self._verbs(), *self._sources(), *self._through_another(), *self._labelled()]
        if len(found) > 1 and any(saying.rank == Rank.SOURCE and saying.at <= 1 for saying in found):
            # What the source says is the source's, unless it is itself that someone said something.
            kept = {lex.VERBS[s.verb].base for s in found if s.verb in lex.VERBS and s.rank <= Rank.MAIN} & lex.CLAIMING
            found = found if kept else [s._replace(rank=Rank.MAIN) if s.rank == Rank.SOURCE else s for s in found]
        found.sort(key=lambda saying: (saying.rank, saying.at))
        if (
            len(found) > 1
            and found[0].rank == Rank.FRAME
            and found[0].verb.startswith("report")
            and found[1].rank == Rank.MAIN
        ):
            del found[0]  # `An official said it was over, Reuters reported`: the official speaks
        return found

    def _verbs(self) -> Iterator[Saying]:
        earlier: Phrase | None = None
        for at, token in enumerate(self.tokens):
            verb = lex.VERBS.get(token.text.replace("’", "'")) if token.kind == "word" else None
            if verb is None or not self._fits(at, verb):
                continue
            saying = self._verb(at, verb, earlier)
            if saying:
                earlier = earlier if saying.rank == Rank.LOOSE else saying.subject
                yield saying

    def _fits(self, at: int, verb: lex.Verb) -> bool:
        after = self.low(at + 1)
        if (
            verb.base in lex.QUOTING
            and (after != "that" or verb.base == "observe")
            and not any(token.kind == "quote" for token in self.tokens)
        ):
            return False
        needed = not verb.needs or any(
            after == word or (word == "“" and self.kind(at + 1) == "quote") for word in verb.needs
        )
        if not needed and not (self.low(at) in {"called", "calls", "calling"} and self._names_as(at + 1)):
            return False
        return after not in verb.never or (after == "by" and verb.passive)

    def _names_as(self, at: int) -> bool:
        """Whether someone is called something: `called Velling a liar`."""
        if not self._capital(at) and self.low(at) not in lex.DETERMINERS:
            return False
        if any(self.kind(k) == "quote" for k in range(at + 1, at + 6)):
            return True
        return any(
            self.low(k) in {"a", "an"} and self.low(k - 1) not in lex.PREPOSITIONS | {","}
            for k in range(at + 1, at + 5)
        )

    def _verb(self, at: int, verb: lex.Verb, earlier: Phrase | None) -> Saying | None:
        left = at - 1
        while self._between(left):
            left -= 1
        left = self._before_time(left)
        skipped = {self.low(k) for k in range(left + 1, at)}
        if self.low(left) == "to" and self.low(left - 1) == "on" and self.low(left - 2) in {"went", "goes"}:
            left = left - 3
        elif self._is_unsaid(at, left, skipped, verb):
            return None
        text = self.tokens[at].text
        if text.endswith("ing"):
            return self._participle(at, left, verb, earlier)
        if skipped & lex.BE:
            return self._passive(at, verb)
        if verb.noun and self.kind(left) == "word" and self._is_noun(at, left):
            return None
        return self._inverted(at, left, verb) or self._straight(at, left, verb, earlier)

    def _is_unsaid(self, at: int, left: int, skipped: set[str], verb: lex.Verb) -> bool:
        """Whether nothing was said: `did not say`, `would say`, `refused to say`; or the form is a plural's without one (`the state`)."""
        if (skipped & lex.NEGATIONS and verb.base != "deny") or any(word.endswith("n't") for word in skipped):
            return True
        if skipped & lex.MODALS or self.low(left) == "to":
            return True
        plural = lex.is_plural(self.low(left)) and not (verb.noun and self._capital(left))
        return self.tokens[at].text == verb.base != "read" and not plural

    def _straight(self, at: int, left: int, verb: lex.Verb, earlier: Phrase | None) -> Saying | None:
        """`X said …`, `X did this and said …`, `X, who said …`."""
        if self.low(at + 1) == "by":
            return None
        if self.low(left) in {"and", "but", "then", "or"}:
            subject = earlier or self._leading_phrase(at)
            return self._made(subject, at, verb, rank=Rank.ACT if earlier else verb.rank) if subject else None
        if self.low(left) in {"who", "which"} and self.low(left - 1) not in lex.PREPOSITIONS:
            name = left - 2 if self.low(left - 1) == "," else left - 1
            phrase = self.phrase_back(name) if self.kind(name) == "word" else None
            return self._made(phrase, at, verb, rank=Rank.RELATIVE) if phrase and self.can_speak(phrase) else None
        phrase = self.phrase_back(left)
        return self._subject(phrase, at, left, verb) if phrase else None

    def _before_time(self, at: int) -> int:
        """The index of the token before a time that stands between a subject and its verb (`X on Tuesday said`)."""
        if not self._time(at) or at < 2:  # noqa: PLR2004 - a subject and a preposition
            return at
        k = at - 1
        while self.low(k) in {"last", "this", "early", "late", "next"} or self._time(k):
            k -= 1
        if self.low(k) in {"on", "in", "at"}:
            k -= 1
        elif self.low(at) != "yesterday":
            return at
        return k if self.kind(k) == "word" or self.low(k) == "," else at

    def _leading_phrase(self, before: int) -> Phrase | None:
        found = self.leading()
        return found[0] if found and found[1] <= before and found[0].end <= self.tokens[before].start else None

    def _is_noun(self, at: int, left: int) -> bool:
        """Whether a form that can be a noun (`claims`, `reports`) is one here."""
        before, after = self.low(left), self.low(at + 1)
        if before in lex.DETERMINERS | lex.PREPOSITIONS | {"and", "or", ""}:
            return True
        if before.endswith(("'s", "s'")):
            return True
        verbal = after in lex.CLAUSE_STARTS or self.kind(at + 1) == "quote" or self._capital(at + 1)
        subject = before in lex.PRONOUNS or self._capital(left) or lex.is_speaker(before)
        return not (verbal and subject)

    def _inverted(self, at: int, left: int, verb: lex.Verb) -> Saying | None:  # noqa: PLR0911 - one return for each way not to be one
        """`“…,” said X` and `…, said X`."""
        before = self.tokens[left].text if left >= 0 else ""
        if not verb.inverts or left != at - 1:
            return None
        if not (self.kind(left) == "quote" or before in {",", "!", "?", "’", "'", "–", "—", ")"}):
            return None
        start = at + 1
        if self.kind(start) != "word" or self._time(start) or self.low(start) in _NO_SUBJECT:
            return None
        phrase = self.phrase_forward(start)
        if phrase is None or (before == "," and not self.can_speak(phrase)):
            return None
        if verb.base == "read" and not self._heads(phrase, lex.is_document):
            return None
        after = next((k for k in range(start, self.size) if self.tokens[k].start >= phrase.end), self.size)
        if self._finite(after) and self.kind(left) != "quote":
            return None
        if before == "," and self.low(after) not in {"", ",", ".", ";"}:
            apposed = self.phrase_back(left)
            if apposed and apposed.end > apposed.head_end:
                return None
        if self.low(start) in {"the", "a", "an", "his", "her"} and self._finite(after):
            return None
        return Saying(phrase, self.tokens[at].text, self._addressee(after - 1, None), Rank.FRAME, at)

    def _passive(self, at: int, verb: lex.Verb) -> Saying | None:
        """`X was told by Y`, `his death was confirmed by Y`, and `X was quoted as saying`."""
        if not verb.passive:
            return None
        by = next((k for k in range(at + 1, min(at + 4, self.size)) if self.low(k) == "by"), None)
        if by is None or self.low(by + 1).endswith("ing"):
            return None
        phrase = self.phrase_forward(by + 1)
        if phrase is None or not self.can_speak(phrase):
            return None
        return Saying(phrase, self.tokens[at].text, None, Rank.LOOSE, at)

    def _participle(self, at: int, left: int, verb: lex.Verb, earlier: Phrase | None) -> Saying | None:
        """`…, saying that …` and `with X describing …`."""
        if (
            verb.rank > Rank.MAIN
            and self.low(left) != "with"
            and self.kind(at + 1) != "quote"
            and self.low(at + 1) != "it"
        ):
            return None
        if verb.base in lex.NOT_WHILE:
            return None
        issued = self.low(left) in lex.UTTERANCES and self.tokens[at].text in {"saying", "stating"}
        if (left == at - 1 and (self.low(left) in {",", "by", "and"} or issued)) or self.kind(left) == "quote":
            if self.low(left) == "by":
                return None
            subject = earlier or self._leading_phrase(at)
            return self._made(subject, at, verb, rank=Rank.PARTICIPLE) if subject and self.can_speak(subject) else None
        if self.low(left) in lex.PREPOSITIONS | lex.JOINS | {""} or self.kind(left) != "word":
            return None
        first = self.back(left)
        opener = self.low(first - 1)
        first = (
            first
            if opener == "with"
            else next((k for k in range(left, max(left - 8, 0), -1) if self.low(k) == "with"), -2) + 1
        )
        phrase = self._phrase(first, left, left) if first > 0 else None
        return self._made(phrase, at, verb, rank=Rank.PARTICIPLE) if phrase else None

    def _subject(self, phrase: Phrase, at: int, left: int, verb: lex.Verb) -> Saying | None:
        """The attribution to a phrase before its verb, if it can speak: main clause, or relative clause (`which X said was …`)."""
        if self._is_nobody(phrase, left) or not self._suits(phrase, at, left, verb):
            return None
        rank = self._clause_rank(phrase, verb)
        first = next(k for k in range(self.size) if self.tokens[k].start >= phrase.start)
        trailing = self.kind(first - 1) == "quote" or self.low(first - 1) in {",", "—", "–", "?", "!"}
        if trailing and rank == Rank.MAIN and self._closes(at):
            rank = Rank.FRAME
        return None if rank is None else self._made(phrase, at, verb, rank=rank)

    def _is_nobody(self, phrase: Phrase, left: int) -> bool:
        words = self.masked[phrase.start : phrase.end].lower()
        first_person = self.low(left) in lex.FIRST_PERSON
        return first_person or words in lex.NOBODY or words.split()[0] in {"no", "none", "neither", "nobody", "few"}

    def _suits(self, phrase: Phrase, at: int, left: int, verb: lex.Verb) -> bool:
        """Whether a phrase is a fit subject of this verb: documents read, people post, only some nouns speak."""
        document = self._heads(phrase, lex.is_document)
        if (verb.base == "read" and not (document and self._quotes(at + 1))) or (verb.base == "post" and document):
            return False
        apart = range(next((k for k in range(at) if self.tokens[k].start >= phrase.end), at), at)
        if any(self.low(k) in {"not", "never"} and self.low(k - 1) in lex.AUXILIARIES for k in apart):
            return False
        if self.low(left) in lex.QUANTIFIERS and self.low(at + 1) not in lex.CLAUSE_STARTS and not self._quotes(at + 1):
            return False
        return verb.base in {"say", "tell"} or self.can_speak(phrase)

    def _clause_rank(self, phrase: Phrase, verb: lex.Verb) -> Rank | None:
        """The rank of the clause that a subject opens; None in a subordinate clause, which says nothing of its sentence."""
        first = next(k for k in range(self.size) if self.tokens[k].start >= phrase.start)
        join = self.low(first - 1)
        if join == "," and self.low(first - 2) in lex.SUBORDINATORS:
            join = self.low(first - 2)
        if join in lex.RELATIVES:
            opens = self.low(first - 2) == ""
            return None if opens else Rank.REPORTED if self._reported(first - 2) else Rank.RELATIVE
        if join in lex.SUBORDINATORS:
            return None
        if self._reported(first - 1):
            return Rank.REPORTED
        if self.masked[phrase.start : phrase.end].lower() in lex.PRONOUNS and self._is_noun_word(first - 1):
            return Rank.RELATIVE
        return None if self._opens_subordinate(first) else verb.rank

    def _quotes(self, at: int) -> bool:
        if self.low(at) == "in" and self.low(at + 1) == "part":
            at += 2
        return self.kind(at) == "quote" or (self.low(at) in {",", ":"} and self.kind(at + 1) == "quote")

    def _is_noun_word(self, at: int) -> bool:
        """Whether a word is the noun of a relative clause without `that`: `the countries they said`."""
        low = self.low(at)
        return self.kind(at) == "word" and low not in (
            lex.ADVERBS | lex.JOINS | lex.TIMES | lex.PREPOSITIONS | {"and", "or"}
        )

    def _reported(self, at: int) -> bool:
        """Whether a clause that follows this token is what another says: `who claimed Velling said`."""
        return self.kind(at) == "word" and self.low(at) in lex.VERBS and not self._capital(at)

    def _opens_subordinate(self, first: int) -> bool:
        """Whether a phrase is inside a clause that opens the sentence: `After the long talks X said …, Y …`."""
        at = first - 1
        while at >= 0 and self.kind(at) == "word":
            if self.low(at) in lex.SUBORDINATORS:
                return True
            at -= 1
        return False

    def _closes(self, at: int) -> bool:
        """Whether a verb ends what it frames: nothing but time, place or addressee follows up to a stop or a quotation."""
        k = at + 1
        addressed = self.low(at) in {"told", "tells"}
        if self.kind(k) == "word" and not addressed and self.low(k) not in lex.PREPOSITIONS | lex.TIMES | lex.ADVERBS:
            return False
        while k < self.size and self.kind(k) == "word":
            if self.low(k) in lex.JOINS - {"after", "before"} or self._finite(k) or self.low(k) in lex.PRONOUNS:
                return False
            k += 1
        return k >= self.size or self.kind(k) != "quote" or k == at + 1

    def _made(self, subject: Phrase, at: int, verb: lex.Verb, *, rank: Rank) -> Saying:
        return Saying(subject, self.tokens[at].text, self._addressee(at, verb), rank, at)

    def _addressee(self, at: int, verb: lex.Verb | None) -> str | None:
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
            phrase = self.phrase_forward(start)
            words = self.masked[phrase.start : phrase.end].lower() if phrase else ""
            if phrase and words not in lex.NOBODY and words not in {"us", "me"}:
                at = next(k for k in range(self.size) if self.tokens[k].end >= found.end() - 1)
                yield Saying(phrase, found["verb"], None, Rank.SOURCE, at)

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
