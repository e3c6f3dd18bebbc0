"""A run: every gold question asked of an index, and what came of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from rag.evaluate.gold import GoldQuestion, spans_of
from rag.index import Index
from rag.types import Answer, Hit

PASSAGES = 10
_HALF = 0.5


class Result(BaseModel):
    """What came of one question.

    `relevant` holds the ranks (from 1) of the passages that cover at least half of a place of the evidence. `right`: a cited quote holds
    the evidence; `first_right`: the first quote does; `complete`: every article that the evidence needs is cited.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str
    kind: str
    answerable: bool
    abstained: bool
    confidence: float
    relevant: tuple[int, ...]
    right: bool
    first_right: bool
    complete: bool
    quotes: int
    verbatim: int
    milliseconds: float

    @property
    def correct(self) -> bool:
        """Whether the outcome is the one wanted: the right quote, or an abstention."""
        return self.right if self.answerable else self.abstained


class Run(BaseModel):
    """All results of a run, and what it ran on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gold: str
    digest: str
    model: str
    min_confidence: float
    results: tuple[Result, ...]


def run(
    index: Index,
    questions: Sequence[GoldQuestion],
    *,
    gold: str,
    min_confidence: float,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Run:
    """Asks every question and scores the answers.

    Raises:
        BadInput: the evidence of a question is not in the index.
    """
    places = {question.id: spans_of(question, index.article) for question in questions}
    results = []
    for number, question in enumerate(questions, start=1):
        started = time.perf_counter()
        answer = index.ask(question.question, k=PASSAGES, min_confidence=min_confidence)
        elapsed = 1e3 * (time.perf_counter() - started)
        results.append(_score(index, question, places[question.id], answer, elapsed))
        progress(number, len(questions))
    return Run(
        gold=gold,
        digest=index.manifest.digest,
        model=index.manifest.model.name,
        min_confidence=min_confidence,
        results=tuple(results),
    )


def _score(
    index: Index, question: GoldQuestion, places: Sequence[tuple[str, int, int]], answer: Answer, elapsed: float
) -> Result:
    holding = [
        {doc for doc, start, end in places if doc == cited.article.id and cited.start <= start and end <= cited.end}
        for cited in answer.citations
    ]
    cited = set().union(*holding) if holding else set()
    needed = {doc for doc, _, _ in places}
    return Result(
        id=question.id,
        question=question.question,
        kind=question.kind,
        answerable=question.answerable,
        abstained=answer.abstained,
        confidence=round(answer.confidence, 4),
        relevant=tuple(hit.rank for hit in answer.hits if _covers(hit, places)),
        right=bool(cited),
        first_right=bool(holding and holding[0]),
        complete=bool(cited) and (question.require == "any" or cited == needed),
        quotes=len(answer.citations),
        verbatim=sum(index.article(c.article.id).text[c.start : c.end] == c.quote for c in answer.citations),
        milliseconds=round(elapsed, 1),
    )


def _covers(hit: Hit, places: Sequence[tuple[str, int, int]]) -> bool:
    return any(
        doc == hit.article.id and min(end, hit.passage.end) - max(start, hit.passage.start) >= _HALF * (end - start)
        for doc, start, end in places
    )
