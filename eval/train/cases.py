"""The questions that weights and reranker are fitted on, each with what retrieval gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import Index, evidence
from rag.answer.choose import pool
from rag.answer.draft import PASSAGES
from rag.answer.features import FEATURES, Candidate, candidates
from rag.answer.question import Question, analyse
from rag.evaluate.gold import Evidence, GoldQuestion, load_questions, spans_of
from rag.retrieve import SHORTLIST, Found, retrieve
from rag.types import Filter

SETS = ("squad2", "xquad", "clapnq", "chunking", "wice")
WRITTEN = "written"
ASKED_BY_PEOPLE = ("squad2", "xquad", "clapnq", WRITTEN)
_QUESTIONS = Path(__file__).with_name("questions.jsonl")
_HELD_OUT = Path(__file__).with_name("held_out.txt")
_OFF_COLLECTION = 3
"""Of so many answerable questions one is also asked with its article left out."""
Vector = NDArray[np.float64]
Place = tuple[str, int, int]


@dataclass
class Case:
    """One question with what retrieval gives it; `kind` is answerable, unanswerable or off-collection.

    `held_out`: the shipped reranker was trained without it, and without any other question on its document.
    """

    name: str
    held_out: bool
    document: str
    kind: str
    question: Question
    vector: NDArray[np.float32]
    found: list[Found]
    relevant: NDArray[np.bool_]
    places: Sequence[Place]
    listed: list[Candidate] = field(default_factory=list)
    right: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))

    @property
    def evidence(self) -> Vector:
        """The features of the passages, shape (passages, features)."""
        return np.array([item.evidence for item in self.found]).reshape(-1, len(evidence.FEATURES))

    @property
    def values(self) -> Vector:
        """The features of the candidate sentences, shape (candidates, features)."""
        return np.array([candidate.values for candidate in self.listed]).reshape(-1, len(FEATURES))

    def rank(self, weights: Vector) -> None:
        """Takes the candidates of the passages that the weights rank first."""
        scores = self.evidence @ weights / (evidence.HIGHEST @ weights)
        order = np.argsort(-scores, kind="stable")[:PASSAGES]
        ranked = [
            self.found[at]._replace(hit=self.found[at].hit.model_copy(update={"score": float(scores[at])}))
            for at in order
        ]
        self.listed = pool(self.question, candidates(self.question, self.vector, ranked))
        right = [self.kind == "answerable" and any(_holds(one, place) for place in self.places) for one in self.listed]
        self.right = np.array(right, bool)


def cases(data: Path, cache: Path) -> Iterator[Case]:
    """The questions of all sets with what retrieval gives them."""
    written = [json.loads(line) for line in _QUESTIONS.read_text(encoding="utf-8").splitlines()]
    held_out = frozenset(_HELD_OUT.read_text(encoding="utf-8").splitlines())
    for name in sorted({*SETS, *(row["set"] for row in written)}):
        with Index.create(cache / name) as index:
            index.add(data / name / "corpus.jsonl")
            own = load_questions(data / name / "questions.jsonl") if name in SETS else []
            listed = [(name, question, question.answerable, spans_of(question, index.article)) for question in own]
            for row in (row for row in written if row["set"] == name):
                asked, near_miss = _questions(row)
                listed.append((WRITTEN, asked, True, spans_of(asked, index.article)))
                listed.append((WRITTEN, near_miss, False, []))
            for number, (label, question, answerable, places) in enumerate(listed):
                held = question.id.removesuffix("n") in held_out or question.id in held_out
                kinds = ["answerable" if answerable else "unanswerable"]
                if answerable and number % _OFF_COLLECTION == 0:
                    kinds.append("off-collection")
                for kind in kinds:
                    yield _case(label, index, question, places, kind, held_out=held)


def answerable_cases(data: Path, cache: Path) -> Iterator[Case]:
    """The answerable questions of the sets themselves."""
    for name in SETS:
        with Index.create(cache / name) as index:
            index.add(data / name / "corpus.jsonl")
            for question in load_questions(data / name / "questions.jsonl"):
                if question.answerable:
                    places = spans_of(question, index.article)
                    yield _case(name, index, question, places, "answerable", held_out=False)


def _questions(row: dict[str, str]) -> tuple[GoldQuestion, GoldQuestion]:
    places = (Evidence(doc_id=row["doc_id"], quote=row["quote"]),)
    asked = GoldQuestion(id=row["id"], question=row["question"], evidence=places, answerable=True)
    return asked, GoldQuestion(id=f"{row['id']}n", question=row["near_miss"], evidence=places, answerable=False)


def _case(
    name: str, index: Index, question: GoldQuestion, places: Sequence[Place], kind: str, *, held_out: bool
) -> Case:
    query, store = index.query(question.question), index.store
    hidden = frozenset(place.doc_id for place in question.evidence) if kind == "off-collection" else frozenset[str]()
    found = retrieve(store, query, k=SHORTLIST, where=Filter(without=hidden))
    relevant = [kind == "answerable" and any(_covers(item, place) for place in places) for item in found]
    analysed = analyse(query.text, store.frequencies(query.stems), store.manifest.passages)
    places_known = [place.doc_id for place in question.evidence] or [item.hit.article.id for item in found[:1]]
    document = places_known[0] if places_known else question.id
    return Case(name, held_out, document, kind, analysed, query.vector, found, np.array(relevant, bool), places)


def _covers(item: Found, place: Place) -> bool:
    """Whether a passage holds at least half of a place of the evidence."""
    document, start, end = place
    passage = item.hit.passage
    return document == item.hit.article.id and 2 * (min(end, passage.end) - max(start, passage.start)) >= end - start


def _holds(candidate: Candidate, place: Place) -> bool:
    """Whether a sentence holds a place of the evidence, or lies inside a longer one."""
    document, start, end = place
    first, last = candidate.sentence.start, candidate.sentence.end
    return document == candidate.hit.article.id and (
        (first <= start and end <= last) or (start <= first and last <= end)
    )
