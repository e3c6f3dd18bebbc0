"""What every `Reranker` must do. `CHECKS` holds one function a promise; each takes the reranker."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from rag.rerank import Reranker

QUESTION = "What did China say in Geneva?"
TEXTS = [
    "China said in Geneva that it would talk.",
    "Geneva.",
    "The two sides exchanged views on the risks of the technology, the ministry said on Wednesday, and on much else.",
    "“Ça va très bien”, dit-elle — à Zürich; 中国和美国在日内瓦会谈。 🙂",
]
LONG = " ".join(f"The delegation number {n} arrived in Geneva for the talks." for n in range(400))


def info_names_the_model(reranker: Reranker) -> None:
    info = reranker.info
    assert info == reranker.info
    assert info.name
    assert info.max_tokens > 0
    assert re.fullmatch(r"[0-9a-f]{64}", info.sha256)


def one_score_of_float32_a_text(reranker: Reranker) -> None:
    scores = reranker.score(QUESTION, TEXTS)
    assert scores.shape == (len(TEXTS),)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert len(set(scores.tolist())) > 1


def the_question_counts(reranker: Reranker) -> None:
    assert not np.array_equal(reranker.score(QUESTION, TEXTS), reranker.score("Who arrived on Wednesday?", TEXTS))


def no_texts_give_no_scores(reranker: Reranker) -> None:
    scores = reranker.score(QUESTION, [])
    assert scores.shape == (0,)
    assert scores.dtype == np.float32


def the_same_call_gives_the_same_bytes(reranker: Reranker) -> None:
    assert reranker.score(QUESTION, TEXTS).tobytes() == reranker.score(QUESTION, TEXTS).tobytes()


def a_score_does_not_depend_on_its_neighbours(reranker: Reranker) -> None:
    texts = [*TEXTS, LONG, ""]
    forwards, backwards = reranker.score(QUESTION, texts), reranker.score(QUESTION, texts[::-1])[::-1]
    alone = np.concatenate([reranker.score(QUESTION, [text]) for text in texts])
    assert np.allclose(forwards, backwards, atol=1e-5)
    assert np.allclose(forwards, alone, atol=1e-5)


def the_same_text_twice_has_the_same_score(reranker: Reranker) -> None:
    first, _, again = reranker.score(QUESTION, [TEXTS[0], TEXTS[1], TEXTS[0]])
    assert first == again


def odd_texts_have_scores(reranker: Reranker) -> None:
    texts = ["", " \n", "🙂", "a", "\u200b\ufeff", "e\u0301", "x" * 3000, "[CLS] [SEP] </s>", "\x00"]
    assert np.isfinite(reranker.score(QUESTION, texts)).all()
    for question in ("", "?", "🙂", "[SEP]"):
        assert np.isfinite(reranker.score(question, TEXTS)).all()


def long_texts_are_cut_at_their_end(reranker: Reranker) -> None:
    whole, more, other = reranker.score(QUESTION, [LONG, LONG + " And more.", TEXTS[0] + " " + LONG])
    assert np.isclose(whole, more, atol=1e-5)
    assert whole != other


def a_long_question_leaves_the_text_room(reranker: Reranker) -> None:
    scores = reranker.score(LONG, TEXTS[:2])
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]


CHECKS: tuple[Callable[[Reranker], None], ...] = (
    info_names_the_model,
    one_score_of_float32_a_text,
    the_question_counts,
    no_texts_give_no_scores,
    the_same_call_gives_the_same_bytes,
    a_score_does_not_depend_on_its_neighbours,
    the_same_text_twice_has_the_same_score,
    odd_texts_have_scores,
    long_texts_are_cut_at_their_end,
    a_long_question_leaves_the_text_room,
)
