"""The runtime reranker, in both precisions, and the stand-in keep the promises of the `Reranker` protocol."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.rerank import Reranker
from tests.conformance.reranker import CHECKS


@pytest.mark.parametrize("fixture", ["reranker", "small_reranker", "word_overlap"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(check: Callable[[Reranker], None], fixture: str, request: pytest.FixtureRequest) -> None:
    check(request.getfixturevalue(fixture))
