from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.answer.choose import Choice
from rag.answer.cite import cite
from rag.store import Chunker, EmbeddedStore
from rag.types import Article
from tests.answer.build import scored
from tests.stand_in import StandIn, article, indexed

_FERRY = article(
    "ferry", "The ferry Aurora “sank” near Ålesund. Nobody knows why.", title="Ferry sinks", source="Lantern"
)
_DAM = article("dam", "A dam broke in the valley. Nobody was hurt.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore.create(tmp_path / "index", StandIn().info, Chunker(name="test", max_tokens=20))
    opened.write([indexed(_FERRY), indexed(_DAM)])
    yield opened
    opened.close()


def _choice(of: Article, score: float = 1.0, also_in: tuple[str, ...] = ()) -> Choice:
    return Choice(scored(of, score), score, also_in)


def test_a_citation_is_the_span_of_the_stored_text(store: EmbeddedStore) -> None:
    (citation,), faults = cite(store, [_choice(_FERRY, 1.5, ("copy",))])
    assert citation.quote == "The ferry Aurora “sank” near Ålesund."
    assert store.article("ferry").text[citation.start : citation.end] == citation.quote
    assert (citation.n, citation.score, citation.also_in) == (1, 1.5, ("copy",))
    assert citation.article == _FERRY
    assert faults == []


def test_citations_are_numbered_in_order(store: EmbeddedStore) -> None:
    citations, _ = cite(store, [_choice(_DAM), _choice(_FERRY)])
    assert [(citation.n, citation.article.id) for citation in citations] == [(1, "dam"), (2, "ferry")]


def test_a_quote_that_the_stored_text_no_longer_holds_is_withheld_and_reported(store: EmbeddedStore) -> None:
    chosen = [_choice(_FERRY), _choice(_DAM)]
    store.write([indexed(_FERRY.model_copy(update={"text": "The ferry Aurora did not sink near Ålesund."}))])
    citations, faults = cite(store, chosen)
    assert [(citation.n, citation.article.id) for citation in citations] == [(1, "dam")]
    (fault,) = faults
    assert "ferry" in fault
    assert "withheld" in fault


def test_a_quote_that_moved_is_withheld(store: EmbeddedStore) -> None:
    store.write([indexed(_FERRY.model_copy(update={"text": f"Correction. {_FERRY.text}"}))])
    citations, faults = cite(store, [_choice(_FERRY)])
    assert citations == []
    assert len(faults) == 1


def test_nothing_chosen_gives_nothing(store: EmbeddedStore) -> None:
    assert cite(store, []) == ([], [])
