"""What every `Embedder` must do. `CHECKS` holds one function a promise; each takes the embedder."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from rag.embed import Embedder
from rag.types import Span

TEXTS = [
    "Musk said China is interested in a cooperative international framework.",
    "Geneva.",
    "The two sides exchanged views on the risks of the technology, the ministry said on Wednesday, and on much else.",
    "“Ça va très bien”, dit-elle — à Zürich; 中国和美国在日内瓦会谈。 🙂",
]
LONG = " ".join(f"The delegation number {n} arrived in Geneva for the talks." for n in range(400))


def info_names_the_model(embedder: Embedder) -> None:
    info = embedder.info
    assert info == embedder.info
    assert info.name
    assert info.pooling
    assert info.dimension > 0
    assert info.max_tokens > 0
    assert re.fullmatch(r"[0-9a-f]{64}", info.sha256)


def vectors_are_unit_float32_rows(embedder: Embedder) -> None:
    vectors = embedder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.info.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def a_question_is_one_unit_vector(embedder: Embedder) -> None:
    vector = embedder.encode_query("What did China say in Geneva?")
    assert vector.shape == (embedder.info.dimension,)
    assert vector.dtype == np.float32
    assert np.isclose(np.linalg.norm(vector), 1, atol=1e-5)


def no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.info.dimension)
    assert embedder.encode_spans([], []) == []


def texts_without_words_have_vectors(embedder: Embedder) -> None:
    vectors = embedder.encode(["", " \n", "🙂", "a"])
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def long_texts_have_vectors(embedder: Embedder) -> None:
    assert np.isclose(np.linalg.norm(embedder.encode([LONG])[0]), 1, atol=1e-5)


def the_same_call_gives_the_same_bytes(embedder: Embedder) -> None:
    assert embedder.encode(TEXTS).tobytes() == embedder.encode(TEXTS).tobytes()
    question = "What did China say?"
    assert embedder.encode_query(question).tobytes() == embedder.encode_query(question).tobytes()


def rows_follow_the_texts(embedder: Embedder) -> None:
    texts = [*TEXTS, LONG]
    forwards, backwards = embedder.encode(texts), embedder.encode(texts[::-1])[::-1]
    alone = np.concatenate([embedder.encode([text]) for text in texts])
    assert np.allclose(forwards, backwards, atol=1e-5)
    assert np.allclose(forwards, alone, atol=1e-5)
    assert np.all(forwards @ forwards.T - np.eye(len(texts)) < 0.999)


def tokens_stand_in_the_text_in_order(embedder: Embedder) -> None:
    for text in [*TEXTS, LONG]:
        offsets = [(start, end) for start, end in embedder.token_offsets(text) if end > start]
        assert offsets == sorted(offsets)
        assert all(0 <= start < end <= len(text) for start, end in offsets)
        covered = {at for start, end in offsets for at in range(start, end)}
        assert {match.start() for match in re.finditer(r"[A-Za-z0-9]", text)} <= covered


def a_text_without_tokens_has_no_offsets(embedder: Embedder) -> None:
    assert list(embedder.token_offsets("")) == []
    assert list(embedder.token_offsets(" \n\t")) == []


def spans_come_with_their_texts(embedder: Embedder) -> None:
    text = "China said it would talk. The United States did not answer. Geneva was cold."
    ends = [match.end() for match in re.finditer(r"\.", text)]
    spans = [Span(start, end) for start, end in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
    found = embedder.encode_spans([TEXTS[0], text, ""], [[], spans, []])
    assert [vectors.spans.shape for vectors in found] == [(n, embedder.info.dimension) for n in (0, 3, 0)]
    assert np.allclose([vectors.text for vectors in found], embedder.encode([TEXTS[0], text, ""]), atol=1e-5)
    sentences = found[1].spans
    assert sentences.dtype == np.float32
    assert np.allclose(np.linalg.norm(sentences, axis=1), 1, atol=1e-5)
    assert np.all(sentences @ sentences.T - np.eye(3) < 0.999)
    assert np.allclose(embedder.encode_spans([text], [spans[::-1]])[0].spans[::-1], sentences, atol=1e-5)


def a_span_past_the_model_s_reach_is_finite(embedder: Embedder) -> None:
    vectors = embedder.encode_spans([LONG], [[Span(0, 40), Span(len(LONG) - 40, len(LONG))]])[0].spans
    assert vectors.shape == (2, embedder.info.dimension)
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1).max() < 1 + 1e-5


CHECKS: tuple[Callable[[Embedder], None], ...] = (
    info_names_the_model,
    vectors_are_unit_float32_rows,
    a_question_is_one_unit_vector,
    no_texts_give_no_vectors,
    texts_without_words_have_vectors,
    long_texts_have_vectors,
    the_same_call_gives_the_same_bytes,
    rows_follow_the_texts,
    tokens_stand_in_the_text_in_order,
    a_text_without_tokens_has_no_offsets,
    spans_come_with_their_texts,
    a_span_past_the_model_s_reach_is_finite,
)
