from __future__ import annotations

import pytest

from rag.answer.choose import MAX_QUOTES, choose, pool
from rag.answer.question import analyse
from rag.types import Article
from tests.answer.build import scored

_TEXTS = (
    "The ferry Aurora sank near Oslo.",
    "A dam broke in the Norvik valley.",
    "Nobody has won the chess cup yet.",
    "Rain is expected over all northern hills.",
)


def _article(number: int, text: str = "") -> Article:
    return Article(id=f"a{number}", text=text or _TEXTS[number])


def test_nothing_to_choose_from() -> None:
    assert choose([]) == []


def test_best_first() -> None:
    listed = [scored(_article(0), 1.0), scored(_article(1), 2.0), scored(_article(2), 1.5)]
    chosen = choose(listed)
    assert [choice.candidate.hit.article.id for choice in chosen] == ["a1", "a2", "a0"]
    assert [choice.score for choice in chosen] == pytest.approx([2.0, 1.5, 1.0])


def test_at_most_three() -> None:
    assert len(choose([scored(_article(number), 1.0) for number in range(4)])) == MAX_QUOTES == 3


def test_one_that_scores_far_below_the_best_adds_nothing() -> None:
    chosen = choose([scored(_article(0), 10.0), scored(_article(1), 1.0)])
    assert [choice.candidate.hit.article.id for choice in chosen] == ["a0"]


def test_the_best_is_chosen_however_low_its_score() -> None:
    assert len(choose([scored(_article(0), -50.0)])) == 1


def test_a_tie_goes_to_the_earlier() -> None:
    listed = [scored(_article(number), 1.0) for number in range(4)]
    assert [choice.candidate.hit.article.id for choice in choose(listed)] == ["a0", "a1", "a2"]


def test_the_same_sentence_in_another_article_is_named_and_not_quoted_again() -> None:
    copies = [scored(_article(number, _TEXTS[0]), 2.0 - number / 10) for number in range(3)]
    (choice,) = choose(copies)
    assert choice.candidate.hit.article.id == "a0"
    assert choice.also_in == ("a1", "a2")


def test_the_same_sentence_of_the_same_article_is_no_second_witness() -> None:
    (choice,) = choose([scored(_article(0), 2.0), scored(_article(0), 1.9)])
    assert choice.also_in == ()


def test_one_that_says_nearly_the_same_is_dropped_but_is_no_copy() -> None:
    listed = [
        scored(_article(0, "The big old ferry Aurora sank near Oslo."), 2.0),
        scored(_article(1, "The big old ferry Aurora sank near Oslo yesterday."), 1.9),
    ]
    (choice,) = choose(listed)
    assert choice.also_in == ()


def test_a_copy_far_below_the_best_is_named_too() -> None:
    (choice,) = choose([scored(_article(0, _TEXTS[0]), 10.0), scored(_article(1, _TEXTS[0]), 1.0)])
    assert choice.also_in == ("a1",)


def test_only_a_speaker_s_words_answer_what_the_speaker_said() -> None:
    listed = [scored(_article(0), 2.0), scored(_article(1), 1.0, speaks=True)]
    asked = analyse("What did Velling say?", {}, 10)
    assert [candidate.hit.article.id for candidate in pool(asked, listed)] == ["a1"]
    assert pool(asked, listed[:1]) == []


def test_any_sentence_may_answer_another_question() -> None:
    listed = [scored(_article(0), 2.0), scored(_article(1), 1.0, speaks=True)]
    assert pool(analyse("Where did it sink?", {}, 10), listed) == listed
