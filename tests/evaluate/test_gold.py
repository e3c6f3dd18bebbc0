from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rag.errors import BadInput
from rag.evaluate.gold import GoldQuestion, Place, load_questions, misattributed, sample, spans_of
from rag.index import Index
from rag.resources import resource
from rag.types import Article, Citation

_TEXT = "The ferry sank. The ferry sank near Oslo."


def _article(article_id: str) -> Article:
    return Article(id=article_id, text=_TEXT)


def _question(**evidence: object) -> GoldQuestion:
    return GoldQuestion.model_validate(
        {"id": "q1", "question": "Where?", "answerable": True, "evidence": [{"doc_id": "a", "quote": "", **evidence}]}
    )


@pytest.fixture(scope="module")
def gold() -> list[GoldQuestion]:
    return load_questions(resource("eval/gold.jsonl"))


def test_a_line_is_a_question(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    line = {"id": "q1", "question": "Where?", "answerable": False, "note": "fields that are not known do no harm"}
    path.write_text(f"\n{json.dumps(line)}\n\n", encoding="utf-8")
    assert load_questions(path) == [GoldQuestion(id="q1", question="Where?", answerable=False)]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"id": "q1"}', '{"id": "q1", "question": 5, "answerable": true}'])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(f'{{"id": "q0", "question": "Where?", "answerable": false}}\n{line}\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"gold\.jsonl line 2 "):
        load_questions(path)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe"])
def test_a_file_without_questions_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"gold\.jsonl"):
        load_questions(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_questions(tmp_path / "none.jsonl")


def test_every_place_of_a_quote_is_evidence() -> None:
    assert spans_of(_question(quote="The ferry sank"), _article) == [("a", 0, 14), ("a", 16, 30)]


def test_a_span_narrows_the_evidence() -> None:
    assert spans_of(_question(quote="The ferry sank", span=[16, 30]), _article) == [("a", 16, 30)]


def test_an_empty_quote_is_the_whole_article() -> None:
    (place,) = spans_of(_question(quote=""), _article)
    assert place.whole
    assert place.holds("a", 3, 9)
    assert place.contained("a", 3, 9)
    assert not place.holds("b", 3, 9)


def test_alternative_sentences_are_evidence_too() -> None:
    question = _question(quote="The ferry sank near Oslo.").model_copy(
        update={"source_doc": "a", "alternative_sets": (("The ferry sank.",), ("The ferry sank.", "near Oslo"))}
    )
    assert spans_of(question, _article) == [("a", 16, 41), ("a", 0, 15), ("a", 31, 40)]
    assert question.documents == {"a"}


def test_a_quote_answers_when_it_contains_the_evidence_or_lies_inside_it() -> None:
    place = Place("a", 10, 20)
    cases = {(10, 20): True, (5, 25): True, (12, 18): True, (5, 19): False, (11, 25): False, (30, 40): False}
    assert {span: place.holds("a", *span) for span in cases} == cases
    assert [place.contained("a", *span) for span in ((5, 25), (12, 18))] == [True, False]
    assert not place.holds("b", 5, 25)


def test_a_passage_is_relevant_when_it_covers_half_of_a_place(seeds_index: Index) -> None:
    hit = seeds_index.search("AI Safety Summit", k=1)[0]
    doc, start, end = hit.article.id, hit.passage.start, hit.passage.end
    assert Place(doc, end - 5, end + 5).covered(hit)
    assert not Place(doc, end - 4, end + 5).covered(hit)
    assert not Place("other", start, end).covered(hit)
    (whole,) = spans_of(_question(doc_id=doc, quote=""), seeds_index.article)
    assert whole.covered(hit)
    (other,) = spans_of(_question(doc_id="other", quote=""), seeds_index.article)
    assert not other.covered(hit)


@pytest.mark.parametrize(("sentence", "wrongly"), [("The ferry sank near Oslo.", True), ("The ferry sank.", False)])
def test_words_of_somebody_else_are_misattributed(sentence: str, *, wrongly: bool) -> None:
    question = GoldQuestion.model_validate({"id": "q", "question": "?", "answerable": True, "not": [sentence]})
    cited = Citation(n=1, article=_article("a"), quote=_TEXT[16:41], start=16, end=41, score=1.0)
    assert misattributed(question, cited) is wrongly


def test_a_sample_is_the_same_in_any_order_and_keeps_the_order() -> None:
    questions = [GoldQuestion(id=f"q{n}", question="?", answerable=False) for n in range(30)]
    taken = sample(questions, 7)
    assert len(taken) == 7
    assert taken == [question for question in questions if question in taken]
    assert set(taken) == set(sample(questions[::-1], 7))
    assert set(taken) <= set(sample(questions, 8))
    assert sample(questions, None) == sample(questions, 30) == sample(questions, 99) == questions


def test_two_questions_with_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"id": "q0", "question": "Where?", "answerable": false}\n' * 2, encoding="utf-8")
    with pytest.raises(BadInput, match="two questions with the id q0"):
        load_questions(path)


