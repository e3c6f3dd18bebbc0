from __future__ import annotations

import pytest

from rag.errors import BadInput
from rag.evaluate.gold import GoldQuestion, load_questions
from rag.evaluate.run import PASSAGES, Result, Run, run
from rag.index import Index
from rag.resources import resource


def _questions() -> list[GoldQuestion]:
    return load_questions(resource("eval/gold.jsonl"))


@pytest.fixture(scope="module")
def finished(seeds_index: Index) -> Run:
    return run(seeds_index, _questions(), gold="gold.jsonl", min_confidence=0.2)


def _one(index: Index, question: str, *quotes: tuple[str, str], require: str = "any") -> Result:
    asked = GoldQuestion.model_validate(
        {
            "id": "q",
            "question": question,
            "answerable": bool(quotes),
            "evidence": [{"doc_id": doc, "quote": quote} for doc, quote in quotes],
            "require": require,
        }
    )
    return run(index, [asked], gold="one", min_confidence=0.2).results[0]


def _cited(index: Index, question: str) -> tuple[str, str]:
    first = index.ask(question, k=PASSAGES).citations[0]
    return first.article.id, first.quote


def test_every_question_has_a_result_in_order(finished: Run) -> None:
    assert [(r.id, r.question) for r in finished.results] == [(q.id, q.question) for q in _questions()]


def test_every_quote_is_verbatim(finished: Run) -> None:
    assert sum(result.quotes for result in finished.results) > 60
    assert all(result.verbatim == result.quotes for result in finished.results)


def test_a_run_says_what_it_ran_on(finished: Run, seeds_index: Index) -> None:
    assert finished.digest == seeds_index.manifest.digest
    assert finished.model == seeds_index.manifest.model.name
    assert (finished.gold, finished.min_confidence) == ("gold.jsonl", 0.2)


def test_what_abstains_quotes_nothing_and_is_not_right(finished: Run) -> None:
    abstained = [result for result in finished.results if result.abstained]
    assert abstained
    assert not any(result.quotes or result.right or result.complete for result in abstained)


def test_the_question_of_the_design_is_answered_and_its_near_miss_is_not(finished: Run) -> None:
    by_question = {result.question: result for result in finished.results}
    assert by_question["what did China say in Geneva?"].right
    assert by_question["what did India say in Geneva?"].correct


def test_progress_is_told_question_by_question(seeds_index: Index) -> None:
    told: list[tuple[int, int]] = []
    asked = _questions()[:3]
    run(seeds_index, asked, gold="three", min_confidence=0.2, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_quote_that_holds_the_evidence_is_right(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    result = _one(seeds_index, question, _cited(seeds_index, question))
    assert result.right
    assert result.first_right
    assert result.complete
    assert result.correct
    assert result.relevant


def test_a_quote_that_holds_only_a_part_of_the_evidence_is_wrong(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    text = seeds_index.article(doc).text
    at = text.index(quote)
    result = _one(seeds_index, question, (doc, text[at : at + len(quote) + 20]))
    assert not result.right
    assert not result.correct


def test_evidence_in_all_articles_is_complete_only_when_all_are_cited(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    other = next(article for article in seeds_index.articles() if article.id != doc)
    needed = [(doc, quote), (other.id, other.text[other.story[-1].start :][:60])]
    assert _one(seeds_index, question, *needed).complete
    result = _one(seeds_index, question, *needed, require="all")
    assert result.right
    assert not result.complete


def test_an_unanswerable_question_wants_an_abstention(seeds_index: Index) -> None:
    assert _one(seeds_index, "Who won the 2022 World Cup final?").correct
    assert not _one(seeds_index, "Where was the AI Safety Summit held?").correct


def test_evidence_that_is_not_there_stops_the_run(seeds_index: Index) -> None:
    with pytest.raises(BadInput, match="not in the index"):
        _one(seeds_index, "Where?", ("nowhere", "quote"))
