from __future__ import annotations

import pytest

from rag.errors import BadInput
from rag.evaluate.gold import GoldQuestion, load_questions, spans_of
from rag.evaluate.outcome import Outcome
from rag.evaluate.run import PASSAGES, Result, Run, Said, given, run, score, sureness
from rag.index import Index
from rag.resources import resource
from rag.types import Conflict, Part


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
    first = index.ask(question, k=PASSAGES, min_confidence=0.0).citations[0]
    return first.article.id, first.quote


def _evidence(index: Index, question: str) -> dict[str, str]:
    doc, quote = _cited(index, question)
    return {"doc_id": doc, "quote": quote}


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


def test_a_quote_that_lies_inside_longer_evidence_is_right_but_does_not_contain_it(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    text = seeds_index.article(doc).text
    at = text.index(quote)
    result = _one(seeds_index, question, (doc, text[at : at + len(quote) + 20]))
    assert result.first_right
    assert result.quoted[0]
    assert not result.contained[0]


def test_a_quote_that_crosses_the_edge_of_the_evidence_is_wrong(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    text = seeds_index.article(doc).text
    at = text.index(quote)
    result = _one(seeds_index, question, (doc, text[at + 5 : at + len(quote) + 20]))
    assert not result.right
    assert result.right_article
    assert result.outcome is Outcome.WRONG_SENTENCE


def test_of_document_level_evidence_any_quote_of_the_document_is_right(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, _ = _cited(seeds_index, question)
    other = next(article.id for article in seeds_index.articles() if article.id != doc)
    assert _one(seeds_index, question, (doc, "")).first_right
    assert not _one(seeds_index, question, (other, "")).first_right


def test_the_best_sentence_is_known_also_where_ask_abstains(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    asked = GoldQuestion.model_validate(
        {"id": "q", "question": question, "answerable": True, "evidence": [_evidence(seeds_index, question)]}
    )
    (sure,) = run(seeds_index, [asked], gold="one", min_confidence=0.0).results
    (unsure,) = run(seeds_index, [asked], gold="one", min_confidence=1.0).results
    assert (sure.abstained, unsure.abstained) == (False, True)
    assert sure.quoted == unsure.quoted
    assert sure.confidence == unsure.confidence
    assert unsure.outcome is Outcome.ABSTAINED
    assert unsure.quotes == 0


def test_an_answer_under_the_threshold_is_what_ask_gives(seeds_index: Index) -> None:
    for question in _questions()[::7]:
        free = seeds_index.ask(question.question, min_confidence=0.0)
        kept = given(free, 0.2)
        asked = seeds_index.ask(question.question, min_confidence=0.2)
        assert [citation.quote for citation in kept] == [citation.quote for citation in asked.citations], question.id


def test_of_a_question_in_parts_only_the_sure_parts_are_given(seeds_index: Index) -> None:
    answer = seeds_index.ask("Where was the AI Safety Summit held?", min_confidence=0.0)
    first = answer.citations[0]
    parts = (Part(question="a", citations=(1,), confidence=0.9), Part(question="b", citations=(2,), confidence=0.1))
    both = answer.model_copy(update={"citations": (first, first.model_copy(update={"n": 2})), "parts": parts})
    assert [citation.n for citation in given(both, 0.2)] == [1]
    assert [citation.n for citation in given(both, 0.0)] == [1, 2]
    assert given(both, 0.95) == []
    assert [sureness(both, threshold) for threshold in (0.0, 0.2, 0.95)] == [0.1, 0.9, 0.9]
    at_odds = Conflict(kind="figure", citations=(1, 2), words=("5", "6"))
    assert [citation.n for citation in given(both.model_copy(update={"conflicts": (at_odds,)}), 0.2)] == [1, 2]


def test_an_answerable_question_is_asked_again_without_its_article(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    result = _one(seeds_index, question, (doc, quote))
    assert result.hidden is not None
    without = seeds_index.ask(question, min_confidence=0.0, without=[doc])
    assert all(citation.article.id != doc for citation in without.citations)
    assert result.hidden.confidence == pytest.approx(without.confidence, abs=1e-4)
    assert _one(seeds_index, "Who won the 2022 World Cup final?").hidden is None


def test_somebody_elses_words_are_misattributed(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    asked = GoldQuestion.model_validate(
        {
            "id": "q",
            "question": question,
            "answerable": True,
            "evidence": [{"doc_id": doc, "quote": quote}],
            "not": [quote],
        }
    )
    (result,) = run(seeds_index, [asked], gold="one", min_confidence=0.2).results
    assert result.outcome is Outcome.MISATTRIBUTED
    assert not result.correct


def test_a_speaker_is_scored_where_the_gold_set_names_one(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    answer = seeds_index.ask(question, k=PASSAGES, min_confidence=0.0)
    asked = GoldQuestion.model_validate(
        {
            "id": "q",
            "question": question,
            "answerable": True,
            "evidence": [{"doc_id": doc, "quote": quote, "speaker": "Ada Lovelace"}],
        }
    )
    places = spans_of(asked, seeds_index.article)
    outcomes = {}
    for name in ("Lovelace", "Charles Babbage", None):
        first = answer.citations[0].model_copy(update={"speaker": name})
        said = answer.model_copy(update={"citations": (first, *answer.citations[1:])})
        scored = score(seeds_index, asked, places, said, 0.0)
        outcomes[name] = (scored.speaker_named, scored.speaker_right)
    assert outcomes == {"Lovelace": (True, True), "Charles Babbage": (True, False), None: (False, False)}


def test_the_first_passages_are_scored_by_character_when_asked_for(seeds_index: Index) -> None:
    question = "Where was the AI Safety Summit held?"
    doc, quote = _cited(seeds_index, question)
    asked = GoldQuestion.model_validate(
        {"id": "q", "question": question, "answerable": True, "evidence": [{"doc_id": doc, "quote": quote}]}
    )
    assert run(seeds_index, [asked], gold="one", min_confidence=0.2).results[0].excerpts is None
    (result,) = run(seeds_index, [asked], gold="one", min_confidence=0.2, excerpt_passages=2).results
    hits = seeds_index.search(question, k=2)
    assert result.excerpts is not None
    assert result.excerpts.recall == 1
    assert result.excerpts.retrieved == sum(hit.passage.end - hit.passage.start for hit in hits)
    assert result.excerpts.covered == len(quote)


def test_what_was_answered_is_told_apart_from_the_results(seeds_index: Index) -> None:
    told: dict[str, Said] = {}
    run(seeds_index, _questions()[:2], gold="two", min_confidence=0.2, said=told.__setitem__)
    assert list(told) == [question.id for question in _questions()[:2]]
    assert told["g001"].wanted == "Ding Xuexiang"
    assert told["g001"].quote


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
