"""Asking with a language model through the front door: the verifier is the real one, the model a stand-in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rag.config import Settings
from rag.embed import OnnxEmbedder
from rag.errors import LLMFailed, LLMMissing
from rag.index import Index
from rag.llm import Limits
from rag.resources import resource
from rag.types import Article
from tests.answer.synthesis.test_claims import reply_of
from tests.llm.stand_in import Scripted
from tests.own_cache import own_cache

QUESTION = "what did China say in Geneva?"
UNANSWERED = "what did India say in Geneva?"
STANCE = "Chinese representatives also expressed a firm stance regarding US restrictions and suppression against China in the field of AI."
FROM_MEMORY = "Paris is the capital of France."
ABOUT_ELSE = "Musk sold his shares in a Norwegian fishing company."

Opened = Callable[..., Index]
FAILS = LLMFailed("the server is gone", "Start it")


@pytest.fixture
def opened(seeds_index: Index, embedder: OnnxEmbedder, model_cache: Path, tmp_path: Path) -> Iterator[Opened]:
    """Opens the index of the seeds with other settings, and a cache of its own."""
    indexes: list[Index] = []
    cache = own_cache(model_cache, tmp_path / "cache")

    def open_with(**changes: Any) -> Index:
        settings = Settings(**{"cache": cache, **changes})
        indexes.append(Index.open(seeds_index.info.path, settings=settings, embedder=embedder))
        return indexes[-1]

    yield open_with
    for index in indexes:
        index.close()


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scripted], str]:
    """Gives a model a name that settings can say."""

    def name(llm: Scripted) -> str:
        def loaded(spec: str, limits: Limits) -> Scripted:
            assert (spec, limits) == (llm.name, Limits())
            return llm

        monkeypatch.setattr("rag.llm.load", loaded)
        return llm.name

    return name


def test_a_verbatim_sentence_is_supported_and_cites_itself(opened: Opened) -> None:
    answer = opened().ask(QUESTION, llm=Scripted([reply_of((STANCE, [1, 2, 3, 4, 5, 6, 7, 8]))]))
    assert answer.text == f"{STANCE} [1]"
    (citation,) = answer.citations
    assert citation.quote == STANCE == citation.article.text[citation.start : citation.end]
    assert answer.witnesses
    assert set(answer.timings_ms) == {"encode", "retrieve", "answer", "write"}


def test_what_is_true_in_the_world_and_not_in_the_articles_is_not_shown(opened: Opened) -> None:
    index = opened()
    alone = index.ask(QUESTION, llm=Scripted([reply_of((FROM_MEMORY, [1]), (ABOUT_ELSE, [2]))]))
    assert alone.abstained
    assert [claim.verdict for claim in alone.claims] == ["unsupported", "unsupported"]
    beside = index.ask(QUESTION, llm=Scripted([reply_of((FROM_MEMORY, [1]), (STANCE, [1]))]))
    assert beside.text == f"{STANCE} [1]"


def test_without_a_model_the_answer_is_extractive_and_names_none(opened: Opened) -> None:
    answer = opened().ask(QUESTION)
    assert answer.mode == "extractive"
    record = answer.as_json()
    assert (record["claims"], record["claim_counts"], record["llm"]) == ([], None, None)


def test_where_nothing_answers_surely_enough_no_model_is_asked(opened: Opened) -> None:
    llm = Scripted([reply_of((STANCE, [1]))])
    answer = opened().ask(UNANSWERED, llm=llm)
    assert llm.prompts == []
    assert answer.abstained
    assert (answer.mode, answer.writing) == ("extractive", None)
    assert [note for note in answer.notes if note.startswith("no language model was asked")]
    surer = opened(min_confidence=0.99).ask(QUESTION, llm=llm)
    assert llm.prompts == []
    assert surer.abstained
    assert surer.notes[-1].endswith("is under 0.99")


def test_a_failure_is_an_error(opened: Opened) -> None:
    with pytest.raises(LLMFailed, match="the server is gone"):
        opened().ask(QUESTION, llm=Scripted([FAILS]))
    with pytest.raises(LLMMissing, match="names no language model"):
        opened(llm="nobody:one").ask(QUESTION)


@pytest.mark.parametrize("optional", [{"llm": Scripted([FAILS])}, {"llm": "nobody:one"}], ids=["failed", "missing"])
def test_a_failure_of_an_optional_model_leaves_the_extractive_answer(opened: Opened, optional: dict[str, Any]) -> None:
    answer = opened(llm_optional=True).ask(QUESTION, **optional)
    plain = opened().ask(QUESTION)
    assert (answer.mode, answer.text, answer.citations) == ("extractive", plain.text, plain.citations)
    assert not answer.abstained
    assert (answer.claims, answer.writing) == ((), None)
    (note,) = set(answer.notes) - set(plain.notes)
    assert note.startswith("answered without the language model: ")


def test_an_optional_model_that_breaks_off_leaves_the_extractive_answer(opened: Opened) -> None:
    told: list[str] = []
    llm = Scripted([reply_of((STANCE, [1]), (FROM_MEMORY, [1]))], breaks=FAILS)
    answer = opened(llm_optional=True).ask(QUESTION, llm=llm, on_claim=lambda claim, _: told.append(claim.text))
    assert told == [STANCE]
    assert answer.mode == "extractive"
    assert answer.text == opened().ask(QUESTION).text
    assert answer.notes[-1] == "answered without the language model: the server is gone"


def test_a_named_model_is_loaded_once_and_its_replies_are_kept(
    opened: Opened, named: Callable[[Scripted], str]
) -> None:
    llm = Scripted([reply_of((STANCE, [1])), reply_of((FROM_MEMORY, [1]))])
    index = opened(llm=named(llm))
    first, again = index.ask(QUESTION), index.ask(QUESTION)
    assert len(llm.prompts) == 1
    assert (first.text, first.claims, first.citations) == (again.text, again.claims, again.citations)
    assert first.writing is not None
    assert again.writing == first.writing.model_copy(update={"cached": True, "requests": 0, "cost": 0.0})
    assert opened(llm=llm.name).ask(QUESTION).writing == again.writing
    assert len(llm.prompts) == 1
    assert opened(llm=llm.name, llm_cache_mb=0).ask(QUESTION).abstained
    assert len(llm.prompts) == 2
    index.close()
    assert llm.closed


def test_another_index_asks_anew(tmp_path: Path, embedder: OnnxEmbedder, named: Callable[[Scripted], str]) -> None:
    llm = Scripted([reply_of((STANCE, [1]))])
    settings = Settings(cache=tmp_path, rerank="none", min_confidence=0, llm=named(llm))
    with Index.create(tmp_path / "index", settings=settings, embedder=embedder) as index:
        index.add(resource("seeds"))
        assert not index.ask(QUESTION).abstained
        index.add(
            Article(id="more", text="Bakers in Ghent went on strike over flour prices on Friday, their union said.")
        )
        assert not index.ask(QUESTION).abstained
    assert len(llm.prompts) == 2


def test_a_model_of_the_caller_is_left_open(opened: Opened) -> None:
    llm = Scripted([reply_of((STANCE, [1]))])
    index = opened()
    index.ask(QUESTION, llm=llm)
    index.close()
    assert not llm.closed


def test_several_threads_may_ask_with_one_model(opened: Opened, named: Callable[[Scripted], str]) -> None:
    at_once = threading.Barrier(3, timeout=20)

    def reply(_: object) -> str:
        at_once.wait()
        return reply_of((STANCE, [1]), (ABOUT_ELSE, [1]))

    llm = Scripted(reply)
    index = opened(llm=named(llm), llm_cache_mb=0)
    told: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: index.ask(QUESTION, on_claim=lambda c, _: told.append(c.text)), range(6)))
    assert {answer.text for answer in answers} == {f"{STANCE} [1]"}
    assert told == [STANCE] * 6
    assert len(llm.prompts) == 6
