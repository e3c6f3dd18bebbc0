"""Who says something within one sentence: verbs of saying, their subjects and addressees."""

from __future__ import annotations

from collections.abc import Iterator

from rag.answer.speech import lexicon as lex
from rag.answer.speech.forms import VERBS, Rank, Verb
from rag.answer.speech.frames import Frames, Saying
from rag.answer.speech.tokens import Phrase

__all__ = ["Clause", "Saying"]

_NO_SUBJECT = lex.JOINS | lex.OCCASIONS | lex.PREPOSITIONS | {"it", "they", "there", "this"}


class Clause(Frames):
    """A tokenised sentence, asked for its attributions."""

    def sayings(self) -> list[Saying]:
        """All attributions of the sentence, best first."""
        found = [*self._verbs(), *self._sources(), *self._through_another(), *self._labelled()]
        if len(found) > 1 and any(saying.rank == Rank.SOURCE and saying.at <= 1 for saying in found):
            # What the source says is the source's, unless it is itself that someone said something.
            kept = {VERBS[s.verb].base for s in found if s.verb in VERBS and s.rank <= Rank.MAIN} & lex.CLAIMING
            found = found if kept else [s._replace(rank=Rank.MAIN) if s.rank == Rank.SOURCE else s for s in found]
        # Of two that close something, one before its subject frames more: `X has pointed out that …, said Y`.
        found.sort(key=lambda saying: (saying.rank, not self._stands_before(saying), saying.at))
        if (
            len(found) > 1
            and found[0].rank == Rank.FRAME
            and found[0].verb.startswith("report")
            and found[1].rank == Rank.MAIN
        ):
            del found[0]  # `An official said it was over, Reuters reported`: the official speaks
        return found

    def _stands_before(self, saying: Saying) -> bool:
        return saying.rank == Rank.FRAME and self.tokens[saying.at].start < saying.subject.start

    def _verbs(self) -> Iterator[Saying]:
        earlier: Phrase | None = None
        for at, token in enumerate(self.tokens):
            verb = VERBS.get(token.text.replace("’", "'")) if token.kind == "word" else None
            if verb is None or not self._fits(at, verb):
                continue
            saying = self._verb(at, verb, earlier)
            if saying:
                earlier = earlier if saying.rank == Rank.LOOSE else saying.subject
                yield saying

    def _verb(self, at: int, verb: Verb, earlier: Phrase | None) -> Saying | None:
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
        if text.endswith("ing") and not skipped & lex.BE:
            return self._participle(at, left, verb, earlier)
        if skipped & lex.BE and not text.endswith("ing"):
            return self._passive(at, verb)
        if verb.noun and self.kind(left) == "word" and self._is_noun(at, left):
            return None
        return self._inverted(at, left, verb) or self._straight(at, left, verb, earlier)

    def _straight(self, at: int, left: int, verb: Verb, earlier: Phrase | None) -> Saying | None:
        """`X said …`, `X did this and said …`, `X, who said …`."""
        if self.low(at + 1) == "by":
            return None
        if self.low(left) in {"and", "but", "then", "or"}:
            subject = earlier or self._leading_phrase(at)
            return self._made(subject, at, verb, rank=Rank.ACT if earlier else verb.rank) if subject else None
        if verb.later is not None and self.low(left) in {"who", "which"}:
            return None
        if self.low(left) in {"who", "which"} and self.low(left - 1) not in lex.PREPOSITIONS:
            name = left - 2 if self.low(left - 1) == "," else left - 1
            phrase = self.phrase_back(name) if self.kind(name) == "word" else None
            return self._made(phrase, at, verb, rank=Rank.RELATIVE) if phrase and self.can_speak(phrase) else None
        phrase = self.phrase_back(left)
        return self._subject(phrase, at, left, verb) if phrase else None

    def _leading_phrase(self, before: int) -> Phrase | None:
        found = self.leading()
        return found[0] if found and found[1] <= before and found[0].end <= self.tokens[before].start else None

    def _inverted(self, at: int, left: int, verb: Verb) -> Saying | None:  # noqa: PLR0911 - one return for each way not to be one
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

    def _passive(self, at: int, verb: Verb) -> Saying | None:
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

    def _participle(self, at: int, left: int, verb: Verb, earlier: Phrase | None) -> Saying | None:
        """`…, saying that …` and `with X describing …`."""
        judging = self.tokens[at].text in lex.JUDGING_PARTICIPLES and self.low(left) == ","
        quoting = self.kind(at + 1) == "quote" or self.low(at + 1) == "it"
        said = verb.rank <= Rank.MAIN or self.low(left) == "with" or quoting or judging
        if not said or verb.base in lex.NOT_WHILE:
            return None
        issued = self.low(left) in lex.UTTERED and self.tokens[at].text in lex.UTTERING
        if (left == at - 1 and (self.low(left) in {",", "by", "and"} or issued)) or self.kind(left) == "quote":
            subject = earlier or self._leading_phrase(at)
            able = self.low(left) != "by" and subject is not None and self.can_speak(subject)
            if subject is None or not able or (judging and self._is_stated(subject)):
                return None
        else:
            subject = self._with_subject(left)
        return self._made(subject, at, verb, rank=Rank.PARTICIPLE) if subject else None

    def _with_subject(self, left: int) -> Phrase | None:
        """The subject of a participle after `with`: `with Lee Hall calling it late`."""
        if self.low(left) in lex.PREPOSITIONS | lex.JOINS | {""} or self.kind(left) != "word":
            return None
        first = self.back(left)
        if self.low(first - 1) != "with":
            first = next((k for k in range(left, max(left - 8, 0), -1) if self.low(k) == "with"), -2) + 1
        return self._phrase(first, left, left) if first > 0 else None

    def _is_stated(self, subject: Phrase) -> bool:
        """Whether a phrase leads a sentence that says what it is, not what it does: `The party is based on …, advocating …`."""
        found = self.leading()
        return found is not None and found[0] == subject and self.low(found[1]) in lex.BE

    def _subject(self, phrase: Phrase, at: int, left: int, verb: Verb) -> Saying | None:
        """The attribution to a phrase before its verb, if it can speak: main clause, or relative clause (`which X said was …`)."""
        if self._is_nobody(phrase, left) or not self._suits(phrase, at, left, verb):
            return None
        rank = self._clause_rank(phrase, verb)
        first = next(k for k in range(self.size) if self.tokens[k].start >= phrase.start)
        trailing = self.kind(first - 1) == "quote" or self.low(first - 1) in {",", "—", "–", "?", "!"}
        if trailing and rank == Rank.MAIN and self._closes(at):
            rank = Rank.FRAME
        return None if rank is None else self._made(phrase, at, verb, rank=rank)

    def _made(self, subject: Phrase, at: int, verb: Verb, *, rank: Rank) -> Saying:
        return Saying(subject, self.tokens[at].text, self._addressee(at, verb), rank, at)
