"""Whether a form of a verb of saying says something where it stands, and of how much of its sentence."""

from __future__ import annotations

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import VERBS, Rank, Verb
from rag.answer.speech.leads import Leads
from rag.answer.speech.tokens import Phrase


class Verbs(Leads):
    """A tokenised sentence, asked about its verbs of saying."""

    def _fits(self, at: int, verb: Verb) -> bool:
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
        if not self._has_object(at, verb) or self._appoints(at):
            return False
        if not needed and not (self.low(at) in {"called", "calls", "calling"} and self._names_as(at + 1)):
            return False
        return after not in verb.never or (after == "by" and verb.passive)

    def _has_object(self, at: int, verb: Verb) -> bool:
        """Whether what such a verb needs follows: an object, and later in the sentence one of some words (`attacked X for …`)."""
        if verb.later is None:
            return True
        if not self._capital(at + 1) and self.low(at + 1) not in lex.DETERMINERS | lex.OBJECT_PRONOUNS:
            return False
        after = self._lows[at + 2 :]
        return not verb.later or any(
            low in verb.later or ("“" in verb.later and self.kind(k) == "quote") for k, low in enumerate(after, at + 2)
        )

    def _appoints(self, at: int) -> bool:
        """Whether a form says nothing with a plain object: `confirmed judge Hall`, `wrote Norvik Times columns`, `alleged fraud`."""
        form, after = self.low(at), self.low(at + 1)
        if form in {"alleged", "alleges", "reported", "claimed"} and at == 1 and self.low(0).endswith("ing"):
            # `Citing alleged fraud, …`
            return after not in lex.OBJECT_STARTS and self.kind(at + 1) != "quote" and not self._capital(at + 1)
        if form in {"alleged", "alleges"}:
            told = self._capital(at - 1) or self.low(at - 1) in lex.PRONOUNS | lex.AUXILIARIES
            return not (told or after in lex.OBJECT_STARTS or self._capital(at + 1) or self.kind(at + 1) == "quote")
        if form not in {"confirmed", "confirms", "wrote", "writes"} or self.kind(at + 1) != "word":
            return False
        if form.startswith("wr") and self.low(at - 1) in {"who", "which"} and after not in {"that", "in", "to", "on"}:
            return True
        if self.kind(at - 1) != "word" or (form.startswith("confirm") and after == "for"):
            return self.kind(at - 1) == "word"
        named = self._capital(at + 1) or (lex.is_role(after) and self._capital(at + 2))
        return named and not self._finite(self.forward(at + 1))

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

    def _is_unsaid(self, at: int, left: int, skipped: set[str], verb: Verb) -> bool:
        """Whether nothing was said: `did not say`, `would say`, `refused to say`; or the form is a plural's without one (`the state`)."""
        if (skipped & lex.NEGATIONS and verb.base != "deny") or any(word.endswith("n't") for word in skipped):
            return True
        if skipped & lex.MODALS or self.low(left) == "to":
            return True
        plural = lex.is_plural(self.low(left)) and not (verb.noun and self._capital(left))
        return self.tokens[at].text == verb.base != "read" and not plural

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

    def _suits(self, phrase: Phrase, at: int, left: int, verb: Verb) -> bool:
        """Whether a phrase is a fit subject of this verb: documents read, people post, only some nouns speak."""
        document = self._heads(phrase, lex.is_document)
        if (verb.base == "read" and not (document and self._quotes(at + 1))) or (verb.base == "post" and document):
            return False
        apart = range(next((k for k in range(at) if self.tokens[k].start >= phrase.end), at), at)
        if any(self.low(k) in {"not", "never"} and self.low(k - 1) in lex.AUXILIARIES for k in apart):
            return False
        if self.low(left) in lex.QUANTIFIERS and self.low(at + 1) not in lex.CLAUSE_STARTS and not self._quotes(at + 1):
            return False
        if verb.later is not None and not self._judges(phrase, at):
            return False
        return verb.base in {"say", "tell"} or self.can_speak(phrase)

    def _is_nobody(self, phrase: Phrase, left: int) -> bool:
        words = self.masked[phrase.start : phrase.end].lower()
        first_person = self.low(left) in lex.FIRST_PERSON
        return first_person or words in lex.NOBODY or words.split()[0] in {"no", "none", "neither", "nobody", "few"}

    def _says_when(self, phrase: Phrase, first: int, verb: Verb) -> bool:
        """Whether a clause of time tells how its sentence's subject spoke: `Velling erred when she claimed that …`."""
        leading = self.leading()
        pronoun = self.masked[phrase.start : phrase.end].lower() in {"he", "she"}
        after = leading is not None and leading[0].end < phrase.start and self.can_speak(leading[0])
        return pronoun and after and verb.rank == Rank.MAIN and self.low(first - 1) == "when"

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
        return self.kind(at) == "word" and self.low(at) in VERBS and not self._capital(at)

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
        if self.low(k) == "out" and self.kind(k + 1) == "word":
            return False
        addressed = self.low(at) in {"told", "tells"}
        if self.kind(k) == "word" and not addressed and self.low(k) not in lex.PREPOSITIONS | lex.TIMES | lex.ADVERBS:
            return False
        while k < self.size and self.kind(k) == "word":
            if self.low(k) in lex.JOINS - {"after", "before"} or self._finite(k) or self.low(k) in lex.PRONOUNS:
                return False
            k += 1
        return k >= self.size or self.kind(k) != "quote" or k == at + 1

    def _judges(self, phrase: Phrase, at: int) -> bool:
        """Whether a phrase can be the subject of such a verb as `slammed X for`: a name, a role or a pronoun, and no storm."""
        inner = self._inner(phrase)
        if not inner or any(self.low(k) in lex.FORCES for k in inner) or self.low(inner[0]) in {"a", "an"}:
            return False
        if self.low(at) in lex.PERSONAL and lex.is_body(self.low(inner[-1])):
            return False
        first = inner[0]
        return self.low(first - 1) not in lex.RELATIVES and not self._reported(first - 1)

    def _clause_rank(self, phrase: Phrase, verb: Verb) -> Rank | None:
        """The rank of the clause that a subject opens; None in a subordinate clause, which says nothing of its sentence."""
        first = next(k for k in range(self.size) if self.tokens[k].start >= phrase.start)
        join = self.low(first - 1)
        if join == "," and self.low(first - 2) in lex.SUBORDINATORS:
            join = self.low(first - 2)
        if join in lex.RELATIVES:
            opens = self.low(first - 2) == ""
            return None if opens else Rank.REPORTED if self._reported(first - 2) else Rank.RELATIVE
        if join in lex.SUBORDINATORS:
            return Rank.LOOSE if self._says_when(phrase, first, verb) else None
        if self._reported(first - 1):
            return Rank.REPORTED
        if self.masked[phrase.start : phrase.end].lower() in lex.PRONOUNS and self._is_noun_word(first - 1):
            return Rank.RELATIVE
        return None if self._opens_subordinate(first) else verb.rank
