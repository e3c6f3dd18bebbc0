from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rag import prompts
from rag.answer.synthesis import Writer, load_writer
from rag.answer.synthesis.writer import CACHE_FILE
from rag.answer.verify import Judgement, Source
from rag.config import Settings
from rag.errors import LLMFailed, LLMMissing
from rag.index import Index
from rag.llm import LLM, Limits, Message, Piece, Stop, load
from rag.llm.base import identity_of
from rag.llm.cache import ReplyCache
from tests.llm.server import Server, reply
from tests.llm.stand_in import Scripted
from tests.stand_in import StandIn

PROMPT = (Message("system", "Answer."), Message("user", "Where did the envoys meet?"))
KEY = "sk-some-key-0123456789"


class Never:
    """A verifier that is never asked."""

    def judge(self, claim: str, sources: Sequence[Source]) -> Judgement:
        raise AssertionError(claim, sources)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ReplyCache]:
    kept = ReplyCache(tmp_path / CACHE_FILE, 1_000_000)
    yield kept
    kept.close()


@pytest.fixture
def writer(cache: ReplyCache) -> Writer:
    return Writer(Scripted(["first", "second", "third"]), prompts.load("answer"), Never(), cache=cache)


def text_of(
    writer: Writer, question: str = "where?", digest: str = "d", messages: Sequence[Message] = PROMPT
) -> tuple[str, bool]:
    """The whole reply, and whether it was kept from before."""
    pieces = [*writer.reply(question, digest, messages)]
    (cached,) = {cached for _, cached in pieces}
    assert pieces[-1][0].stop
    return "".join(piece.text for piece, _ in pieces), cached


def asked(writer: Writer) -> int:
    assert isinstance(writer.llm, Scripted)
    return len(writer.llm.prompts)


def test_a_reply_is_kept_with_what_it_took(writer: Writer) -> None:
    first = [*writer.reply("where?", "d", PROMPT)]
    again = [*writer.reply("where?", "d", PROMPT)]
    assert not any(cached for _, cached in first)
    assert again == [(Piece("first", "end", first[-1][0].usage), True)]
    assert asked(writer) == 1


def test_without_a_cache_the_model_is_asked_again(writer: Writer) -> None:
    forgetful = replace(writer, cache=None)
    assert [text_of(forgetful), text_of(forgetful)] == [("first", False), ("second", False)]


def test_whatever_a_reply_depends_on_asks_anew(writer: Writer, tmp_path: Path) -> None:
    (tmp_path / "answer.md").write_text(
        Path("prompts/answer.md").read_text(encoding="utf-8").replace("a journalist's", "an editor's"), encoding="utf-8"
    )
    others = [
        text_of(writer),
        text_of(writer, question="when?"),
        text_of(writer, digest="e"),
        text_of(writer, messages=PROMPT[1:]),
        text_of(replace(writer, prompt=prompts.load("answer", tmp_path))),
        text_of(replace(writer, limits=Limits(temperature=0.5))),
        text_of(replace(writer, llm=Scripted(["of another model"], name="scripted:other"))),
    ]
    assert [cached for _, cached in others] == [False] * 7
    assert text_of(replace(writer, limits=Limits(timeout=1, retries=0))) == ("first", True)
    assert text_of(writer) == ("first", True)


@pytest.mark.parametrize("text", ["", "It rain"])
def test_a_reply_that_broke_off_is_not_kept(writer: Writer, text: str) -> None:
    broken = replace(writer, llm=Scripted([text], breaks=LLMFailed("it broke off")))
    with pytest.raises(LLMFailed):
        text_of(broken)
    assert text_of(replace(writer, llm=Scripted(["whole"]))) == ("whole", False)


def test_a_reply_that_nobody_read_to_its_end_is_not_kept(writer: Writer) -> None:
    pieces = writer.reply("where?", "d", PROMPT)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert text_of(writer) == ("second", False)


@pytest.mark.parametrize(
    ("text", "stop", "requests"),
    [("It rained.", "end", 1), ("It rai", "length", 1), ("No.", "refusal", 2), (" \n", "end", 2)],
)
def test_a_refusal_and_an_empty_reply_are_not_kept(writer: Writer, text: str, stop: Stop, requests: int) -> None:
    one = replace(writer, llm=Scripted([text], stop=stop))
    assert [text_of(one)[0], text_of(one)[0]] == [text, text]
    assert asked(one) == requests


