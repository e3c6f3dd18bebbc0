"""The embedded store keeps the promises of the `Store` protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.store import Chunker, EmbeddedStore, Store
from tests.conformance.store import CHECKS, Opener
from tests.stand_in import StandIn


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_embedded_store_conforms(check: Callable[[Opener], None], tmp_path: Path) -> None:
    opened: list[Store] = []

    def opener() -> Store:
        store = EmbeddedStore.create(tmp_path / "index", StandIn().info, Chunker(name="test", max_tokens=20))
        opened.append(store)
        return store

    check(opener)
    for store in opened:
        store.close()
