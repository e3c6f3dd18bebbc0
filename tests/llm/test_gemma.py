"""A real model, end to end: far too small to write well, and whatever it writes, nothing unsupported is shown. `pytest -m llm` runs these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from rag import llm
from rag.embed import OnnxEmbedder
from rag.index import Index
from rag.llm import Message, Piece
from rag.types import Answer, Citation, Claim
from tests.llm import gemma

pytestmark = pytest.mark.llm

QUESTIONS = 10
SERVED = 3
PROMPT = (Message("user", "The capital of France is"),)
BEGINNING = 40
"""Characters of a reply that are the same wherever it is computed; rounding may part them later."""


@pytest.fixture(scope="module")
def model() -> Iterator[llm.LLM]:
    """The model in this process, converted once for all runs."""
    loaded = llm.load(f"local:{gemma.gguf()}", gemma.LIMITS)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def index(seeds_index: Index, embedder: OnnxEmbedder) -> Iterator[Index]:
    """The index of the seeds, with settings for a small model."""
    with Index.open(seeds_index.info.path, settings=gemma.SETTINGS, embedder=embedder) as opened:
        yield opened


@pytest.fixture(scope="module")
def told() -> list[tuple[Claim, tuple[Citation, ...]]]:
    """What was told of claims while they were written."""
    return []


@pytest.fixture(scope="module")
def answers(index: Index, model: llm.LLM, told: list[tuple[Claim, tuple[Citation, ...]]]) -> list[Answer]:
    """What it answered to questions that the seeds answer, those aside to which no model is asked."""

    def tell(claim: Claim, citations: tuple[Citation, ...]) -> None:
        told.append((claim, citations))

    found = [index.ask(question, llm=model, on_claim=tell) for question in gemma.questions(QUESTIONS)]
    return [answer for answer in found if answer.writing]


def test_only_what_is_supported_is_shown(index: Index, answers: list[Answer]) -> None:
    assert len(answers) >= QUESTIONS // 2
    for answer in answers:
        gemma.assert_only_what_is_supported_is_shown(index, answer)


def test_it_writes_claims_and_not_all_of_them_pass(answers: list[Answer]) -> None:
    claims = [claim for answer in answers for claim in answer.claims]
    assert len(claims) >= len(answers)
    assert any(claim.shown for claim in claims)
    dropped = [claim for claim in claims if not claim.shown]
    assert dropped
    assert all(claim.reasons for claim in dropped)


def test_no_figure_is_shown_that_its_sentences_lack(answers: list[Answer]) -> None:
    checked = 0
    for answer in answers:
        by_number = {citation.n: citation for citation in answer.citations}
        for claim in (claim for claim in answer.claims if claim.shown):
            quotes = " ".join(by_number[n].quote for n in claim.citations)
            figures = [word.strip(".,;:%$€£") for word in claim.text.split() if word.strip(".,;:%$€£").isdigit()]
            assert all(figure in quotes for figure in figures), claim
            checked += 1
    assert checked


def test_claims_are_told_as_they_are_verified_and_no_others(
    answers: list[Answer], told: list[tuple[Claim, tuple[Citation, ...]]]
) -> None:
    assert [claim for claim, _ in told] == [claim for answer in answers for claim in answer.claims if claim.shown]
    assert all(citations for _, citations in told)


def test_what_it_took_is_counted(answers: list[Answer]) -> None:
    for answer in answers:
        assert answer.writing is not None
        assert answer.writing.requests == 1
        assert answer.writing.input_tokens > 500
        assert 0 < answer.writing.output_tokens <= gemma.LIMITS.max_tokens
        assert answer.writing.cost == 0.0
        assert answer.writing.model.startswith("local:")


def test_the_model_answers_the_same_again(index: Index, model: llm.LLM, answers: list[Answer]) -> None:
    again = index.ask(answers[0].question, llm=model)
    assert (again.text, again.claims) == (answers[0].text, answers[0].claims)


def written(reply: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in reply)


def test_served_over_http_the_promise_holds_too(
    index: Index, model: llm.LLM, answers: list[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pydantic_ai", reason="pip install 'ask-rag[llm]'")
    with gemma.served(gemma.converted(), tmp_path) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        remote = llm.load(f"openai:{tmp_path / 'gemma'}", gemma.LIMITS)
        try:
            here, there = (written(one.stream(PROMPT)) for one in (model, remote))
            assert here[:BEGINNING]
            assert there.lstrip().startswith(here[:BEGINNING])
            for known in answers[:SERVED]:
                answer = index.ask(known.question, llm=remote)
                gemma.assert_only_what_is_supported_is_shown(index, answer)
                assert answer.claims
                assert answer.writing is not None
                assert answer.writing.output_tokens > 0
        finally:
            remote.close()
