"""Fusion: a convex sum over the candidates of both retrievers, in an order that nothing but the scores and keys decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import words
from rag.rerank import RerankerInfo, Scores
from rag.retrieve import Found, Lead, Query, reordered, retrieve, shortlist
from rag.store import Scored, Store
from rag.types import Article, Filter, Passage, Sentence

EAST = np.array([1, 0], np.float32)


class Given:
    """What a store would find: a sentence's cosine to the question, and a BM25 score, for each key."""

    def __init__(self, dense: Mapping[int, Sequence[float]], lexical: Mapping[int, float]) -> None:
        self.dense = dense
        self.lexical = lexical
        self.asked: list[tuple[object, ...]] = []
        self.texts: dict[str, str] = {}
        self.manifest = SimpleNamespace(passages=100)

    def nearest(self, vector: NDArray[np.float32], n: int, where: Filter) -> list[Scored]:
        self.asked.append(("nearest", n, where))
        return [Scored(key, max(cosines, default=0)) for key, cosines in self.dense.items() if key < 50][:n]

    def matching(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        self.asked.append(("matching", tuple(stems), n, where))
        return [Scored(key, score) for key, score in self.lexical.items()][:n]

    def sentence_vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        return {
            key: np.array([[cosine, 1 - cosine] for cosine in self.dense[key]], np.float32).reshape(-1, 2)
            for key in keys
            if key in self.dense
        }

    def passages(self, keys: Iterable[int]) -> dict[int, Passage]:
        whole = (Sentence(start=0, end=5),)
        return {
            key: Passage(passage_id=f"a{key}#0", article_id=f"a{key}", start=0, end=5, sentences=whole) for key in keys
        }

    def article(self, article_id: str) -> Article:
        return Article(id=article_id, text=self.texts.get(article_id, f"Text of {article_id}"))

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(stems, 1)


GENEVA = Query("geneva", tuple(words.content_words("geneva")), EAST)


def found_in(dense: Mapping[int, Sequence[float]], lexical: Mapping[int, float], k: int = 10) -> list[Found]:
    return retrieve(cast(Store, Given(dense, lexical)), GENEVA, k=k, where=Filter())


def leads_in(dense: Mapping[int, Sequence[float]], lexical: Mapping[int, float], weight: float = 0.75) -> list[Lead]:
    return shortlist(cast(Store, Given(dense, lexical)), GENEVA, n=10, where=Filter(), dense_weight=weight)[0]


def keys(found: Sequence[Found]) -> list[int]:
    return [int(item.hit.article.id[1:]) for item in found]


def test_the_shortlist_goes_by_the_convex_sum() -> None:
    leads = leads_in({1: [0.1, 0.8], 2: [0.6], 60: [0.2]}, {2: 5.0, 60: 10.0})
    expected = [(1, 0.6, 0.8, 0.0, 0.0), (2, 0.575, 0.6, 5.0, 0.5), (60, 0.4, 0.2, 10.0, 1.0)]
    assert [tuple(lead) for lead in leads] == [pytest.approx(one) for one in expected]


@pytest.mark.parametrize(("weight", "order"), [(0.0, [2, 3, 1]), (0.5, [2, 1, 3]), (1.0, [1, 2, 3])])
def test_the_weight_settles_who_counts(weight: float, order: list[int]) -> None:
    leads = leads_in({1: [0.9], 2: [0.5], 3: [0.1]}, {2: 8.0, 3: 4.0}, weight=weight)
    assert [lead.key for lead in leads] == order


def test_the_second_look_puts_the_passage_with_the_words_first() -> None:
    store = Given({1: [0.62], 2: [0.6]}, {})
    store.texts["a2"] = "Geneva hosted the talks"
    store.passages = lambda keys: {  # type: ignore[method-assign]
        key: Passage(
            passage_id=f"a{key}#0", article_id=f"a{key}", start=0, end=9, sentences=(Sentence(start=0, end=9),)
        )
        for key in keys
    }
    assert [lead.key for lead in shortlist(cast(Store, store), GENEVA, n=2, where=Filter())[0]] == [1, 2]
    found = retrieve(cast(Store, store), GENEVA, k=2, where=Filter())
    assert keys(found) == [2, 1]
    assert [item.hit.rank for item in found] == [1, 2]
    blind = retrieve(cast(Store, store), GENEVA, k=2, where=Filter(), without=frozenset({"sentence", "coverage"}))
    assert keys(blind) == [1, 2]
    assert found[0].sentence_vectors.shape == (1, 2)


def test_ties_go_by_key() -> None:
    assert keys(found_in({9: [0.5], 3: [0.5], 7: [0.5]}, {})) == [3, 7, 9]
    assert keys(found_in({9: [0.5], 3: [0.5], 7: [0.5]}, {9: 1.0, 3: 1.0, 7: 1.0})) == [3, 7, 9]


def test_no_more_than_k_come_back() -> None:
    dense = {key: [key / 50] for key in range(1, 40)}
    assert keys(found_in(dense, {}, k=3)) == [39, 38, 37]
    assert len(found_in(dense, {}, k=100)) == 39


def test_nothing_found_is_no_hits() -> None:
    assert found_in({}, {}) == []


def test_a_cosine_below_zero_and_a_score_of_zero_are_no_trouble() -> None:
    found = found_in({1: [-0.5], 2: [-0.1]}, {1: 0.0})
    assert keys(found) == [2, 1]
    assert found[1].hit.score < found[0].hit.score < 0


def test_a_passage_removed_meanwhile_is_left_out() -> None:
    found = found_in({1: [0.5], 2: []}, {2: 9.0, 70: 8.0})
    assert keys(found) == [1]


def test_both_retrievers_are_asked_the_same() -> None:
    store, where = Given({1: [0.5]}, {}), Filter(source="Reuters")
    query = Query("Geneva, Geneva and talks", tuple(words.content_words("Geneva, Geneva and talks")), EAST)
    retrieve(cast(Store, store), query, k=5, where=where, candidates=42)
    assert store.asked == [("matching", ("geneva", "talk"), 42, where), ("nearest", 42, where)]


def test_a_question_of_function_words_is_answered_by_vectors() -> None:
    query = Query("who is it", tuple(words.content_words("who is it")), EAST)
    assert query.stems == []
    found = retrieve(cast(Store, Given({1: [0.5], 2: [0.6]}, {})), query, k=5, where=Filter())
    assert keys(found) == [2, 1]
    assert {item.hit.lexical for item in found} == {0.0}


def test_a_cross_encoder_reorders_the_first_passages_and_leaves_the_rest() -> None:
    found = found_in({1: [0.9], 2: [0.8], 3: [0.7], 4: [0.6]}, {})
    before = [item.hit.score for item in found]

    class Prefers:
        info = RerankerInfo(name="prefers", sha256="0" * 64, max_tokens=64)

        def score(self, question: str, texts: Sequence[str]) -> Scores:
            assert question == "geneva"
            return np.arange(len(texts), dtype=np.float32)

    again = reordered(Prefers(), "geneva", found, 3)
    assert keys(again) == [3, 2, 1, 4]
    assert [item.hit.rank for item in again] == [1, 2, 3, 4]
    assert [item.hit.score for item in again] == before
