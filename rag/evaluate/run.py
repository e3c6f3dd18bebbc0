"""A run: every gold question asked of an index, and what came of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from rag.errors import BadInput
from rag.evaluate.excerpts import PUBLISHED_FILES, Cover, Range, cover
from rag.evaluate.gold import GoldQuestion, Place, misattributed, spans_of
from rag.evaluate.names import same_name
from rag.evaluate.outcome import Outcome, outcome_of
from rag.index import Index
from rag.types import Answer, Citation

PASSAGES = 10
"""How many passages are looked at for relevance."""
EXCERPT_PASSAGES = 5
"""How many passages are scored character by character on the chunking set, as its publishers do."""
_SHOWN = 300


class Hidden(BaseModel):
    """What came of an answerable question asked again without the articles that answer it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    abstained: bool
    confidence: float


class Result(BaseModel):
    """What came of one question.

    Regardless of abstention: `relevant` holds the ranks (from 1) of the passages that cover at least half of a place of the evidence;
    `quoted` says of each quote, best first, whether it is right, `contained` whether it holds all of a place.

    Under the threshold: `right`: a cited quote is right; `first_right`: the first is; `complete`: every article that the evidence
    needs is cited; `right_article`: the first quote is from an article that holds an answer.

    `excerpts`: how far the first passages cover the evidence, character by character. None: not measured, or it does not apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str
    kind: str
    answerable: bool
    judged: bool = True
    abstained: bool
    confidence: float
    relevant: tuple[int, ...]
    quoted: tuple[bool, ...]
    contained: tuple[bool, ...]
    right: bool
    first_right: bool
    complete: bool
    right_article: bool
    misattributed: bool | None = None
    speaker_right: bool | None = None
    speaker_named: bool | None = None
    quotes: int
    verbatim: int
    excerpts: Cover | None = None
    hidden: Hidden | None = None
    milliseconds: float

    @property
    def correct(self) -> bool:
        """Whether the outcome is the one wanted: a right quote and nobody's words taken for another's, or an abstention."""
        return (self.right if self.answerable else self.abstained) and not self.misattributed

    @property
    def outcome(self) -> Outcome:
        """Its class."""
        return outcome_of(self)


class Run(BaseModel):
    """All results of a run, and what it ran on.

    `excerpt_passages`: how many passages were scored character by character, None where that was not asked for; `published`: the corpus
    is that of the chunking set's publishers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gold: str
    digest: str
    model: str
    articles: int
    passages: int
    min_confidence: float
    excerpt_passages: int | None = None
    published: bool = False
    results: tuple[Result, ...]


class Said(NamedTuple):
    """What was answered, for people to read; not part of a run, because a gold set's texts may not be ours to keep."""

    quote: str
    source: str
    wanted: str


