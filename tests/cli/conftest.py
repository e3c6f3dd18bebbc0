"""The commands over an index of the seeds that they read and never write to, or over a fresh folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.index import Index
from tests.cli.process import Commands


@pytest.fixture
def commands(seeds_index: Index, model_cache: Path, tmp_path: Path) -> Commands:
    """With the index of the seeds."""
    return Commands(Path(seeds_index.info.path), model_cache, tmp_path)


@pytest.fixture
def fresh(model_cache: Path, tmp_path: Path) -> Commands:
    """With an index that is not there yet."""
    return Commands(tmp_path / "index", model_cache, tmp_path)
