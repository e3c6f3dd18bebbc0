from __future__ import annotations

import pytest

from rag.answer.parts import MAX_PIECES, Piece, split


@pytest.mark.parametrize(
    ("question", "pieces"),
    [
        ("who chaired the talks and where were they held?", [("who chaired the talks", None), ("where were they held?", "where were the talks held?")]),
        ("When did the Orlen bridge open, how much did it cost and who paid?", [
            ("When did the Orlen bridge open", None),
            ("how much did it cost", "how much did the Orlen bridge cost"),
            ("who paid?", "who paid the Orlen bridge"),
        ]),
        ("Who founded the firm and why?", [("Who founded the firm", None), ("why?", "why founded the firm")]),
        ("Where was the gin invented and where is it used today?", [("Where was the gin invented", None), ("where is it used today?", "where is the gin used today?")]),
        ("Who is the prime minister of Japan and when was he elected?", [
            ("Who is the prime minister of Japan", None),
            ("when was he elected?", "when was the prime minister of Japan elected?"),
        ]),
        ("Who chaired the talks and where did he study?", [("Who chaired the talks", None), ("where did he study?", "where did he study who chaired the talks")]),
        ("How many people died in the Kerak fire and when did it start?", [
            ("How many people died in the Kerak fire", None),
            ("when did it start?", "when did the Kerak fire start?"),
        ]),
        ("What is inflation and what is its cause?", [("What is inflation", None), ("what is its cause?", "what is inflation's cause?")]),
        ("Did Musk meet Xi and what did they discuss?", [("Did Musk meet Xi", None), ("what did they discuss?", "what did Musk Xi discuss?")]),
        ("Where was Veldt born and where was Carden born?", [("Where was Veldt born", None), ("where was Carden born?", None)]),
        ("Is the valve safe? And how do we know?", [("Is the valve safe?", None), ("how do we know?", "how do we know the valve safe")]),
        ("the bridge has how many lanes? what is its length?", [("the bridge has how many lanes?", None), ("what is its length?", "what is the bridge's length?")]),
        ("Who was killed and how many were hurt in the blast?", [
            ("Who was killed", "Who was killed the blast"),
            ("how many were hurt in the blast?", None),
        ]),
    ],
)  # fmt: skip
def test_a_question_that_asks_several_things_is_cut(question: str, pieces: list[tuple[str, str | None]]) -> None:
    assert split(question) == tuple(Piece(asked, text or asked) for asked, text in pieces)


@pytest.mark.parametrize(
    "question",
    [
        "What did Biden and Xi agree?",
        "How and why did the bridge fall?",
        "Where and when was the treaty signed?",
        "Who wrote and directed the film?",
        "What is research and development?",
        "Which company makes pumps and valves?",
        "Who wrote War and Peace?",
        "Who sang “Where Is It and Who Took It”?",
        'Who said "Where is it? And who took it?"',
        "Who was the doctor that led the study and was sued by the league?",
        "Who is the man who led the firm and who was fired in 1985?",
        "What did he say about who won and what was decided?",
        "What is the difference between cost and what people pay?",
        "Which president appointed the most and which president appointed the least judges?",
        "How many men and how many women were killed?",
        "When talks end, who signs?",
        "When a commission reached no decision, what happened?",
        "After 1945, what challenged the empire?",
        "Imperialism extends a country's power and what?",
        "The term was applied to the west, and which eastern country?",
        "Which player got a penalty, which gave them a new set of downs?",
        "In 1972, did Norway end up joining the union?",
        "Who knows how it works and what it costs?",
        "What happens when you die and who decides?",
        "Do they offer a refund, please?",
        "geneva talks",
        "",
    ],
)
def test_one_question_stays_whole(question: str) -> None:
    assert split(question) == (Piece(question, question),)


def test_there_are_only_so_many_pieces_and_no_word_is_lost() -> None:
    question = "Who paid? Who built it? Who sold it? Who owns it? Who wants it?"
    pieces = split(question)
    assert len(pieces) == MAX_PIECES
    assert pieces[-1].asked == "Who owns it? Who wants it?"


def test_what_is_asked_is_said_in_the_words_of_the_question() -> None:
    question = "When did the Geneva talks start, who led them, and what was agreed?"
    pieces = split(question)
    assert [piece.asked for piece in pieces] == ["When did the Geneva talks start", "who led them", "what was agreed?"]
    assert all(piece.asked in question for piece in pieces)
    assert all("Geneva talks" in piece.text for piece in pieces)
