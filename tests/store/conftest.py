"""A folder with a small index, and ways to look into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.store import Chunker, EmbeddedStore
from tests.conformance.store import ALL, put
from tests.stand_in import StandIn, article

CHUNKER = Chunker(name="test", max_tokens=20)
NAMES = [f"n{number:02}" for number in range(12)]


@contextmanager
def opened(folder: Path) -> Iterator[EmbeddedStore]:
    """A store, made if it is not there, and closed at the end of the block."""
    store = EmbeddedStore.create(folder, StandIn().info, CHUNKER)
    try:
        yield store
    finally:
        store.close()


def state(folder: Path) -> tuple[object, ...]:
    """Everything that an index tells."""
    with opened(folder) as store:
        vector = StandIn().encode_query("the committee report")
        found = store.nearest(vector, 100, ALL), store.matching(["geneva", "n03"], 100, ALL)
        return store.manifest, list(store.articles(ALL)), dict(store.locations()), *found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an index of twelve articles."""
    with opened(tmp_path / "index") as store:
        put(store, [article(name) for name in NAMES])
    return tmp_path / "index"
