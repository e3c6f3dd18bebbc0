"""Whole answers over articles written for the purpose: parts, time, speakers, witnesses and conflicts together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import Settings
from rag.embed import Embedder
from rag.index import Index
from rag.types import Article

BRIDGE = (
    "The Velmora river bridge collapsed on Monday morning during heavy traffic. Thirty-nine people were killed in the collapse of the "
    "Velmora bridge, officials said on Tuesday. Mayor Anna Reuss chaired the emergency meeting about the Velmora bridge in the town hall. "
    "“We will rebuild the bridge within two years,” Reuss told reporters. She added that the old bridge had been inspected in March."
)
UPDATE = (
    "The death toll of the Velmora bridge collapse has risen. Forty-three people were killed in the collapse of the Velmora bridge, the "
    "interior ministry said on Monday. Engineers blamed rust in the main cables of the Velmora bridge for the collapse."
)
FIRE = (
    "A fire destroyed the opera house of Tarn Hollow in September. The blaze at the opera house started in the kitchen, investigators found. "
    "Nobody was hurt in the fire at the Tarn Hollow opera house."
)
COPY = "VELMORA (Courier) " + BRIDGE


def _article(name: str, text: str, source: str, published: str) -> Article:
    return Article(id=name, title=text.split(".", maxsplit=1)[0], text=text, source=source, published=published)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Index]:
    folder: Path = tmp_path_factory.mktemp("composed") / "index"
    with Index.create(folder, settings=Settings(), embedder=embedder) as index:
        index.add(
            _article("bridge", BRIDGE, "Velmora Gazette", "2024-05-14"),
            _article("update", UPDATE, "Harbour Herald", "2024-05-20"),
            _article("fire", FIRE, "Harbour Herald", "2023-09-12"),
            _article("copy", COPY, "Evening Courier", "2024-05-14"),
        )
        yield index


def test_each_part_of_a_question_has_its_own_quotes(index: Index) -> None:
    answer = index.ask(
        "Who chaired the emergency meeting about the Velmora bridge and what did engineers blame?", min_confidence=0.0
    )
    assert [part.question for part in answer.parts] == [
        "Who chaired the emergency meeting about the Velmora bridge",
        "what did engineers blame?",
    ]
    quotes = {citation.n: citation.quote for citation in answer.citations}
    first, second = ([quotes[n] for n in part.citations] for part in answer.parts)
    assert any("Anna Reuss chaired" in quote for quote in first)
    assert any("rust" in quote for quote in second)
    assert answer.text == " ".join(f"{citation.quote} [{citation.n}]" for citation in answer.citations)


def test_a_part_that_nothing_answers_is_named(index: Index) -> None:
    answer = index.ask(
        "Who chaired the emergency meeting about the Velmora bridge and what is the capital of Mongolia?"
    )
    assert not answer.abstained
    assert answer.parts[1].citations == ()
    assert any("what is the capital of Mongolia" in note for note in answer.notes)


def test_figures_that_differ_are_both_shown_and_the_newer_is_named(index: Index) -> None:
    answer = index.ask("How many people were killed in the collapse of the Velmora bridge?")
    assert [conflict.kind for conflict in answer.conflicts] == ["figure"]
    conflict = answer.conflicts[0]
    cited = {citation.n: citation for citation in answer.citations}
    assert {cited[n].article.id for n in conflict.citations} <= {"bridge", "copy", "update"}
    assert conflict.newer is not None
    assert cited[conflict.newer].article.id == "update"
    assert {word.casefold() for word in conflict.words} == {"thirty-nine", "forty-three"}


def test_copies_are_one_witness(index: Index) -> None:
    answer = index.ask("Who chaired the emergency meeting about the Velmora bridge?")
    group = next(witness for witness in answer.witnesses if "bridge" in witness.articles or "copy" in witness.articles)
    cited = {citation.article.id for citation in answer.citations} | {
        copy for citation in answer.citations for copy in citation.also_in
    }
    assert {"bridge", "copy"} & cited <= set(group.articles)
    assert len([w for w in answer.witnesses if {"bridge", "copy"} & set(w.articles)]) == 1


def test_the_speaker_of_a_quote_is_named(index: Index) -> None:
    answer = index.ask("What did Anna Reuss say about rebuilding the bridge?")
    cited = next(citation for citation in answer.citations if "rebuild" in citation.quote)
    assert cited.speaker is not None
    assert cited.speaker.endswith("Anna Reuss")
    assert (cited.verb, cited.addressee) == ("told", "reporters")


def test_someone_who_is_only_spoken_about_is_not_quoted(index: Index) -> None:
    answer = index.ask("What did the interior ministry say about the opera house?", min_confidence=0.0)
    assert all("interior ministry" in (citation.speaker or "") for citation in answer.citations)


def test_a_time_in_the_question_prefers_articles_of_that_time(index: Index) -> None:
    answer = index.ask("What was destroyed by fire in September 2023?", as_of="2024-06-01")
    assert answer.when == "in articles from September 2023"
    assert {citation.article.id for citation in answer.citations} == {"fire"}


def test_evidence_older_than_the_question_implies_is_said_to_be(index: Index) -> None:
    answer = index.ask(
        "What is the latest on the fire at the Tarn Hollow opera house?", as_of="2024-06-01", min_confidence=0.0
    )
    assert any("2023-09-12" in note and "days before 2024-06-01" in note for note in answer.notes)


def test_the_same_question_on_the_same_day_has_the_same_answer(index: Index) -> None:
    one, other = (index.ask("What burned last September?", as_of="2024-06-01").as_json() for _ in range(2))
    del one["timings_ms"], other["timings_ms"]
    assert one == other
