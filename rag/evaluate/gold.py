"""Gold sets: questions with known, verbatim evidence, or known to have none."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import ArticleMissing, BadInput
from rag.types import Article, Citation, Hit

_HALF = 0.5
_WHOLE = sys.maxsize


class Place(NamedTuple):
    """A range of code points of an article that answers a question; a whole document where `whole`."""

    doc_id: str
    start: int
    end: int

    @property
    def whole(self) -> bool:
        """Whether all that is known is the document."""
        return self.end == _WHOLE

    def holds(self, doc_id: str, start: int, end: int) -> bool:
        """Whether a quote answers: it contains this place, or lies inside it. The one definition of a right quote.

        The first half is the usual one; the second is for evidence longer than a sentence, of which any sentence counts. `contained` is
        the stricter reading.
        """
        return doc_id == self.doc_id and (
            (start <= self.start and self.end <= end) or (self.start <= start and end <= self.end)
        )

    def contained(self, doc_id: str, start: int, end: int) -> bool:
        """Whether a quote contains the place, all of it; of a whole document, whether the quote is from it."""
        return doc_id == self.doc_id and (self.whole or (start <= self.start and self.end <= end))

    def covered(self, hit: Hit) -> bool:
        """Whether a passage is relevant: it covers at least half of the place, or is of the document where that is all that is known."""
        passage = hit.passage
        if self.doc_id != hit.article.id or self.whole:
            return self.doc_id == hit.article.id
        shared = min(self.end, passage.end) - max(self.start, passage.start)
        return shared >= _HALF * (self.end - self.start)


class Evidence(BaseModel):
    """A place that answers: a verbatim quote of an article (empty: the article as a whole), or a narrower span of code points in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    doc_id: str
    quote: str
    span: tuple[int, int] | None = None
    speaker: str | None = None


class GoldQuestion(BaseModel):
    """A question, the places any one of which answers it (`require` all: one of each article), or none.

    `alternative_sets` are further verbatim sentences of `source_doc` that answer as well; `not_` (in files: `not`) are sentences
    that somebody else says, so that quoting one attributes it wrongly.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: str
    question: str
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answerable: bool
    kind: str = "other"
    require: Literal["any", "all"] = "any"
    source_doc: str | None = None
    alternative_sets: tuple[tuple[str, ...], ...] = ()
    not_: tuple[str, ...] = Field(default=(), alias="not")

    @property
    def documents(self) -> frozenset[str]:
        """The articles that hold an answer."""
        alternative = {self.source_doc} if self.alternative_sets and self.source_doc else set()
        return frozenset({evidence.doc_id for evidence in self.evidence} | alternative)

    @property
    def judged(self) -> bool:
        """Whether an answer to it can be scored: it is unanswerable, or its evidence is known."""
        return not self.answerable or bool(self.evidence)


_Row = TypeVar("_Row", bound=BaseModel)


def load_questions(path: Path) -> list[GoldQuestion]:
    """The questions of a JSON-lines file.

    Raises:
        BadInput: the file or a line of it cannot be read, or two questions have the same id.
    """
    questions = read_rows(path, GoldQuestion, "gold question")
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise BadInput(f"{path} has two questions with the id {question.id}", "Give each an id of its own")
        seen.add(question.id)
    return questions


def read_rows(path: Path, kind: type[_Row], name: str) -> list[_Row]:
    """The rows of a JSON-lines file.

    Raises:
        BadInput: the file or a line of it cannot be read, or it is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the gold set {path} cannot be read", f"Name a JSON-lines file, one {name} a line") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                rows.append(kind.model_validate(json.loads(line)))
            except (ValueError, ValidationError) as error:
                raise BadInput(f"{path} line {number} is not a {name}", "See eval/README.md for the fields") from error
    if not rows:
        raise BadInput(f"the gold set {path} is empty", f"Name a JSON-lines file, one {name} a line")
    return rows


def listed(questions: Sequence[GoldQuestion], only: Path | None) -> list[GoldQuestion]:
    """The questions whose ids a file names, one a line; all of them without a file.

    Raises:
        BadInput: the file cannot be read, or names none of the questions.
    """
    if only is None:
        return list(questions)
    try:
        names = {line.strip() for line in only.read_text(encoding="utf-8").splitlines()}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the list of questions {only} cannot be read", "Name a file of ids, one a line") from error
    kept = [question for question in questions if question.id in names]
    if not kept:
        raise BadInput(f"{only} names none of the questions", "Name a file of their ids, one a line")
    return kept


def sample(questions: Sequence[GoldQuestion], limit: int | None) -> list[GoldQuestion]:
    """The first `limit` questions by the hash of their ids: always the same ones, and no more of one kind than by chance."""
    if limit is None or limit >= len(questions):
        return list(questions)
    order = sorted(questions, key=lambda question: hashlib.sha256(question.id.encode()).hexdigest())
    kept = {question.id for question in order[:limit]}
    return [question for question in questions if question.id in kept]


def spans_of(question: GoldQuestion, article: Callable[[str], Article]) -> list[Place]:
    """Every place of the evidence, alternatives included.

    Raises:
        BadInput: a quote is not in its article, or the article is not in the index.
    """
    places: list[Place] = []
    for evidence in question.evidence:
        if evidence.span:
            places.append(Place(evidence.doc_id, *evidence.span))
        elif not evidence.quote:
            places.append(Place(evidence.doc_id, 0, _WHOLE))
        else:
            places += _everywhere(question, evidence.doc_id, evidence.quote, article)
    if question.source_doc:
        sentences = dict.fromkeys(sentence for one in question.alternative_sets for sentence in one if sentence)
        for sentence in sentences:
            places += _everywhere(question, question.source_doc, sentence, article)
    return list(dict.fromkeys(places))


def _everywhere(question: GoldQuestion, doc_id: str, quote: str, article: Callable[[str], Article]) -> list[Place]:
    try:
        text = article(doc_id).text
    except ArticleMissing as error:
        raise BadInput(f"question {question.id}: article {doc_id} is not in the index", "Add it") from error
    found = [Place(doc_id, start, end) for start, end in occurrences(text, quote)]
    if not found:
        raise BadInput(f"question {question.id}: its quote is not in article {doc_id}", "Correct the quote")
    return found


def occurrences(text: str, quote: str) -> list[tuple[int, int]]:
    """Where a quote stands in a text, each time, as (start, end)."""
    found = []
    at = text.find(quote)
    while at >= 0:
        found.append((at, at + len(quote)))
        at = text.find(quote, at + 1)
    return found


def misattributed(question: GoldQuestion, citation: Citation) -> bool:
    """Whether a citation quotes one of the sentences that somebody else says: they share at least half of the shorter."""
    for sentence in question.not_:
        for start, end in occurrences(citation.article.text, sentence):
            shared = min(end, citation.end) - max(start, citation.start)
            if shared >= _HALF * min(end - start, citation.end - citation.start) and shared > 0:
                return True
    return False
