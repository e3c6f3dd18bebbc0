"""A drafted answer to one that a language model wrote: only what the articles support is shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.answer import Drafted, Request, time_of, witnesses_of
from rag.answer.cite import citation, withheld
from rag.answer.synthesis.claims import ClaimReader, Written
from rag.answer.synthesis.fence import fenced
from rag.answer.synthesis.writer import Writer
from rag.answer.verify import Judgement, Source
from rag.llm import Message, Stop, Usage
from rag.retrieve import Found
from rag.types import Answer, Citation, Claim, Conflict, Writing

OnClaim = Callable[[Claim, tuple[Citation, ...]], None]
"""Told of each claim that stands in the answer, once it is verified, with the citations that it rests on."""


def synthesise(
    writer: Writer,
    request: Request,
    asked: Drafted,
    answer: Answer,
    on_claim: OnClaim = lambda _claim, _citations: None,
) -> Answer:
    """The answer as a language model writes it: claims that the articles support, or an abstention.

    Args:
        writer: the model, its prompt and its verifier.
        request: where the articles are.
        asked: the question, with what was found for it.
        answer: the extractive answer to it, which is not an abstention.
        on_claim: told of each claim that is shown, as soon as it is.

    Raises:
        LLMMissing: the model turns out not to be there.
        LLMFailed: no reply came, or it broke off.
        BadPrompt: the prompt cannot be filled in.
    """
    found = asked.found[: writer.passages]
    messages = _messages(writer, asked.question, found, request.as_of)
    checking = _Checking(writer, request, _sources(found), on_claim)
    reader = ClaimReader(writer.most_claims, len(found))
    stop: Stop | None = None
    usage, cached = Usage(), False
    for piece, kept in writer.reply(asked.question, answer.index.digest, messages):
        cached = kept
        stop, usage = piece.stop or stop, piece.usage or usage
        checking.take(reader.feed(piece.text))
    checking.take(reader.end(cut=stop == "length"))
    writing = Writing(
        model=writer.llm.name,
        prompt=writer.prompt.name,
        prompt_version=writer.prompt.version,
        prompt_digest=writer.prompt.digest,
        passages=tuple(item.hit.passage.passage_id for item in found),
        cached=cached,
        requests=0 if cached else usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=0.0 if cached else usage.cost,
    )
    notes = [*_told(writer, stop, reader.faults, checking.claims), *checking.faults]
    with writer.using:
        return _answer(request, asked, answer, checking, writing, notes)


def _messages(writer: Writer, question: str, found: Sequence[Found], today: dt.date) -> list[Message]:
    rendered = writer.prompt.render(
        question=question,
        passages=fenced([item.hit for item in found]),
        most_claims=writer.most_claims,
        today=today.isoformat(),
    )
    return [Message(role, text) for role, text in rendered]


def _sources(found: Sequence[Found]) -> list[Source]:
    """The quotable sentences of the passages, each once, with the numbers of the passages that hold it."""
    listed: dict[tuple[str, int, int], Source] = {}
    for number, item in enumerate(found, start=1):
        hit = item.hit
        for sentence, vector in zip(hit.passage.sentences, item.sentence_vectors, strict=True):
            place = (hit.article.id, sentence.start, sentence.end)
            if place in listed:
                known = listed[place]
                listed[place] = Source(known.article, known.sentence, known.vector, (*known.passages, number))
            elif sentence.quotable:
                listed[place] = Source(hit.article, sentence, vector, (number,))
    return list(listed.values())


@dataclass
class _Checking:
    """Claims as they come, judged, and the citations of those that are supported.

    Those that are shown struck through wait for the first that is supported: without one, nothing is shown.
    """

    writer: Writer
    request: Request
    sources: Sequence[Source]
    on_claim: OnClaim
    claims: list[Claim] = field(default_factory=list)
    citations: dict[tuple[str, int, int], Citation] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    waiting: list[Claim] = field(default_factory=list)
    supported: bool = False

    def take(self, written: Sequence[Written]) -> None:
        for one in written:
            with self.writer.using:
                claim = self._checked(one)
            self.claims.append(claim)
            if claim.shown:
                self.waiting.append(claim)
            self.supported = self.supported or claim.verdict == "supported"
            if self.supported:
                self._show()

    def _show(self) -> None:
        waiting, self.waiting = self.waiting, []
        for claim in waiting:
            self.on_claim(claim, tuple(self._cited(claim)))

    def _cited(self, claim: Claim) -> Iterator[Citation]:
        by_number = {citation.n: citation for citation in self.citations.values()}
        return (by_number[n] for n in claim.citations)

    def _checked(self, one: Written) -> Claim:
        judgement, recited = self._judged(one)
        numbers: tuple[int, ...] = ()
        verdict, reasons = judgement.verdict, judgement.reasons
        shown = verdict == "supported" or self.writer.show_unsupported
        if shown and verdict != "unsupported":
            numbers = self._numbers(judgement)
            if not numbers:
                verdict, reasons, shown = (
                    "unsupported",
                    ("the sentence it rests on has changed",),
                    self.writer.show_unsupported,
                )
        return Claim(
            text=one.text,
            verdict=verdict,
            support=round(judgement.support, 4),
            passages=one.passages,
            citations=numbers,
            recited=recited and verdict == "supported",
            reasons=reasons,
            shown=shown,
        )

    def _judged(self, one: Written) -> tuple[Judgement, bool]:
        """The judgement by the passages that the claim names, or by all where those do not support it, and whether it is by all."""
        named = [source for source in self.sources if set(source.passages) & set(one.passages)]
        first = self.writer.verifier.judge(one.text, named)
        if first.verdict == "supported" or len(named) == len(self.sources):
            return first, False
        other = self.writer.verifier.judge(one.text, self.sources)
        return (other, True) if not named or other.verdict == "supported" else (first, False)

    def _numbers(self, judgement: Judgement) -> tuple[int, ...]:
        """The numbers of a judgement's citations; none where one of its sentences has changed. A sentence that was cited before keeps its number."""
        cited: dict[tuple[str, int, int], Citation] = {}
        for source in judgement.sources:
            place = (source.article.id, source.sentence.start, source.sentence.end)
            n = len(self.citations) + sum(one not in self.citations for one in cited) + 1
            made = self.citations.get(place) or citation(
                self.request.store, source.article, source.sentence, n=n, score=judgement.support
            )
            if made is None:
                self.faults = [*dict.fromkeys((*self.faults, withheld(source.article)))]
                return ()
            cited[place] = made
        self.citations |= cited
        return tuple(sorted(one.n for one in cited.values()))


