"""The exported reranker gives the scores of sentence-transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag import rerank
from rag.rerank import OnnxReranker
from rag.rerank.export import reference
from rag.rerank.runtime import load
from tests.conformance.reranker import LONG, QUESTION, TEXTS
from tests.rerank import tiny

ALL = [*TEXTS, LONG, "", "a", "the talks in geneva, the talks", "who said what on the talks? 2024."]


def _logits(folder: Path, question: str, texts: list[str]) -> np.ndarray:
    import torch

    scores: np.ndarray = reference(folder).predict(
        [(question, text) for text in texts], activation_fn=torch.nn.Identity()
    )
    return scores


def test_the_scores_are_those_of_the_reference(reranker: OnnxReranker, tiny_model: Path) -> None:
    expected = _logits(tiny_model, QUESTION, ALL)
    scores = reranker.score(QUESTION, ALL)
    assert np.ptp(expected) > 0.1
    assert np.allclose(scores, expected, atol=1e-4)
    assert np.argsort(-scores).tolist() == np.argsort(-expected).tolist()


def test_the_order_is_that_of_the_reference_with_its_activation(reranker: OnnxReranker, tiny_model: Path) -> None:
    expected = reference(tiny_model).predict([(QUESTION, text) for text in ALL])
    assert ((expected > 0) & (expected < 1)).all()  # the activation is there
    assert np.argsort(-reranker.score(QUESTION, ALL)).tolist() == np.argsort(-expected).tolist()


def test_a_question_that_fits_is_never_cut(reranker: OnnxReranker) -> None:
    question = "what " * 40
    (pair,) = reranker._pairs(question, [LONG])
    assert len(pair.ids) == tiny.MAX_TOKENS
    assert pair.tokens[1:41] == ["what"] * 40
    assert sum(pair.type_ids) == tiny.MAX_TOKENS - 42


@pytest.mark.parametrize(("text", "kept"), [("on " * 99, 15), ("on " * 3, 3), ("", 0)])
def test_a_question_too_long_yields_what_it_must(reranker: OnnxReranker, text: str, kept: int) -> None:
    (pair,) = reranker._pairs("what " * 99, [text])
    assert len(pair.ids) == tiny.MAX_TOKENS
    assert pair.tokens.count("on") == kept
    assert pair.tokens.count("what") == tiny.MAX_TOKENS - 3 - kept


def test_the_number_of_threads_changes_nothing(export_folder: Path) -> None:
    scores = {OnnxReranker(export_folder, threads=count).score(QUESTION, ALL).tobytes() for count in (1, 2, 7)}
    assert len(scores) == 1


def test_a_model_without_token_types_is_read_as_far_as_its_positions_reach(tmp_path: Path) -> None:
    folder = tiny.roberta(tmp_path / "model")
    reranker = load(folder, tmp_path / "cache")
    assert reranker.info.max_tokens == tiny.MAX_TOKENS
    short = [text for text in ALL if len(text) < 40]
    assert len(short) > 3
    assert np.allclose(reranker.score("who said?", short), _logits(folder, "who said?", short), atol=1e-4)
    assert np.isfinite(reranker.score(QUESTION, [LONG])).all()


def test_a_cross_encoder_of_modules_keeps_its_prompt_and_its_activation(tiny_model: Path, tmp_path: Path) -> None:
    folder = tiny.modular(tmp_path / "model", tiny_model)
    reranker = rerank.load(folder, tmp_path / "cache")
    assert reranker.info.max_tokens == 48
    expected = reference(folder).predict([("who?", text) for text in ALL])
    assert np.abs(expected).max() < 1
    assert np.allclose(reranker.score("who?", ALL), expected, atol=1e-4)
    bare = reference(folder).predict([("who?", text) for text in ALL], prompt="")
    assert not np.allclose(bare, expected, atol=1e-4)
