"""One tiny cross-encoder, its export and its 8-bit version, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import rerank
from rag.rerank import OnnxReranker
from rag.rerank.quantise import quantise
from tests.rerank import tiny
from tests.rerank.stand_in import WordOverlap


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cross-encoder with random weights."""
    return tiny.bert(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="session")
def reranker_cache(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A cache that has its export."""
    cache = tmp_path_factory.mktemp("cache")
    rerank.load(tiny_model, cache)
    return cache


@pytest.fixture(scope="session")
def export_folder(reranker_cache: Path) -> Path:
    """The export. Tests read it and never write to it."""
    return next(path.parent for path in reranker_cache.rglob("reranker.json"))


@pytest.fixture(scope="session")
def reranker(export_folder: Path) -> OnnxReranker:
    """The tiny cross-encoder, exported."""
    return OnnxReranker(export_folder)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory, export_folder: Path) -> Path:
    """Its 8-bit version. Tests read it and never write to it."""
    folder = tmp_path_factory.mktemp("quantised") / "small"
    quantise(export_folder, folder, provenance={"licence": "CC0-1.0"})
    return folder


@pytest.fixture(scope="session")
def small_reranker(small_folder: Path) -> OnnxReranker:
    """The tiny cross-encoder in 8-bit weights."""
    return OnnxReranker(small_folder)


@pytest.fixture(scope="session")
def word_overlap() -> WordOverlap:
    """A reranker that needs no model."""
    return WordOverlap()