def run(
    index: Index,
    questions: Sequence[GoldQuestion],
    *,
    gold: str,
    min_confidence: float,
    excerpt_passages: int | None = None,
    hide: bool = True,
    as_of: str | None = None,
    said: Callable[[str, Said], None] = lambda _id, _said: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Run:
    """Asks every question and scores the answers.

    Each is asked once, without a threshold, so that the best sentence is known also where `ask` would abstain; what `ask` answers under
    the threshold follows from the confidence.

    Args:
        index: where to look.
        questions: what to ask.
        gold: what to call the set.
        min_confidence: the confidence in 0..1 under which `ask` abstains.
        excerpt_passages: how many passages are scored character by character; None: five on the chunking set, none on others.
        as_of: the day that questions about time are read from, YYYY-MM-DD; None: today.
        hide: also ask each answerable question without the articles that answer it.
        said: told each question's id and what was answered.
        progress: told how many questions are done, of how many.

    Raises:
        BadInput: the evidence of a question is not in the index.
    """
    manifest = index.manifest
    published = manifest.articles == len(PUBLISHED_FILES) and {a.title for a in index.articles()} == PUBLISHED_FILES
    if published and excerpt_passages is None:
        excerpt_passages = EXCERPT_PASSAGES
    places = {question.id: spans_of(question, index.article) for question in questions}
    _check_articles(index, places)
    if questions:
        index.ask(
            questions[0].question, k=1
        )  # the model is loaded at the first question, which is then no slower than the others
    results = []
    for number, question in enumerate(questions, start=1):
        started = time.perf_counter()
        answer = index.ask(question.question, k=max(PASSAGES, excerpt_passages or 0), min_confidence=0.0, as_of=as_of)
        elapsed = 1e3 * (time.perf_counter() - started)
        scored = score(index, question, places[question.id], answer, min_confidence, excerpt_passages)
        hidden = (
            _hidden(index, question, min_confidence, as_of)
            if hide and question.answerable and question.judged
            else None
        )
        results.append(scored.model_copy(update={"milliseconds": round(elapsed, 1), "hidden": hidden}))
        said(question.id, _said(question, answer))
        progress(number, len(questions))
    return Run(
        gold=gold,
        digest=manifest.digest,
        model=manifest.model.name,
        articles=manifest.articles,
        passages=manifest.passages,
        min_confidence=min_confidence,
        excerpt_passages=excerpt_passages,
        published=published,
        results=tuple(results),
    )


def given(answer: Answer, min_confidence: float) -> list[Citation]:
    """The citations of an answer asked without a threshold that one with a threshold gives: those of its parts that are sure enough.

    What contradicts a citation is given with it.
    """
    if not answer.parts:
        return list(answer.citations) if answer.confidence >= min_confidence else []
    numbers = {n for part in answer.parts if part.confidence >= min_confidence for n in part.citations}
    numbers |= {n for conflict in answer.conflicts if numbers & set(conflict.citations) for n in conflict.citations}
    return [citation for citation in answer.citations if citation.n in numbers]


def sureness(answer: Answer, min_confidence: float) -> float:
    """The confidence, in 0..1, that an answer asked without a threshold has with one: that of the least sure part given.

    0 where there is nothing to quote.
    """
    if not answer.citations:
        return 0.0
    parts = [part.confidence for part in answer.parts if part.citations]
    return min((one for one in parts if one >= min_confidence), default=max(parts)) if parts else answer.confidence


def score(
    index: Index,
    question: GoldQuestion,
    places: Sequence[Place],
    answer: Answer,
    min_confidence: float,
    excerpt_passages: int | None = None,
) -> Result:
    """Scores one answer that was asked for without a threshold. Its time is not known here."""
    cited = given(answer, min_confidence)
    documents = [_answering(places, citation) for citation in cited]
    answering = set().union(*documents) if documents else set()
    needed = {place.doc_id for place in places}
    first = cited[0] if cited else None
    return Result(
        id=question.id,
        question=question.question,
        kind=question.kind,
        answerable=question.answerable,
        judged=question.judged,
        abstained=not cited,
        confidence=round(sureness(answer, min_confidence), 4),
        relevant=tuple(
            hit.rank for hit in answer.hits if hit.rank <= PASSAGES and any(place.covered(hit) for place in places)
        ),
        quoted=tuple(bool(_answering(places, citation)) for citation in answer.citations),
        contained=tuple(
            any(place.contained(citation.article.id, citation.start, citation.end) for place in places)
            for citation in answer.citations
        ),
        right=bool(answering),
        first_right=bool(documents and documents[0]),
        complete=bool(answering) and (question.require == "any" or answering == needed),
        right_article=first is not None and first.article.id in needed,
        misattributed=any(misattributed(question, citation) for citation in cited) if question.not_ else None,
        **_speaker(question, places, first),
        quotes=len(cited),
        verbatim=sum(index.article(c.article.id).text[c.start : c.end] == c.quote for c in cited),
        excerpts=_excerpts(answer, places, excerpt_passages),
        milliseconds=0.0,
    )


def _check_articles(index: Index, places: dict[str, list[Place]]) -> None:
    known = index.store.digests()
    for name, found in places.items():
        missing = next((place.doc_id for place in found if place.doc_id not in known), None)
        if missing is not None:
            raise BadInput(f"question {name}: article {missing} is not in the index", "Add it")


def _answering(places: Sequence[Place], citation: Citation) -> set[str]:
    quoted = (citation.article.id, citation.start, citation.end)
    return {place.doc_id for place in places if place.holds(*quoted)}


def _speaker(question: GoldQuestion, places: Sequence[Place], first: Citation | None) -> dict[str, bool | None]:
    """Whether the first quote, if right and of somebody whom the gold set names, names a speaker, and the right one."""
    if first is None or not _answering(places, first):
        return {"speaker_named": None, "speaker_right": None}
    speakers = [
        evidence.speaker
        for evidence in question.evidence
        if evidence.speaker
        and evidence.doc_id == first.article.id
        and (evidence.quote in first.quote or first.quote in evidence.quote)
    ]
    if not speakers:
        return {"speaker_named": None, "speaker_right": None}
    named = first.speaker
    return {
        "speaker_named": named is not None,
        "speaker_right": named is not None and any(same_name(named, speaker) for speaker in speakers),
    }


def _excerpts(answer: Answer, places: Sequence[Place], passages: int | None) -> Cover | None:
    excerpts: list[Range] = [(place.doc_id, place.start, place.end) for place in places if not place.whole]
    if not excerpts or passages is None:
        return None
    return cover([(hit.article.id, hit.passage.start, hit.passage.end) for hit in answer.hits[:passages]], excerpts)


def _hidden(index: Index, question: GoldQuestion, min_confidence: float, as_of: str | None) -> Hidden:
    answer = index.ask(question.question, k=1, min_confidence=0.0, without=question.documents, as_of=as_of)
    return Hidden(
        abstained=not given(answer, min_confidence),
        confidence=round(sureness(answer, min_confidence), 4),
    )


def _said(question: GoldQuestion, answer: Answer) -> Said:
    first = answer.citations[0] if answer.citations else None
    wanted = "; ".join(question.answers) or next((evidence.quote for evidence in question.evidence), "")
    return Said(
        quote=first.quote[:_SHOWN] if first else "",
        source=first.article.label if first else "",
        wanted=wanted[:_SHOWN],
    )
