"""The 8-bit version: smaller, ready to run, of nearly the same scores, and never in place of something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag import rerank
from rag.embed.source import file_sha256
from rag.errors import BadInput, ModelMissing
from rag.rerank import OnnxReranker
from rag.rerank.folder import read_card, verify
from rag.rerank.quantise import quantise
from tests.conformance.reranker import QUESTION, TEXTS

MANY = [*TEXTS, *(f"{subject} said {n} talks were on" for n in range(20) for subject in ("china", "the envoy", "who"))]


def test_the_scores_are_nearly_those_of_the_source(reranker: OnnxReranker, small_reranker: OnnxReranker) -> None:
    exact, small = reranker.score(QUESTION, MANY), small_reranker.score(QUESTION, MANY)
    assert not np.array_equal(exact, small)
    assert np.corrcoef(exact, small)[0, 1] > 0.98


def test_the_weights_are_in_eight_bits(small_folder: Path) -> None:
    import onnx

    graph = onnx.load(str(small_folder / "model.onnx")).graph
    matrices = [tensor for tensor in graph.initializer if np.prod(tensor.dims) >= 32 * 32]
    assert len(matrices) >= 6
    assert {tensor.data_type for tensor in matrices} <= {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}


def test_the_folder_is_ready_to_run_and_says_where_it_comes_from(
    export_folder: Path, small_folder: Path, tmp_path: Path
) -> None:
    assert {path.name for path in small_folder.iterdir()} == {"model.onnx", "tokenizer.json", "reranker.json"}
    verify(small_folder)
    card, source = read_card(small_folder), read_card(export_folder)
    assert card.info == rerank.load(small_folder, tmp_path / "unused").info
    assert not (tmp_path / "unused").exists()
    assert card.info.sha256 == file_sha256(small_folder / "model.onnx")
    assert card.info.name == f"{source.info.name} int8"
    assert card.info.max_tokens == source.info.max_tokens
    assert card.provenance["quantised_from_sha256"] == source.info.sha256
    assert card.provenance["licence"] == "CC0-1.0"


def test_a_folder_that_holds_something_else_is_left_alone(export_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="is no reranker"):
        quantise(export_folder, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_reranker_that_is_there_is_replaced(export_folder: Path, small_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(small_folder, tmp_path / "small")
    (tmp_path / "small" / "model.onnx").write_bytes(b"old")
    quantise(export_folder, tmp_path / "small", name="small one")
    verify(tmp_path / "small")
    assert rerank.load(tmp_path / "small", tmp_path).info.name == "small one"
    assert {path.name for path in tmp_path.iterdir()} == {"small"}


def test_a_damaged_source_is_refused(export_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(export_folder, tmp_path / "source")
    (tmp_path / "source" / "weights.bin").write_bytes(b"garbage")
    with pytest.raises(ModelMissing, match=r"weights\.bin"):
        quantise(tmp_path / "source", tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_a_graph_that_cannot_be_fused_is_quantised_as_it_is(
    export_folder: Path, reranker: OnnxReranker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])  # the fused graph, the source, the result
    monkeypatch.setattr("rag.rerank.quantise._sample_scores", lambda _: next(given))
    quantise(export_folder, tmp_path / "small")
    scores = rerank.load(tmp_path / "small", tmp_path).score(QUESTION, MANY)
    assert np.corrcoef(reranker.score(QUESTION, MANY), scores)[0, 1] > 0.98
