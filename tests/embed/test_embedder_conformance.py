"""The runtime encoder, the one for devices and the stand-in keep the promises of the `Embedder` protocol."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.embed import Embedder
from tests.conformance.embedder import CHECKS


@pytest.mark.parametrize("fixture", ["embedder", "torch_embedder", "stand_in"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(check: Callable[[Embedder], None], fixture: str, request: pytest.FixtureRequest) -> None:
    check(request.getfixturevalue(fixture))