def shown_text(claim: Claim) -> str:
    """A claim as it stands in the answer: with the numbers of its citations, or struck through."""
    marks = "".join(f"[{n}]" for n in claim.citations)
    if claim.verdict == "supported":
        return f"{claim.text} {marks}"
    if claim.verdict == "partly":
        return f"~~{claim.text}~~ (only partly supported) {marks}".rstrip()
    return f"~~{claim.text}~~ (not supported)"


def _told(writer: Writer, stop: Stop | None, faults: Sequence[str], claims: Sequence[Claim]) -> list[str]:
    """What its user should know of how the model wrote."""
    name = writer.llm.name
    told = {"cut off"} if stop == "length" else set()
    notes = [f"{name}: {fault}" for fault in faults if fault not in told]
    if stop == "length":
        notes.append(f"{name} was cut off after {writer.limits.max_tokens} tokens; raise llm_max_tokens for more")
    supported = sum(claim.verdict == "supported" for claim in claims)
    if stop == "refusal":
        notes.append(f"{name} declined to answer")
    elif not claims:
        notes.append(f"{name} found no answer in the passages")
    elif not supported:
        made = "the one claim" if len(claims) == 1 else f"any of the {len(claims)} claims"
        notes.append(f"the articles do not fully support {made} that {name} made")
    dropped = len(claims) - supported
    if supported and dropped:
        verb = "struck through" if writer.show_unsupported else "left out"
        notes.append(f"{dropped} of {len(claims)} claims {verb}: the articles do not fully support them")
    return notes


def _answer(
    request: Request, asked: Drafted, answer: Answer, checking: _Checking, writing: Writing, notes: Sequence[str]
) -> Answer:
    shown = [claim for claim in checking.claims if claim.shown]
    supported = any(claim.verdict == "supported" for claim in shown)
    citations = tuple(checking.citations.values()) if supported else ()
    when, told = time_of(asked, citations)
    conflicts, differing = _conflicts(answer, checking.citations) if supported else ((), [])
    kept = [note for note in answer.notes if note not in told and note not in time_of(asked, answer.citations)[1]]
    claims = checking.claims
    if not supported:  # an abstention cites nothing
        claims = [claim.model_copy(update={"citations": (), "shown": False}) for claim in claims]
    return answer.model_copy(
        update={
            "text": " ".join(shown_text(claim) for claim in shown) if supported else None,
            "abstained": not supported,
            "mode": "synthesis",
            "citations": citations,
            "parts": (),
            "conflicts": conflicts,
            "witnesses": witnesses_of(request.store, citations),
            "when": when,
            "claims": tuple(claims),
            "writing": writing,
            "notes": (*told, *kept, *differing, *notes),
        }
    )


def _conflicts(answer: Answer, cited: dict[tuple[str, int, int], Citation]) -> tuple[tuple[Conflict, ...], list[str]]:
    """The disagreements of the extractive answer between sentences that are cited here too, and notes on the others."""
    places = {one.n: (one.article.id, one.start, one.end) for one in answer.citations}
    kept, notes = [], []
    for conflict in answer.conflicts:
        numbers = {n: cited[places[n]].n for n in conflict.citations if places[n] in cited}
        if len(numbers) == len(conflict.citations):
            first, second = (numbers[n] for n in conflict.citations)
            newer = numbers[conflict.newer] if conflict.newer else None
            kept.append(conflict.model_copy(update={"citations": (first, second), "newer": newer}))
        else:
            notes.append(f"the articles differ: {' / '.join(conflict.words)}; ask without a language model to see both")
    return tuple(kept), notes
