"""`ask --llm` as a real process that speaks to a real server on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.answer.synthesis.writer import CACHE_FILE
from tests.answer.synthesis.test_claims import reply_of
from tests.cli.process import Commands
from tests.llm.server import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, Server, Step, cut, refusal, reply, status
from tests.own_cache import own_cache

QUESTION = "what did China say in Geneva?"
UNANSWERED = "what did India say in Geneva?"
NAME = f"openai:{MODEL}"
STANCE = "Chinese representatives also expressed a firm stance regarding US restrictions and suppression against China in the field of AI."
BOTH = "Both sides engaged in in-depth, professional, and constructive exchanges of views on AI technology risks, global governance, and other issues of mutual concern, the Chinese Foreign Ministry said on Wednesday."
FALSE = "Musk sold his shares in a Norwegian fishing company."
PASSAGES = (1, 2, 3, 4, 5, 6, 7, 8)
WROTE = reply_of((STANCE, PASSAGES), (FALSE, [1]), (BOTH, PASSAGES))
KEY = "sk-proj-0123456789abcdefghij"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_LINK = re.compile(r"\x1b\]8;[^\x1b]*\x1b\\")


@pytest.fixture
def writing(commands: Commands, model_cache: Path, tmp_path: Path) -> Commands:
    """With a cache of its own."""
    return replace(commands, cache=own_cache(model_cache, tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[Server]:
    """One that writes two true claims and a false one."""
    with Server(reply(WROTE)) as running:
        yield running


def at(server: Server) -> dict[str, str]:
    return {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}


def kept(commands: Commands) -> bytes:
    """Everything in the files of kept replies."""
    return b"".join(path.read_bytes() for path in sorted(commands.cache.glob(f"{CACHE_FILE}*")))


def test_claims_quotes_sources_and_a_summary(writing: Commands, server: Server) -> None:
    done = writing.ask(QUESTION, "--llm", NAME, **at(server))
    assert done.code == 0
    claims, sources, summary = done.out.split("\n\n")
    assert claims.splitlines() == [f"{STANCE} [1]", f"{BOTH} [2]"]
    lines = sources.splitlines()
    assert [line.strip() for line in lines[1::2]] == [STANCE, BOTH]
    assert [re.match(r"\[(\d)\] .+ · .+ · \S+ \d+–\d+$", line)[1] for line in lines[::2]] == ["1", "2"]  # type: ignore[index]
    assert f"written by {NAME}: 2 of 3 claims supported" in summary
    assert done.err == "note: 1 of 3 claims left out: the articles do not fully support them\n"
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert QUESTION in json.dumps(request.body, ensure_ascii=False)


def test_json_of_an_answer_that_a_model_wrote(writing: Commands, server: Server) -> None:
    done = writing.ask(QUESTION, "--json", "--llm", NAME, **at(server))
    assert (done.code, done.err) == (0, "")
    answer: dict[str, Any] = json.loads(done.out)
    assert answer["answer"] == f"{STANCE} [1] {BOTH} [2]"
    assert answer["mode"] == "synthesis"
    assert [claim["verdict"] for claim in answer["claims"]] == ["supported", "unsupported", "supported"]
    assert answer["claim_counts"] == {"supported": 2, "partly": 0, "unsupported": 1, "shown": 2}
    took = answer["llm"]
    assert (took["model"], took["prompt"], took["cached"], took["cost"]) == (NAME, "answer", False, None)
    assert (took["requests"], took["input_tokens"], took["output_tokens"]) == (1, INPUT_TOKENS, OUTPUT_TOKENS)
    texts = {name: writing.rag("show", name, "--text").out for name in {c["article_id"] for c in answer["citations"]}}
    for citation in answer["citations"]:
        assert texts[citation["article_id"]][citation["start"] : citation["end"]] == citation["quote"]


def test_the_environment_can_name_the_model_and_a_reply_is_kept(writing: Commands, server: Server) -> None:
    first, again, anew = (
        json.loads(writing.ask(QUESTION, "--json", *flags, RAG_LLM=NAME, **at(server)).out)
        for flags in ((), (), ("--no-cache",))
    )
    assert [answer["llm"]["cached"] for answer in (first, again, anew)] == [False, True, False]
    assert first["answer"] == again["answer"] == anew["answer"]
    assert len(server.requests) == 2


def test_a_key_is_shown_and_kept_nowhere(writing: Commands) -> None:
    steps: list[Step] = [
        reply(WROTE),
        status(401, f"Incorrect API key provided: {KEY}"),
        status(400, f"bad request with {KEY}"),
    ]
    with Server(*steps) as server:
        runs = [
            writing.ask(question, "--debug", "--llm", NAME, **at(server))
            for question in (QUESTION, f"{QUESTION} And why?", f"{QUESTION} And how?")
        ]
        assert len(server.requests) == 3
    assert [done.code for done in runs] == [0, 1, 1]
    assert "refused the key" in runs[1].err
    for done in runs:
        assert KEY not in done.out + done.err
    assert b"claims" in kept(writing)
    assert KEY.encode() not in kept(writing)


def test_show_unsupported_strikes_through(writing: Commands, server: Server) -> None:
    done = writing.ask(QUESTION, "--llm", NAME, "--show-unsupported", **at(server))
    assert done.code == 0
    assert done.out.splitlines()[:3] == [f"{STANCE} [1]", f"~~{FALSE}~~ (not supported)", f"{BOTH} [2]"]
    assert done.err == "note: 1 of 3 claims struck through: the articles do not fully support them\n"


@pytest.mark.parametrize("flags", [(), ("--show-unsupported",)], ids=["strict", "shown"])
def test_where_no_claim_survives_it_exits_with_3(writing: Commands, flags: tuple[str, ...]) -> None:
    with Server(reply(reply_of((FALSE, [1])))) as server:
        done = writing.ask(QUESTION, "--llm", NAME, *flags, **at(server))
    assert done.code == 3
    assert "Nothing in the 5 articles answers this" in done.out
    assert (f"~~{FALSE}~~ (not supported)" in done.out.splitlines()) is bool(flags)
    assert (FALSE in done.out) is bool(flags)
    assert done.err == f"note: the articles do not fully support the one claim that {NAME} made\n"


def test_a_model_that_declines_exits_with_3(writing: Commands) -> None:
    with Server(refusal("I cannot help with that.")) as server:
        done = writing.ask(QUESTION, "--llm", NAME, **at(server))
    assert done.code == 3
    assert f"note: {NAME} declined to answer\n" in done.err


def test_where_the_articles_do_not_answer_the_server_is_not_asked(writing: Commands, server: Server) -> None:
    done = writing.ask(UNANSWERED, "--llm", NAME, **at(server))
    assert done.code == 3
    assert server.requests == []
    assert "note: no language model was asked" in done.err


def test_a_missing_key_is_one_line(writing: Commands) -> None:
    done = writing.ask(QUESTION, "--llm", NAME, OPENAI_API_KEY="", OPENAI_BASE_URL="")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: OpenAI wants a key. Set OPENAI_API_KEY or OPENAI_BASE_URL for a server that needs none\n"
    )


@pytest.fixture
def nobody() -> dict[str, str]:
    """The address of a server that has gone."""
    with Server(reply("")) as server:
        address = at(server)
    return {**address, "RAG_LLM_RETRIES": "0"}


def test_a_server_that_is_not_there_is_one_line(writing: Commands, nobody: dict[str, str]) -> None:
    done = writing.ask(QUESTION, "--llm", NAME, **nobody)
    assert (done.code, done.out) == (1, "")
    url = nobody["OPENAI_BASE_URL"]
    assert done.err == f"error: no connection to {url}. Start the server, or correct OPENAI_BASE_URL\n"


@pytest.mark.parametrize("key", [KEY, ""], ids=["server", "key"])
def test_an_optional_model_leaves_the_extractive_answer(writing: Commands, nobody: dict[str, str], key: str) -> None:
    environment = nobody if key else {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    done = writing.ask(QUESTION, "--llm", NAME, "--llm-optional", **environment)
    assert (done.code, done.out) == (0, writing.ask(QUESTION).out)
    assert done.err.startswith("note: answered without the language model: ")
    assert done.err.count("\n") == 1


def _broken() -> Step:
    """Breaks off after the first two claims."""
    return cut(WROTE[: WROTE.index(BOTH)])


def test_what_was_shown_before_a_model_broke_off_keeps_its_sources(writing: Commands) -> None:
    with Server(_broken()) as server:
        done = writing.ask(QUESTION, "--llm", NAME, **at(server))
    assert done.code == 1
    assert done.err == f"error: the connection to {server.url} broke off. Try again later\n"
    claims, sources, end = done.out.split("\n\n")
    assert claims == f"{STANCE} [1]"
    assert sources.startswith("[1] ")
    assert sources.endswith(f"\n    {STANCE}")
    assert end == f"{NAME} broke off here.\n"
    assert b"claims" not in kept(writing)


def test_an_optional_model_that_breaks_off_leaves_both_apart(writing: Commands) -> None:
    with Server(_broken()) as server:
        done = writing.ask(QUESTION, "--llm", NAME, "--llm-optional", **at(server))
    assert done.code == 0
    before, after = done.out.split(f"\n\n{NAME} broke off here. The articles' own sentences:\n\n")
    assert before.count(f"{STANCE} [1]\n") == 1
    assert after == writing.ask(QUESTION).out
    assert done.err == f"note: answered without the language model: the connection to {server.url} broke off\n"


def test_on_a_terminal_nothing_is_wider_than_it(writing: Commands, server: Server) -> None:
    code, sent = writing.on_terminal("ask", QUESTION, "--llm", NAME, "--show-unsupported", **at(server))
    assert code == 0
    assert f"\x1b[9m{FALSE}\x1b[0m" in sent
    plain = _LINK.sub("", _STYLE.sub("", sent))
    assert all(len(line) <= 80 for line in plain.splitlines())
    flat = " ".join(plain.split())
    assert f"{STANCE} [1] {FALSE} (not supported) {BOTH} [2] [1] " in flat
    assert f"written by {NAME}: 2 of 3 claims supported" in flat
    assert "~~" not in flat


def test_a_model_cannot_steer_the_terminal(writing: Commands) -> None:
    wrote = reply_of((FALSE.replace("Musk", "\x1b]0;owned\x07Musk\x1b[2J\r"), [1]), (STANCE, PASSAGES))
    with Server(reply(wrote)) as server:
        done = writing.ask(QUESTION, "--llm", NAME, "--show-unsupported", **at(server))
    assert "(not supported)" in done.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.out)


def test_questions_of_a_pipe_are_written_one_by_one(writing: Commands, server: Server) -> None:
    stdin = f"{QUESTION}\n{UNANSWERED}\n"
    done = writing.ask("--json", "--llm", NAME, stdin=stdin, **at(server))
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [(answer["mode"], answer["abstained"]) for answer in answers] == [("synthesis", False), ("extractive", True)]
    assert len(server.requests) == 1


def test_a_batch_is_taken_up_again(writing: Commands) -> None:
    questions, out = writing.folder / "questions.jsonl", writing.folder / "answers.jsonl"
    records = [{"id": "a", "question": QUESTION}, {"id": "b", "question": "What did Chinese representatives say?"}]
    questions.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    flags = ("--batch", str(questions), "--out", str(out), "--concurrency", "1", "--llm", NAME)
    with Server(reply(WROTE), status(400, "no"), reply(WROTE)) as server:
        first = writing.ask(*flags, "--min-confidence", "0", **at(server))
        assert first.code == 1
        assert "answered 1, abstained 0, failed 1" in first.err
        assert f"requests 1, tokens {INPUT_TOKENS} in and {OUTPUT_TOKENS} out, cost not known" in first.err
        second = writing.ask(*flags, "--min-confidence", "0", **at(server))
        assert second.code == 0
        assert "answered 2, abstained 0 (1 by an earlier run)" in second.err
        assert len(server.requests) == 3
        assert writing.ask(*flags, "--min-confidence", "0", **at(server)).code == 0
        assert len(server.requests) == 3
    answers = {record["id"]: record for record in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    assert [answers[name]["answer"] for name in ("a", "b")] == [f"{STANCE} [1] {BOTH} [2]"] * 2
    assert KEY not in out.read_text(encoding="utf-8") + first.err + second.err
