"""Gold sets: questions with known, verbatim evidence, or known to have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import ArticleMissing, BadInput
from rag.types import Article


class Evidence(BaseModel):
    """A place that answers: a verbatim quote of an article, or a narrower span of code points in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    doc_id: str
    quote: str
    span: tuple[int, int] | None = None


class GoldQuestion(BaseModel):
    """A question, the places any one of which answers it (`require` all: one of each article), or none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    question: str
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answerable: bool
    kind: str = "other"
    require: Literal["any", "all"] = "any"


def load_questions(path: Path) -> list[GoldQuestion]:
    """The questions of a JSON-lines file.

    Raises:
        BadInput: the file or a line of it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the gold set {path} cannot be read", "Name a JSON-lines file of questions") from error
    questions = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                questions.append(GoldQuestion.model_validate(json.loads(line)))
            except (ValueError, ValidationError) as error:
                raise BadInput(
                    f"{path} line {number} is not a gold question", "See eval/README.md for the fields"
                ) from error
    if not questions:
        raise BadInput(f"the gold set {path} is empty", "Name a JSON-lines file of questions")
    return questions


def spans_of(question: GoldQuestion, article: Callable[[str], Article]) -> list[tuple[str, int, int]]:
    """Every place of the evidence as (article id, start, end).

    Raises:
        BadInput: a quote is not in its article, or the article is not in the index.
    """
    spans: list[tuple[str, int, int]] = []
    for evidence in question.evidence:
        if not evidence.quote:
            continue
        if evidence.span:
            spans.append((evidence.doc_id, *evidence.span))
            continue
        try:
            text = article(evidence.doc_id).text
        except ArticleMissing as error:
            raise BadInput(
                f"question {question.id}: article {evidence.doc_id} is not in the index", "Add it"
            ) from error
        at = text.find(evidence.quote)
        if at < 0:
            raise BadInput(
                f"question {question.id}: its quote is not in article {evidence.doc_id}", "Correct the quote"
            )
        while at >= 0:
            spans.append((evidence.doc_id, at, at + len(evidence.quote)))
            at = text.find(evidence.quote, at + 1)
    return spans
