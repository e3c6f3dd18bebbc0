from __future__ import annotations

import pytest

from rag.answer.question import Kind, analyse, kind_of, speakers_of
from rag.retrieve import idf
from rag.words import stem


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many ferries sank?", "number"),
        ("how long did the talks last", "number"),
        ("What percentage of voters stayed at home?", "number"),
        ("When did the dam break?", "time"),
        ("And when did it break?", "time"),
        ("Which year was the dam built?", "time"),
        ("Where did the ferry sink?", "place"),
        ("Which country built the dam?", "place"),
        ("Who leads Norvik?", "person"),
        ("To whom was the letter sent?", "person"),
        ("Why did the dam break?", "other"),
        ("dam collapse cause", "other"),
    ],
)
def test_question_words_tell_the_kind_of_answer(question: str, kind: Kind) -> None:
    assert kind_of(question) == kind


@pytest.mark.parametrize(
    ("question", "speakers"),
    [
        ("What did Marta Velling say about the dam?", {"marta", "velling"}),
        ("what did velling say about the dam?", {"velling"}),
        ("What has Norvik University said about floods?", {"norvik", "university"}),
        ("How did Oskar Brandt describe the talks?", {"oskar", "brandt"}),
        ("What does Velling think will happen?", {"velling"}),
        ("what did the US say at the talks", {"US"}),
        ("How many people did Velling say were hurt?", {"velling"}),
        ("What is Marta Velling's view on the dam?", {"marta", "velling"}),
        ("What did people say about Norvik?", set()),
        ("Who said the dam would hold?", set()),
        ("When did the dam break?", set()),
    ],
)
def test_speakers_are_those_whose_words_are_asked_for(question: str, speakers: set[str]) -> None:
    assert speakers_of(question) == frozenset(map(stem, speakers))


def test_a_question_written_with_capitals_names_its_speakers_with_capitals() -> None:
    assert speakers_of("What did critics say about Norvik?") == frozenset()
    assert speakers_of("What did the minister say about Norvik?") == frozenset({stem("minister")})
    assert speakers_of("what did the minister say about norvik?") == frozenset({stem("minister")})


def test_the_verb_of_asking_is_not_among_the_words() -> None:
    question = analyse("What did Velling say about the dam?", {}, 10)
    assert set(question.weights) == {stem("velling"), stem("dam")}
    assert question.kind == "speech"


def test_a_question_of_number_stays_one_when_somebody_s_words_are_asked_for() -> None:
    question = analyse("How many ferries sank, according to President Velling?", {}, 10)
    assert question.kind == "number"
    assert question.speaker == "President Velling"
    assert set(question.weights) == {stem("ferries"), stem("sank"), stem("president"), stem("velling")}


def test_who_said_it_asks_for_a_person_and_for_speech() -> None:
    question = analyse("Who criticised the dam?", {}, 10)
    assert question.kind == "person"
    assert question.seeks_speaker
    assert not question.speakers
    assert not analyse("What did Velling say?", {}, 10).seeks_speaker


def test_a_verb_of_saying_counts_where_nobody_is_asked_about() -> None:
    assert stem("said") in analyse("Who said the dam would hold?", {}, 10).weights


def test_rare_words_weigh_more() -> None:
    question = analyse("When did the Norvik dam break?", {stem("norvik"): 1, stem("dam"): 9}, 10)
    assert question.weights[stem("norvik")] > question.weights[stem("dam")] > 0


def test_idf_is_that_of_bm25() -> None:
    assert idf(1, 10) == pytest.approx(1.992430, abs=1e-6)  # ln(1 + 9.5 / 1.5)


def test_idf_stays_positive_for_a_word_in_every_passage_and_for_a_stale_count() -> None:
    assert idf(10, 10) > 0
    assert idf(11, 10) > 0


def test_names_are_the_words_written_as_names() -> None:
    assert analyse("Where did the ferry Aurora sink?", {}, 5).names == {stem("Aurora")}


def test_a_question_all_in_capitals_has_no_names() -> None:
    question = analyse("WHERE DID THE FERRY AURORA SINK", {}, 5)
    assert question.names == frozenset()
    assert stem("aurora") in question.weights


def test_a_question_without_content_words_has_no_weights() -> None:
    question = analyse("what is it?", {}, 5)
    assert not question.weights