class Named(Scripted):
    """A model with an identity."""

    def __init__(self, text: str, identity: str) -> None:
        super().__init__([text])
        self.identity = identity


def test_models_of_one_name_are_told_apart_by_their_identity(writer: Writer) -> None:
    assert identity_of(Scripted(["x"])) == "scripted:stand-in"
    assert identity_of(Named("x", "one")) != identity_of(Named("x", "other"))
    assert text_of(replace(writer, llm=Named("of one", "one"))) == ("of one", False)
    assert text_of(replace(writer, llm=Named("of the other", "other"))) == ("of the other", False)
    assert text_of(replace(writer, llm=Named("never said", "one"))) == ("of one", True)


def test_two_servers_with_one_model_name_do_not_share_replies(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with Server(reply("of one")) as one, Server(reply("of the other")) as other:
        for server, text, cached in [(one, "of one", False), (other, "of the other", False), (one, "of one", True)]:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            llm = load("openai:same", Limits(timeout=20))
            assert llm.name == "openai:same"
            assert KEY not in identity_of(llm)
            assert text_of(replace(writer, llm=llm)) == (text, cached)
            llm.close()
        assert (len(one.requests), len(other.requests)) == (1, 1)
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())


def test_another_model_in_the_same_folder_is_another_model(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deeper").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    weights = folder / "model.safetensors"
    weights.write_bytes(b"one")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    before = identity_of(load(f"local:{folder}"))
    assert identity_of(load(f"local:{folder}")) == before
    stat = weights.stat()
    weights.write_bytes(b"two")
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert identity_of(load(f"local:{folder}")) != before


def test_a_model_that_is_gone_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"one")
    llm = load(f"local:{folder}")
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(LLMMissing, match="is not there any more"):
        identity_of(llm)


def test_closing_lets_go_of_the_model_and_the_cache(writer: Writer) -> None:
    text_of(writer)
    writer.close()
    assert isinstance(writer.llm, Scripted)
    assert writer.llm.closed
    assert text_of(writer) == ("second", False)


@pytest.fixture
def index(tmp_path: Path, stand_in: StandIn) -> Iterator[Index]:
    with Index.create(tmp_path / "index", settings=Settings(rerank="none"), embedder=stand_in) as index:
        yield index


def test_settings_make_the_writer(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, Limits]] = []

    def loaded(spec: str, limits: Limits) -> LLM:
        given.append((spec, limits))
        return Scripted(["x"], name=spec)

    monkeypatch.setattr("rag.llm.load", loaded)
    settings = Settings(
        cache=tmp_path / "cache",
        llm_max_tokens=77,
        llm_temperature=0.5,
        llm_timeout=3,
        llm_retries=1,
        llm_passages=2,
        show_unsupported=True,
    )
    writer = load_writer(settings, "scripted:one", index.store, index.embedder)
    assert given == [("scripted:one", Limits(max_tokens=77, temperature=0.5, timeout=3, retries=1))]
    assert (writer.passages, writer.show_unsupported, writer.limits) == (2, True, given[0][1])
    assert text_of(writer) == ("x", False)
    assert text_of(writer) == ("x", True)
    writer.close()
    with closing(sqlite3.connect(tmp_path / "cache" / CACHE_FILE)) as db:
        assert db.execute("SELECT text FROM replies").fetchall() == [("x",)]


def test_no_reply_is_kept_where_none_may_be_or_the_model_is_an_object(index: Index, tmp_path: Path) -> None:
    settings = Settings(cache=tmp_path / "cache")
    llm = Scripted(["x", "y"])
    writer = load_writer(settings, llm, index.store, index.embedder)
    assert (writer.llm, writer.cache) == (llm, None)
    no_cache = settings.model_copy(update={"llm_cache_mb": 0.0})
    assert load_writer(no_cache, llm, index.store, index.embedder).cache is None
    assert not (tmp_path / "cache").exists()


def test_an_unknown_model_is_told(index: Index) -> None:
    with pytest.raises(LLMMissing, match="names no language model"):
        load_writer(Settings(), "nobody:one", index.store, index.embedder)
