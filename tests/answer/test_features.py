from __future__ import annotations

import numpy as np
import pytest

from rag.answer.features import FEATURES, answers_kind, candidates, coverage
from rag.answer.question import analyse
from rag.types import Article
from rag.words import stem, stems
from tests.answer.build import found
from tests.stand_in import StandIn

_FERRY = Article(
    id="ferry",
    title="Ferry sinks",
    text="The ferry Aurora sank near Oslo on Monday.\n\nTwelve people were saved\n\nThe coast guard said so. It is deep there.",
)
_DAM = Article(id="dam", text="A dam broke in Norvik. The coast guard said so. Nobody was hurt.")


def _candidates(question: str, *articles: Article, scores: tuple[float, ...] = ()) -> dict[str, dict[str, float]]:
    listed = candidates(analyse(question, {}, 10), StandIn().encode_query(question), found(*articles, scores=scores))
    return {f"{c.hit.article.id}: {c.text}": {name: c.value(name) for name in FEATURES} for c in listed}


def test_every_quotable_sentence_is_a_candidate_once_and_headings_are_none() -> None:
    assert list(_candidates("Where did the ferry sink?", _FERRY, _DAM)) == [
        "ferry: The ferry Aurora sank near Oslo on Monday.",
        "ferry: The coast guard said so.",
        "ferry: It is deep there.",
        "dam: A dam broke in Norvik.",
        "dam: The coast guard said so.",
        "dam: Nobody was hurt.",
    ]


def test_a_sentence_of_two_passages_is_listed_once_with_its_higher_cosine() -> None:
    question = "coast guard"
    (good, *_) = found(_DAM)
    poor = good._replace(sentence_vectors=np.zeros_like(good.sentence_vectors))
    for order in ([good, poor], [poor, good]):
        listed = candidates(analyse(question, {}, 10), StandIn().encode_query(question), order)
        assert len(listed) == 3
        assert listed[1].value("cosine") == pytest.approx(
            float(good.sentence_vectors[1] @ StandIn().encode_query(question))
        )


def test_no_passages_give_no_candidates() -> None:
    assert candidates(analyse("Where?", {}, 10), StandIn().encode_query("Where?"), []) == []


def test_the_values_of_a_sentence() -> None:
    listed = _candidates("Where did the ferry Aurora sink?", _FERRY, _DAM, scores=(0.8, 0.4))
    first, speech, *_ = listed.values()
    assert first["coverage"] == pytest.approx(2 / 3)  # ferry, Aurora; `sank` has another stem than `sink`
    assert first["coverage_with_neighbour"] == pytest.approx(1)  # the title has `sinks`
    assert first["kind"] == 1
    assert first["passage"] == 1
    assert first["opening"] == 1
    assert speech["coverage"] == 0
    assert speech["coverage_with_opening"] == pytest.approx(1)
    assert speech["kind"] == speech["opening"] == 0
    assert listed["dam: A dam broke in Norvik."]["passage"] == pytest.approx(0.5)


def test_who_speaks_and_the_setting_are_given_in_a_speech() -> None:
    article = Article(
        id="x", text="Norvik is in a deep valley. Marta Velling said the dam would hold. She added: the dam is new."
    )
    question = analyse("What did Velling say about the dam in Norvik?", {}, 10)
    setting, named, later = candidates(question, StandIn().encode_query(question.text), found(article))
    assert [setting.speaks, named.speaks, later.speaks] == [False, True, True]
    assert later.value("coverage") == pytest.approx(1)
    assert setting.value("coverage") == pytest.approx(1 / 3)


def test_names_count_in_any_form_and_where_they_stand_around() -> None:
    article = Article(id="x", text="Norwegian boats left. They came back.\n\nThe end came soon.")
    listed = candidates(
        analyse("When did boats of Norway leave?", {}, 10), StandIn().encode_query("boats"), found(article)
    )
    assert [candidate.names for candidate in listed] == [1, 1, 1]
    listed = candidates(
        analyse("When did boats of Peru leave?", {}, 10), StandIn().encode_query("boats"), found(article)
    )
    assert [candidate.names for candidate in listed] == [0, 0, 0]
    listed = candidates(analyse("when did boats leave?", {}, 10), StandIn().encode_query("boats"), found(article))
    assert [candidate.names for candidate in listed] == [1, 1, 1]


def test_coverage_is_weighted_by_rarity() -> None:
    question = analyse("norvik dam", {stem("norvik"): 1, stem("dam"): 10}, 10)
    rare = coverage(question, frozenset(stems("in Norvik")))
    common = coverage(question, frozenset(stems("the dam")))
    assert rare > common > 0
    assert rare + common == pytest.approx(1)
    assert coverage(question, frozenset(), frozenset(question.weights)) == pytest.approx(1)


def test_coverage_of_a_question_without_words_is_zero() -> None:
    assert coverage(analyse("what is it?", {}, 10), frozenset({"dam"})) == 0


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("When did it break?", "It broke on Monday.", "It broke in Norvik."),
        ("When did it break?", "It broke two years ago.", "It broke without warning."),
        ("How many were hurt?", "Twelve were hurt.", "Nobody knows."),
        ("How long did it last?", "It lasted for months.", "It did not last."),
        ("Where did it sink?", "It sank near Oslo.", "It sank at night."),
        ("Who leads Norvik?", "The city of Norvik is led by Marta Velling.", "The city of Norvik has a mayor."),
    ],
)
def test_a_sentence_holds_what_the_question_asks_for_or_not(question: str, holds: str, lacks: str) -> None:
    analysed = analyse(question, {}, 10)
    assert answers_kind(analysed, holds)
    assert not answers_kind(analysed, lacks)


def test_any_sentence_may_answer_a_question_of_no_special_kind() -> None:
    assert answers_kind(analyse("Why did it break?", {}, 10), "It was old.")
