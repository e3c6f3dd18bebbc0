"""The noun phrases of one sentence, by word order and small word lists: what stands before a verb, after it, or leads the sentence."""

from __future__ import annotations

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import VERBS
from rag.answer.speech.tokens import Phrase, Words

NP_WORDS = 24
_INVERTED_WORDS = 14
_ITEM_WORDS = 7
_FINITE_OF_MAIN = frozenset(("had", "has", "was", "is", "were", "are", "have"))


class Phrases(Words):
    """A tokenised sentence, asked for its noun phrases."""

    # Noun phrases

    def back(self, last: int, *, first: int = 0) -> int:
        """The index of the first token of the noun phrase that ends at `last`."""
        at = last
        while at >= first and last - at < NP_WORDS:
            token = self.tokens[at]
            low = token.low
            if (
                token.kind != "word"
                or (low in lex.JOINS and not self._in_name(at))
                or (at < last and self._finite(at) and not self._reduced(at))
            ):
                break
            if low in {"and", "or"} and not self._joins_names(at):
                break
            at -= 1
        return self._trim_front(at + 1, last)

    def _reduced(self, at: int) -> bool:
        """Whether a participle belongs to the noun before it: `the decree signed by the mayor`."""
        low, after = self.low(at), self.low(at + 1)
        return (
            low.endswith("ed")
            and low not in lex.FINITE
            and (after == "by" or (low not in VERBS and after in {"in", "on", "from", "at", "with"}))
        )

    def _joins_names(self, at: int) -> bool:
        """Whether `and` joins two nouns: what stands before it, back to a stop, holds no finite verb."""
        k = at - 1
        if self.kind(k) != "word":
            return False
        while k >= 0 and self.kind(k) == "word" and self.low(k) not in lex.JOINS:
            if self._finite(k):
                return False
            k -= 1
        return True

    def _trim_front(self, first: int, last: int) -> int:
        """Without what stands before the subject: `On Monday`, `In a statement`, `However`."""
        at = first
        for k in range(first, min(first + 5, last)):
            follows = self._capital(k + 1) or self.low(k + 1) in lex.DETERMINERS
            if self._time(k) and not self._capital(k) and follows:
                at = k + 1
        while at <= last:
            low = self.low(at)
            if (
                (low in lex.ADVERBS and not (low in {"first", "both"} and self._capital(at + 1) == (low == "first")))
                or self._time(at)
                or (low.endswith("ly") and at < last and not self._capital(at))
            ):
                at += 1
            elif low in {"last", "this", "next", "earlier"} and self._time(at + 1):
                at += 2
            elif low in lex.PREPOSITIONS or (
                low.endswith("ing") and at == first and at < last and low not in lex.NOT_PARTICIPLES
            ):
                cut = self._after_adverbial(at, last)
                if cut is None:
                    return at + 1 if low in lex.PREPOSITIONS else at
                at = cut
            elif low in {"and", "but", "or", "so", "yet"} or (low.isdigit() and self._time(at - 1)):
                at += 1
            else:
                break
        return at

    def _after_adverbial(self, first: int, last: int) -> int | None:
        """Where the subject starts after a fronted phrase without a comma: the last determiner, pronoun, or name after a time."""
        for at in range(last, first, -1):
            low, before = self.low(at), self.low(at - 1)
            if self._time(at) and at < last:
                return at + 1
            if (
                (low in lex.DETERMINERS or low in lex.PRONOUNS)
                and before not in lex.PREPOSITIONS
                and before not in {"and", "or"}
            ):
                return at
        if self.low(first) not in lex.PREPOSITIONS:
            return None
        name = last
        while name > first and self._capital(name - 1):
            name -= 1
        before = self.low(name - 1)
        # `On live television Velling said`
        common = (
            name - 1 > first
            and not lex.is_speaker(before)
            and before not in lex.PREPOSITIONS | lex.PARTICLES | lex.DETERMINERS
        )
        return name if self._capital(name) and common and before not in {"and", "or"} else None

    def phrase_back(self, last: int) -> Phrase | None:  # noqa: C901, PLR0911 - one branch for each thing that commas set off
        """The noun phrase that ends at a token, with the appositions between it and the verb (`X, a professor at Y, said`)."""
        end = last
        while self.low(end) == ",":
            start = self._segment_start(end - 1)
            if (
                start is None
                or start < 1
                or self.low(start - 1) != ","
                or (end < last and self._names_someone(start, end - 1))
            ):
                break
            if end == last and self._is_place(start):
                end = start - 1
                continue
            if end == last and self._introduces(start, end - 1):
                return self._alone(end - 1)
            if end == last and self._is_name(start, end - 1):
                role = self._segment_start(start - 2)
                # `The mayor, Marta Velling, said`; any other name between commas speaks itself.
                role = None if role is None else self.back(start - 2, first=role)
                owned = role is not None and any(self.low(k).endswith(("'s", "s'")) for k in range(role, start - 1))
                if (
                    role is None
                    or not (owned or self.low(role) in lex.DETERMINERS)
                    or not self._is_role(role, start - 2)
                ):
                    return self._phrase(start, end - 1, end - 1)
                return self._phrase(role, end - 1, start - 2)
            if not self._parenthetic(start, end - 1):
                break
            end = start - 1
        if end == last:
            return self._alone(last)
        head_last = end - 1
        while self._between(head_last):
            head_last -= 1
        if self.kind(head_last) != "word":
            # Only what is set between commas remains: `“…,” in a statement, said`.
            return None
        first = self.back(head_last)
        if first > head_last:
            return None
        stop = last - 1
        return self._phrase(first, stop if self._describes(end + 1, stop) else head_last, head_last)

    def _alone(self, last: int) -> Phrase | None:
        """The noun phrase that ends right before its verb; of a name, without what stands between (`X in a speech said`)."""
        if (
            self.kind(last) != "word"
            or self.low(last) in lex.PREPOSITIONS | lex.DETERMINERS - lex.PEOPLE_WORDS | lex.JOINS
        ):
            return None
        if self.low(last) in lex.PRONOUNS:
            return self._phrase(last, last, last)
        first = self.back(last)
        if (listed := self._listed(first, last)) is not None:
            return self._phrase(listed, last, last)
        who = next((k for k in range(first - 1, 0, -1) if self.kind(k) != "word" or self.low(k) == "who"), 0)
        if self.low(who) == "who" and self.kind(who - 1) == "word" and self.low(who - 1) not in lex.PREPOSITIONS:
            return self._phrase(self.back(who - 1), who - 1, who - 1)
        for k in range(first + 1, last):
            if self.low(k) in {"in", "on", "at", "by", "during", "after", "via", "through"} and self._capital(k - 1):
                after = self.low(k + 1)
                if (
                    after.endswith("ing")
                    or self._time(k + 1)
                    or after in {"a", "an", "his", "her", "their", "its"} | lex.OCCASIONS
                ):
                    return self._phrase(first, k - 1, k - 1)
        named = self._named_before(first)
        return self._phrase(first if named is None else named, last, last if named is None else first - 2)

    def _listed(self, first: int, last: int) -> int | None:
        """Where a list of names begins whose last item, or last two, stand from `first` to `last`: `A, B and C`, `A, B, and C`."""
        joined = any(low in {"and", "or"} for low in self._lows[first:last])
        if self.low(first - 1) in {"and", "or"} and self.low(first - 2) == ",":
            at = first - 2
        elif joined and self.low(first - 1) == ",":
            at = first - 1
        else:
            return None
        found: int | None = None
        while (
            self.low(at) == "," and (start := self._segment_start(at - 1)) is not None and self._is_item(start, at - 1)
        ):
            found, at = start, start - 1
        # Before the first of them stands nothing, or a phrase of time or of speech: else the first may be a place (`in Paris, France, A and B`).
        if found is None or at < 0 or self.kind(at) == "quote":
            return found
        start = self._segment_start(at - 1)
        return (
            found if self.low(at) == "," and start is not None and (self._time(at - 1) or self._time(start)) else None
        )

    def _is_item(self, first: int, last: int) -> bool:
        """Whether the words between commas are one of a list of people: a name, with or without its title."""
        words = self.tokens[first : last + 1]
        if (
            not words
            or len(words) > _ITEM_WORDS
            or not words[-1].capital
            or self._time(first)
            or words[0].low in lex.SENTENCE_STARTS - {"the"}
        ):
            return False
        return all(t.capital or lex.is_role(t.low) or t.low in lex.PARTICLES | {"the"} for t in words)

    def _named_before(self, first: int) -> int | None:
        """Where the name starts in `Lee Hall, the head of the bank said`, whose second comma is missing."""
        if (
            self.low(first - 1) != ","
            or self.low(first) not in {"the", "a", "an"}
            or not self._is_role(first, first + 4)
        ):
            return None
        at = first - 2
        while self._capital(at):
            at -= 1
        before = self.low(at)
        if (
            first - 3 <= at
            or before in lex.PREPOSITIONS | lex.DETERMINERS | lex.JOINS | {","}
            or self.low(at + 1) in lex.SENTENCE_STARTS
        ):
            return None
        return at + 1

    def _names_someone(self, first: int, last: int) -> bool:
        """Whether the words are a name, or a title and a name, and so the subject itself."""
        return self._is_name(first, last) or any(
            lex.is_role(self.low(k)) and self._capital(k + 1) for k in range(first, last)
        )

    def _is_place(self, start: int) -> bool:
        """Whether a name between commas belongs to what is before it: `from Norvik, Norway,`, `X, the head of a theatre, the Lantern,`."""
        first = self._segment_start(start - 2)
        if first is None or not self._capital(start):
            return False
        before = first - 2
        starts = self._time(before) or self.low(before) in lex.SENTENCE_STARTS
        named = self.low(first - 1) == "," and self._capital(before) and not starts
        if (named and self._is_role(first, start - 2)) or not self._capital(start - 2):
            return named and self._is_role(first, start - 2)
        inside = any(self.low(k) in {"of", "in", "from", "at", "near"} for k in range(first, start - 1))
        person = self._capital(first) and not self._is_role(first, start - 2)
        return inside and (named or person or self.low(first) in lex.PREPOSITIONS)

    def _introduces(self, first: int, last: int) -> bool:
        """Whether the words up to a stray comma are the subject: `On Monday, Director Lee Hall of the institute, announced`."""
        titled = any(
            lex.is_role(self.low(k)) and self._capital(k + 1) and not self.low(k + 1).endswith("'s")
            for k in range(first, min(first + 5, last))
        )
        return titled and not self._capital(first - 2)

    def _parenthetic(self, first: int, last: int) -> bool:
        """Whether the words between two commas can stand between a subject and its verb."""
        opener = self.low(first)
        if opener in {"who", "which", "whom", "where", "whose"} and not self._has_verb(first, last):
            return False
        if opener in lex.DETERMINERS:
            verb = next((k for k in range(first, last + 1) if self._finite(k)), None)
            return verb is None or any(low in {"who", "which"} for low in self._lows[first:verb])
        return (
            opener in lex.APPOSITION_STARTS
            or opener in lex.ASIDES
            or opener in lex.PREPOSITIONS
            or self._time(first)
            or opener.isdigit()
            or opener.endswith("ing")
            or self._is_role(first, last)
            or (self._capital(first) and last - first < 4)  # noqa: PLR2004 - `X, D-Ohio, said`
        )

    def _has_verb(self, first: int, last: int) -> bool:
        """Whether a relative clause has its verb: `who leads the bank`, but not `which critics`."""
        words = [k for k in range(first + 1, last + 1) if not self._capital(k)]
        return any(
            self._finite(k)
            or self.low(k).endswith("ed")
            or (self.low(k).endswith("s") and not lex.is_speaker(self.low(k)))
            for k in words
        )

    def _segment_start(self, last: int) -> int | None:
        at = last
        while at >= 0 and self.tokens[at].text not in {",", ";", ":", "—", "–"} and self.kind(at) != "quote":
            at -= 1
        return at + 1 if last > at else None

    def _describes(self, first: int, last: int) -> bool:
        """Whether the words between commas say who someone is (and not when or how they spoke)."""
        opener = self.low(first)
        if opener in lex.PREPOSITIONS or opener in lex.ASIDES or opener.endswith("ing") or opener in lex.JOINS:
            return False
        if any(self.low(at) in lex.JOINS and self.low(at) != "that" for at in range(first, last + 1)):
            return False
        return last - first < NP_WORDS and not any(low in _FINITE_OF_MAIN for low in self._lows[first : last + 1])

    def forward(self, first: int, *, most: int = _INVERTED_WORDS) -> int:
        """The index after the noun phrase that starts at `first`."""
        at = first
        noun = False
        while at < self.size and at - first < most:
            low = self.low(at)
            if (
                self.kind(at) != "word"
                or (low in lex.JOINS and not (at == first and low == "that") and not self._in_name(at))
                or self._time(at)
            ):
                break
            if low in lex.ADVERBS - lex.ADJECTIVES or self._participles(at):
                break
            if (
                noun
                and (low in lex.DETERMINERS or low in lex.PRONOUNS)
                and not self._capital(at)
                and self.low(at - 1) not in lex.LINKS | {"and", "or"}
            ):
                break
            if low in lex.PREPOSITIONS and not (low in lex.LINKS and noun and self._links(at)):
                break
            if low in {"and", "or"} and not (
                self._capital(at + 1) or self.low(at + 1) in lex.DETERMINERS or lex.is_speaker(self.low(at + 1))
            ):
                break
            if at > first and self._finite(at):
                break
            if (
                noun
                and low.endswith("ed")
                and not self._capital(at)
                and (self.low(at + 1) in lex.PREPOSITIONS or self._time(at + 1))
            ):
                break
            noun = noun or (low not in lex.DETERMINERS)
            at += 1
        return at

    def _links(self, at: int) -> bool:
        """Whether a preposition continues a name (`head of the bank`, `Hall of Grainwatch`), and not the time or place of speaking."""
        low = self.low(at)
        after = self.low(at + 1)
        after = self.low(at + 2) if after in lex.DETERMINERS else after
        named = self._capital(at + 1) or self._capital(at + 2)
        if (after in lex.TIMES and not named) or after in lex.OCCASIONS or after.isdigit():
            return False
        if low == "on":  # `the Commission on Trade`
            return self._capital(at + 1) and self._capital(at - 1) and lex.is_body(self.low(at - 1))
        return low in {"of", "for", "from"} or (
            low == "at" and self._capital(at + 1 if self.low(at + 1) not in lex.DETERMINERS else at + 2)
        )

    def phrase_forward(self, first: int, *, apposition: bool = True) -> Phrase | None:
        """The noun phrase that starts at a token, with the apposition that follows it."""
        last = self.forward(first) - 1
        while last >= first and self.low(last) in lex.PREPOSITIONS | {"and", "or"}:
            last -= 1
        if all(self.low(k) in lex.DETERMINERS - lex.PEOPLE_WORDS for k in range(first, last + 1)):
            return None
        end = last
        if apposition and self.low(last + 1) == ",":
            start, at = last + 2, last + 2
            while (
                at < self.size
                and self.tokens[at].text not in {",", ".", ";", ":", "—", "–"}
                and self.kind(at) != "quote"
            ):
                at += 1
            opener = self.low(start)
            # `Hall, Norda director`, but not the next of a list: `Hall, Joseph Carpenter`.
            described = self._capital(last) and lex.is_role(self.low(start + 1)) and not self._is_name(start, start + 1)
            opens = opener in {"a", "an", "the", "one"} or lex.is_role(opener) or described
            opens = opens or (
                lex.is_role(self.low(last)) and not self._capital(last) and at > start and self._is_name(start, at - 1)
            )
            opens = opens and not self._is_another(start, at - 1)
            clause = any(self._finite(k) or self.low(k) in lex.JOINS | lex.PRONOUNS for k in range(start, at))
            if (
                opens
                and not clause
                and (self._is_role(start, at - 1) or lex.is_role(self.low(last)))
                and at - start < NP_WORDS
            ):
                end = at - 1
        return self._phrase(first, end, last)

    def _is_another(self, first: int, last: int) -> bool:
        """Whether the words after a comma are the next of a list (`Lee Hall, Mayor Tara Blue and`), and no apposition."""
        if self.low(first) in lex.DETERMINERS or not self._capital(last) or lex.is_role(self.low(last)):
            return False
        name = last
        while name > first and self._capital(name - 1) and not lex.is_title(self.tokens[name - 1].text):
            name -= 1
        linked = any(low in lex.PREPOSITIONS for low in self._lows[first:name])
        return name > first and not linked and lex.is_title(self.tokens[name - 1].text)
