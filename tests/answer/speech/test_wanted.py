"""Whose words a question asks for. All names are made up; countries are not."""

from __future__ import annotations

import pytest

from rag.answer.speech.wanted import seeks_speaker, wanted


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("What did Marta Velling say about the dam?", "Marta Velling"),
        ("What does Velling think of the dam?", "Velling"),
        ("What did Velling tell the Lantern about the dam?", "Velling"),
        ("What is Velling's view on the dam?", "Velling"),
        ("What is China's position on the dam?", "China"),
        ("What was Velling's reaction to the verdict?", "Velling"),
        ("What was the reaction of the US to the verdict?", "the US"),
        ("How did Velling respond to the criticism of the dam?", "Velling"),
        ("How did the White House react to Velling's letter?", "the White House"),
        ("How did Velling describe the dam?", "Velling"),
        ("How did Velling's government explain the delay?", "Velling's government"),
        ("How does Velling justify the delay?", "Velling"),
        ("According to Marta Velling, why is the dam old?", "Marta Velling"),
        ("How many ferries sank, according to President Velling?", "President Velling"),
        ("How many people did Velling say were hurt?", "Velling"),
        ("Did Velling deny the theft?", "Velling"),
        ("Has Velling admitted the theft?", "Velling"),
        ("What reason did Velling give for the delay?", "Velling"),
        ("Why does Velling oppose the dam?", "Velling"),
        ("Why did Velling say it was late?", "Velling"),
        ("Will the dam hold, in Marta Velling's opinion?", "Marta Velling"),
        ("What does Velling make of the dam?", "Velling"),
        ("What is Velling saying about the dam?", "Velling"),
        ("What did the embassy say about the dam?", "the embassy"),
        ("What did the Polish interior minister say?", "the Polish interior minister"),
        ("What did Velling and Brandt say?", "Velling and Brandt"),
        ("What did Velling formally announce?", "Velling"),
        ("what does velling think of the dam", "velling"),
    ],
)
def test_a_question_asks_for_somebody_s_words(question: str, who: str) -> None:
    found = wanted(question)
    assert found is not None
    assert found.who == who


@pytest.mark.parametrize(
    "question",
    [
        "Who said the dam would hold?",
        "When did Norway declare war?",
        "Where did the film Never Say Never Tell Anyone open?",
        "Why was Velling denied bail?",
        "How many people had died when Norway declared the plague over?",
        "What is Marta Velling's position at Norda?",
        "How did Norway respond to the invasion?",
        "According to Velling, why do stones fall?",
        "According to the humoral theory, why do stones fall?",
        "According to a witness, why did it fall?",
        "What did people say about Norvik?",
        "What did a witness say about Norvik?",
        "Where does Norda want to establish a state?",
        "What does the word prime suggest?",
        "Which dam did Velling build?",
        "",
    ],
)
def test_a_question_asks_for_nobody_s_words(question: str) -> None:
    assert wanted(question) is None


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What did Velling say about the dam?", "say"),
        ("What is Velling's view on the dam?", "view"),
        ("According to Marta Velling, why is it old?", "According to "),
        ("Did Velling deny the theft?", None),
        ("What did Velling predict?", None),
    ],
)
def test_the_words_that_only_ask_are_told_from_those_that_mean_something(question: str, asks: str | None) -> None:
    found = wanted(question)
    assert found is not None
    assert (question[slice(*found.asking)] if found.asking else None) == asks


@pytest.mark.parametrize(
    ("question", "seeks"),
    [
        ("Who said the dam would hold?", True),
        ("Who has criticised the plan?", True),
        ("And who denied it?", True),
        ("Who leads Norvik?", False),
        ("What did Velling say?", False),
    ],
)
def test_a_question_may_ask_who_said_it(question: str, *, seeks: bool) -> None:
    assert seeks_speaker(question) is seeks
