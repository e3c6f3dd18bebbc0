from __future__ import annotations

import pytest
from pydantic import ValidationError

from rag.types import Answer, Article, Citation, Filter, Hit, IndexInfo, Mark, Passage, Sentence, Span

TEXT = "Headline\n\nThe mayor spoke on Monday. Nobody else did.\n\nReporting by Jane Doe"
STORY_START, STORY_END = TEXT.index("The mayor"), TEXT.index("Reporting")
MARKS = (Mark(start=0, end=8, kind="title"), Mark(start=STORY_END, end=len(TEXT), kind="trailer"))


def article(**fields: object) -> Article:
    return Article.model_validate({"id": "a1", "text": TEXT, "marks": MARKS} | fields)


def test_story_is_the_text_between_the_marks() -> None:
    found = article()
    assert [TEXT[start:end].strip() for start, end in found.story] == ["The mayor spoke on Monday. Nobody else did."]


def test_story_of_a_text_without_marks_is_all_of_it() -> None:
    assert article(marks=()).story == (Span(0, len(TEXT)),)


def test_story_of_a_text_that_is_all_marks_is_empty() -> None:
    assert article(marks=(Mark(start=0, end=len(TEXT), kind="title"),)).story == ()


def test_story_ignores_a_mark_inside_another() -> None:
    marks = (Mark(start=0, end=20, kind="caption"), Mark(start=5, end=9, kind="credit"))
    assert article(marks=marks).story == (Span(20, len(TEXT)),)


def test_label_is_the_title_else_the_first_words_of_the_story() -> None:
    assert article(title="Mayor speaks").label == "Mayor speaks"
    assert article().label == "The mayor spoke on Monday. Nobody else did…"
    assert article(text=" ", marks=()).label == "(empty)"


@pytest.mark.parametrize("published", ["2024", "2024-05", "2024-05-13", "2024-02-29", "9999-12", None])
def test_published_is_a_date_as_precise_as_known(published: str | None) -> None:
    assert article(published=published).published == published


@pytest.mark.parametrize(
    "published", ["", "July 12", "2024-5-13", "13-05-2024", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "0000"]
)
def test_published_that_is_no_date_is_refused(published: str) -> None:
    with pytest.raises(ValidationError, match="published"):
        article(published=published)


def test_models_are_frozen_and_refuse_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        article().text = "rewritten"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        article(headline="no such field")


def test_empty_filter_is_false() -> None:
    assert not Filter()
    assert Filter(source="Example News")


def test_answer_as_json_follows_schema_version_1() -> None:
    found = article(title="Mayor speaks", source="Example News", authors=("Jane Doe",), published="2024-05")
    quote = "The mayor spoke on Monday."
    start, end = STORY_START, STORY_START + len(quote)
    passage = Passage(
        passage_id="a1#0", article_id="a1", start=start, end=end, sentences=(Sentence(start=start, end=end),)
    )
    answer = Answer(
        question="Who spoke?",
        text=f"{quote} [1]",
        abstained=False,
        confidence=0.123456,
        citations=(Citation(n=1, article=found, quote=quote, start=start, end=end, score=0.5, also_in=("b2",)),),
        hits=(Hit(rank=1, passage=passage, article=found, score=0.5, dense=0.4, lexical=0.6),),
        index=IndexInfo(path="index", articles=1, passages=1, digest="d" * 64),
        timings_ms={"embed": 1.2345},
    )
    document = answer.as_json()
    citation = {
        "n": 1,
        "article_id": "a1",
        "title": "Mayor speaks",
        "source": "Example News",
        "authors": ["Jane Doe"],
        "published": "2024-05",
        "url": None,
        "path": None,
        "quote": quote,
        "start": start,
        "end": end,
        "score": 0.5,
        "speaker": None,
        "also_in": ["b2"],
    }
    hit = {
        "rank": 1,
        "passage_id": "a1#0",
        "article_id": "a1",
        "text": quote,
        "start": start,
        "end": end,
        "score": 0.5,
    }
    expected = {
        "schema": 1,
        "question": "Who spoke?",
        "answer": f"{quote} [1]",
        "abstained": False,
        "confidence": 0.1235,
        "mode": "extractive",
        "index": {"path": "index", "articles": 1, "passages": 1, "digest": "d" * 64},
        "timings_ms": {"embed": 1.2},
    }
    assert expected.items() <= document.items()
    assert isinstance(document["citations"], list)
    assert citation.items() <= document["citations"][0].items()
    assert document["passages"] == [hit]