def test_a_quote_that_is_not_in_its_article_is_an_error() -> None:
    with pytest.raises(BadInput, match="question q1: its quote is not in article a"):
        spans_of(_question(quote="The ferry swam"), _article)


def test_an_article_that_is_not_there_is_an_error(seeds_index: Index) -> None:
    with pytest.raises(BadInput, match="question q1: article nowhere is not in the index"):
        spans_of(_question(doc_id="nowhere", quote="x"), seeds_index.article)


def test_the_gold_set_is_as_large_as_it_must_be(gold: list[GoldQuestion]) -> None:
    answerable = [question for question in gold if question.answerable]
    unanswerable = [question for question in gold if not question.answerable]
    assert len(answerable) >= 60
    assert len(unanswerable) >= 20
    assert 2 * sum(question.kind == "near-miss" for question in unanswerable) >= len(unanswerable)


def test_the_gold_set_has_every_kind(gold: list[GoldQuestion]) -> None:
    kinds = Counter(question.kind for question in gold)
    assert set(kinds) >= {"who", "when", "where", "how-many", "said", "paraphrase", "two-articles", "near-miss"}
    assert min(kinds.values()) >= 5


def test_the_gold_set_asks_each_question_once(gold: list[GoldQuestion]) -> None:
    assert len({question.id for question in gold}) == len(gold)
    assert len({question.question.casefold() for question in gold}) == len(gold)


def test_the_gold_set_asks_the_questions_of_the_design(gold: list[GoldQuestion]) -> None:
    asked = {question.question: question.answerable for question in gold}
    assert asked["what did China say in Geneva?"] is True
    assert asked["what did India say in Geneva?"] is False


def test_every_answerable_question_has_evidence_and_no_other_has(gold: list[GoldQuestion]) -> None:
    for question in gold:
        assert bool(question.evidence) == bool(question.answers) == question.answerable, question.id


def test_every_quote_is_verbatim_in_its_seed(gold: list[GoldQuestion], seeds_index: Index) -> None:
    # A seed's id and text come from the index; that the text is the file's own, byte for byte, is checked here too.
    texts = {}
    for article in seeds_index.articles():
        assert article.path is not None
        assert Path(article.path).parent == resource("seeds")
        assert Path(article.path).read_bytes().decode("utf-8") == article.text
        texts[article.id] = article.text
    for question in gold:
        for evidence in question.evidence:
            assert evidence.quote in texts[evidence.doc_id], question.id
            assert evidence.quote.strip(), question.id


def test_two_article_questions_have_evidence_in_two_articles(gold: list[GoldQuestion]) -> None:
    two = [question for question in gold if question.kind == "two-articles"]
    assert all(len({evidence.doc_id for evidence in question.evidence}) >= 2 for question in two)
