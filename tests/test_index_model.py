"""The library's front door with the default model, over the seeds: verbatim, deterministic, and itself over again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import rag
from rag.config import DEFAULT_MODEL, Settings
from rag.resources import resource

QUESTIONS = [
    "What did China say in Geneva?",
    "What did Musk say about China and artificial intelligence?",
    "Who won the football world cup in 1966?",
    "中国在日内瓦说了什么？",
    "Was sagte China in Genf?",
]


def same(answer: rag.Answer) -> bytes:
    """The answer's JSON, byte for byte, but for the times it took."""
    record = answer.as_json()
    assert record.pop("timings_ms")
    return json.dumps(record, ensure_ascii=False).encode()


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_citation_is_verbatim(seeds_index: rag.Index, question: str) -> None:
    answer = seeds_index.ask(question)
    assert answer.abstained == (answer.text is None) == (not answer.citations)
    for number, citation in enumerate(answer.citations, start=1):
        assert citation.n == number
        assert citation.quote == citation.article.text[citation.start : citation.end]
        assert citation.article == seeds_index.article(citation.article.id)
        assert citation.quote in Path(citation.article.path or "").read_text(encoding="utf-8")
    markers = [int(number) for number in re.findall(r"\[(\d+)\]", answer.text or "")]
    assert markers == list(range(1, len(answer.citations) + 1))
    assert 0 <= answer.confidence <= 1
    assert len(answer.hits) == 5
    for hit in answer.hits:
        assert hit.text == hit.article.text[hit.passage.start : hit.passage.end]


def test_a_plain_question_is_answered_from_the_article_that_says_so(seeds_index: rag.Index) -> None:
    answer = seeds_index.ask("Where did China and the US hold their first meeting on artificial intelligence?")
    assert not answer.abstained
    assert "Geneva" in answer.citations[0].quote


def test_a_question_that_no_article_answers_is_not_answered(seeds_index: rag.Index) -> None:
    answer = seeds_index.ask("Who won the football world cup in 1966?")
    assert answer.abstained
    assert answer.citations == ()
    assert answer.hits


def test_the_lowest_threshold_answers_and_the_highest_does_not(seeds_index: rag.Index) -> None:
    question = "What did China say in Geneva?"
    assert not seeds_index.ask(question, min_confidence=0).abstained
    assert seeds_index.ask(question, min_confidence=1).abstained


def test_k_is_how_many_passages_are_shown_and_changes_no_answer(seeds_index: rag.Index) -> None:
    question = "What did China say in Geneva?"
    one, many = seeds_index.ask(question, k=1), seeds_index.ask(question, k=12)
    assert (len(one.hits), len(many.hits)) == (1, 12)
    assert one.citations == many.citations
    assert [hit.passage for hit in seeds_index.search(question, k=12)] == [hit.passage for hit in many.hits]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_question_has_the_same_answer(seeds_index: rag.Index, question: str) -> None:
    first = same(seeds_index.ask(question))
    assert same(seeds_index.ask(question)) == first
    with rag.Index.open(seeds_index.info.path, settings=Settings()) as again:
        assert same(again.ask(question)) == first


def test_the_same_articles_make_the_same_index(seeds_index: rag.Index, tmp_path: Path) -> None:
    with rag.Index.create(tmp_path / "index", settings=Settings(), embedder=seeds_index.embedder) as other:
        for path in sorted(resource("seeds").glob("*.txt"), reverse=True):
            other.add(path)
        assert other.info.digest == seeds_index.info.digest
        for question in QUESTIONS:
            assert other.ask(question).text == seeds_index.ask(question).text


def test_an_undated_article_is_left_out_by_a_date_and_that_is_said(seeds_index: rag.Index) -> None:
    undated = {article.id for article in seeds_index.articles() if article.published is None}
    answer = seeds_index.ask("What did China say in Geneva?", since="2000-01-01")
    assert undated
    assert not undated & {hit.article.id for hit in answer.hits}
    assert any(str(len(undated)) in note for note in answer.notes)


def test_the_index_names_its_model(seeds_index: rag.Index) -> None:
    model = seeds_index.manifest.model
    assert model.name == DEFAULT_MODEL
    assert model == seeds_index.embedder.info
    assert seeds_index.manifest.articles == seeds_index.info.articles == 5
    with rag.Index.open(seeds_index.info.path, settings=Settings(model="all-MiniLM-L6-v2")) as again:
        assert again.manifest == seeds_index.manifest
