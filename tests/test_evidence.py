"""The second look at a passage: each feature by hand, and that the score stays in its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evidence import FEATURES, HIGHEST, PassageWords, evidence, phrases, score, words_of
from rag.types import Article, Passage, Sentence

RARITY = {"river": 3.0, "bank": 1.0}


def features(said: PassageWords, cosines: list[float], bm25: float = 0.0) -> dict[str, float]:
    row = evidence(["river", "bank"], RARITY, np.array(cosines, np.float32), bm25, said)
    return dict(zip(FEATURES, row.tolist(), strict=True))


def test_each_feature_by_hand() -> None:
    said = PassageWords(frozenset({"flood"}), (("river", "wide"), ("bank",)))
    found = features(said, [0.5, 0.4], bm25=4.0)
    assert found["cosine"] == pytest.approx(0.5)
    assert found["sentence"] == pytest.approx(0.5 + 0.6 * 0.75)
    assert found["phrases"] == 0.0
    assert found["bm25"] == pytest.approx(0.5)
    assert found["coverage"] == pytest.approx(1.0)


def test_the_title_counts_as_part_of_every_sentence() -> None:
    said = PassageWords(frozenset({"river"}), (("bank",),))
    assert features(said, [0.0])["sentence"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("sentence", "share"),
    [
        (("river", "bank"), 1.0),
        (("river", "old", "bank"), 1.0),
        (("river", "a", "b", "bank"), 0.0),
        (("bank", "river"), 0.0),
    ],
)
def test_a_phrase_stands_together_or_one_word_apart_in_its_order(sentence: tuple[str, ...], share: float) -> None:
    assert phrases(["river", "bank"], RARITY, [sentence]) == share


def test_phrases_weigh_by_rarity() -> None:
    rarity = {"a": 1.0, "b": 1.0, "c": 4.0}
    assert phrases(["a", "b", "c"], rarity, [("a", "b")]) == pytest.approx(2 / 7)
    assert phrases(["a"], rarity, [("a",)]) == 0.0


def test_the_score_is_one_for_a_passage_that_has_everything() -> None:
    assert score(HIGHEST) == pytest.approx(1.0)
    assert score(HIGHEST, frozenset({"phrases"})) == pytest.approx(1.0)
    assert score(np.zeros(len(FEATURES))) == 0.0


@given(st.lists(st.floats(0, 1), min_size=len(FEATURES), max_size=len(FEATURES)), st.integers(0, len(FEATURES) - 1))
def test_more_of_a_feature_never_lowers_the_score(values: list[float], number: int) -> None:
    low = np.array(values)
    high = low.copy()
    high[number] = HIGHEST[number]
    assert score(low) <= score(high) + 1e-12


def test_words_are_those_of_title_and_sentences() -> None:
    article = Article(id="a", title="The River", text="Banks rose. It was late.")
    passage = Passage(
        passage_id="a#0",
        article_id="a",
        start=0,
        end=24,
        sentences=(Sentence(start=0, end=11), Sentence(start=12, end=24)),
    )
    assert words_of(passage, article) == PassageWords(frozenset({"river"}), (("bank", "rose"), ("late",)))
