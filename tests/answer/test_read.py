"""Reading sentences with a reranker: which are read, how they are written for it, and what its scores decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag import rerank
from rag.answer.choose import choose, score
from rag.answer.confidence import READ_SIGNALS, SIGNALS, confidence, signals
from rag.answer.read import READ, read, text_to_read
from rag.rerank import RerankerInfo
from rag.rerank.folder import verify
from rag.types import Article
from tests.answer.build import scored


class Likes:
    """A `Reranker` that likes texts with a word in them."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.seen: list[str] = []

    @property
    def info(self) -> RerankerInfo:
        return RerankerInfo(name="likes", sha256="0" * 64, max_tokens=64)

    def score(self, question: str, texts: Sequence[str]) -> rerank.Scores:
        self.seen += texts
        return np.array([9.0 if self.word in text else -9.0 for text in texts], np.float32)


def article(number: int, text: str) -> Article:
    return Article(id=f"a{number}", title=f"Title {number}", text=text)


def test_only_the_best_by_features_are_read_and_keep_their_order() -> None:
    listed = [scored(article(n, f"Sentence number {n}."), float(n % 10)) for n in range(20)]
    reader = Likes("nothing")
    kept = read(reader, "q", listed)
    assert len(kept) == len(reader.seen) == READ == 6
    assert [one.hit.article.id for one in kept] == ["a7", "a8", "a9", "a17", "a18", "a19"]
    assert all(one.pair == -9.0 for one in kept)


def test_what_the_reranker_says_can_turn_the_choice() -> None:
    listed = [scored(article(1, "The mayor slept."), 1.0), scored(article(2, "The harbour burned."), 0.9)]
    assert choose(listed)[0].candidate.hit.article.id == "a1"
    assert choose(read(Likes("burned"), "what burned?", listed))[0].candidate.hit.article.id == "a2"


def test_a_sentence_is_read_with_its_title_and_the_words_before() -> None:
    one = scored(Article(id="a", title=" ".join(f"t{n}" for n in range(12)), text="It burned."), 1.0)
    assert text_to_read(one) == f"It burned. [SEP] {' '.join(f't{n}' for n in range(10))} : "


def test_signals_are_those_of_the_model_that_uses_them() -> None:
    plain = scored(article(1, "The harbour burned."), 1.0)
    assert signals(plain).shape == (len(SIGNALS),)
    kept = read(Likes("burned"), "q", [plain, scored(article(2, "The mayor slept."), 0.5)])
    assert dict(zip(READ_SIGNALS, signals(kept[0], kept), strict=True))["second_pair"] == -9.0
    assert 0 <= confidence(kept[0], kept) <= 1


def test_a_better_reading_makes_an_answer_surer() -> None:
    listed = [scored(article(1, "The harbour burned."), 1.0)]
    liked, disliked = (read(Likes(word), "q", listed) for word in ("burned", "slept"))
    assert score(liked[0]) > score(disliked[0])
    assert confidence(liked[0], liked) > confidence(disliked[0], disliked)


def test_the_shipped_reranker_is_whole_small_and_knows_an_answer() -> None:
    verify(rerank.SMALL)
    assert sum(path.stat().st_size for path in rerank.SMALL.iterdir()) < 25_000_000
    reader = rerank.OnnxReranker(rerank.SMALL)
    texts = [
        "The toilet was stolen on Saturday from Blenheim Palace. [SEP] Arrests made in theft : ",
        "Police appealed for witnesses to come forward. [SEP] Arrests made in theft : ",
    ]
    right, wrong = reader.score("From where was the golden lavatory taken?", texts)
    assert right > wrong
    assert reader.score("From where was the golden lavatory taken?", texts[::-1]) == pytest.approx([wrong, right])
