from __future__ import annotations

import pytest

from rag.index import Index

_ANSWERED = (
    "what did China say in Geneva?",
    "who launched xAI",
    "Where was the AI Safety Summit held?",
    "What did Guterres urge lawmakers and regulators to do?",
)
_UNANSWERED = ("what did India say in Geneva?", "Who won the 2022 World Cup final?", "apple vision pro price")


@pytest.mark.parametrize("question", _ANSWERED)
def test_an_answer_is_quotes_with_markers_in_order(seeds_index: Index, question: str) -> None:
    answer = seeds_index.ask(question)
    assert not answer.abstained
    assert 1 <= len(answer.citations) <= 3
    assert answer.text == " ".join(f"{citation.quote} [{citation.n}]" for citation in answer.citations)
    assert [citation.n for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    for citation in answer.citations:
        stored = seeds_index.article(citation.article.id).text
        assert stored[citation.start : citation.end] == citation.quote
        assert citation.quote == citation.quote.strip() != ""


@pytest.mark.parametrize("question", _ANSWERED)
def test_no_quote_is_boilerplate(seeds_index: Index, question: str) -> None:
    for citation in seeds_index.ask(question, min_confidence=0.0).citations:
        marks = seeds_index.article(citation.article.id).marks
        assert all(citation.end <= mark.start or mark.end <= citation.start for mark in marks)


@pytest.mark.parametrize("question", _UNANSWERED)
def test_an_abstention_has_no_answer_and_shows_the_nearest(seeds_index: Index, question: str) -> None:
    answer = seeds_index.ask(question)
    assert answer.abstained
    assert answer.text is None
    assert answer.citations == ()
    assert answer.hits


def test_the_threshold_decides_between_answer_and_abstention(seeds_index: Index) -> None:
    question = _ANSWERED[0]
    sure = seeds_index.ask(question).confidence
    assert not seeds_index.ask(question, min_confidence=sure).abstained
    assert seeds_index.ask(question, min_confidence=min(1.0, sure + 0.01)).abstained
    assert not seeds_index.ask(_UNANSWERED[1], min_confidence=0.0).abstained


def test_someone_who_says_nothing_in_the_articles_is_not_quoted_however_low_the_threshold(seeds_index: Index) -> None:
    answer = seeds_index.ask("what did India say in Geneva?", min_confidence=0.0)
    assert answer.abstained
    assert any("India as the speaker" in note for note in answer.notes)


def test_a_question_of_no_known_word_is_told_so(seeds_index: Index) -> None:
    answer = seeds_index.ask("中国在日内瓦说了什么？")
    assert answer.abstained
    assert any("ask in their language" in note for note in answer.notes)
    assert not seeds_index.ask(_UNANSWERED[0]).notes[1:]


def test_k_is_how_many_passages_are_shown_and_changes_no_answer(seeds_index: Index) -> None:
    few, many = (seeds_index.ask(_ANSWERED[0], k=k) for k in (1, 8))
    assert [hit.rank for hit in few.hits] == [1]
    assert [hit.rank for hit in many.hits] == list(range(1, 9))
    assert few.hits == many.hits[:1]
    assert few.citations == many.citations


def test_the_same_question_has_the_same_answer(seeds_index: Index) -> None:
    one, other = (seeds_index.ask(_ANSWERED[0]).as_json() for _ in range(2))
    assert one.pop("timings_ms")
    assert other.pop("timings_ms")
    assert one == other


def test_a_filter_leaves_the_rest_out(seeds_index: Index) -> None:
    answer = seeds_index.ask("What will the US and China discuss in Geneva?", since="2024-05-01", min_confidence=0.0)
    assert answer.citations
    assert {hit.article.published for hit in answer.hits} == {"2024-05-13"}
    assert {citation.article.published for citation in answer.citations} == {"2024-05-13"}
    assert any("without a date" in note for note in answer.notes)


def test_a_filter_that_keeps_everything_out_abstains(seeds_index: Index) -> None:
    answer = seeds_index.ask(_ANSWERED[0], source="The Daily Lantern")
    assert answer.abstained
    assert answer.hits == ()
    assert answer.confidence == 0
