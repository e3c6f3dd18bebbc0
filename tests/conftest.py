"""What all tests share: no network, no settings from outside, one model, one index of the seeds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import embed
from rag.config import DEFAULT_MODEL, Settings
from rag.embed import OnnxEmbedder
from rag.index import Index
from rag.resources import resource
from tests.stand_in import StandIn

os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own `RAG_*` variables change no test."""
    for name in list(os.environ):
        if name.startswith("RAG_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """The user's own cache, so that the model is exported once and not in every run."""
    return Settings().cache


@pytest.fixture(scope="session")
def embedder(model_cache: Path) -> OnnxEmbedder:
    """The default model."""
    return embed.load(DEFAULT_MODEL, model_cache)


@pytest.fixture(scope="session")
def seeds_index(tmp_path_factory: pytest.TempPathFactory, embedder: OnnxEmbedder) -> Iterator[Index]:
    """An index of the seeds, made with the default model. Tests read it and never write to it."""
    folder = tmp_path_factory.mktemp("seeds") / "index"
    with Index.create(folder, settings=Settings(), embedder=embedder) as index:
        index.add(resource("seeds"))
        yield index


@pytest.fixture
def stand_in() -> StandIn:
    """An embedder that needs no model."""
    return StandIn()
