"""Hosted models against a real server on loopback: what each fault of the protocol comes to."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from rag.errors import LLMFailed
from rag.llm import LLM, Limits, Message, Piece, Stop, Usage
from rag.llm.hosted import Hosted, load_hosted
from tests.conformance import llm as conformance
from tests.conformance.llm import written
from tests.llm import server as fake
from tests.llm.server import Server, Step

KEY = "sk-proj-Zq83hPw0secretsecret77"
PROMPT = (Message("system", "Only from the passages."), Message("user", "[1] The envoys met in Geneva.\n\nWhere?"))
TEXT = "They met in Geneva, “at last” – 日内瓦."
LIMITS = Limits(retries=2, timeout=10, max_tokens=100)
QUICK = Limits(retries=0, timeout=0.3)

PROVIDERS = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Asking(NamedTuple):
    """A server that plays its steps, the model that asks it, and the seconds that the model was to wait."""

    server: Server
    llm: Hosted
    waits: list[float]

    def fail(self) -> tuple[LLMFailed, str]:
        """The failure of a request, and the text that came before it."""
        pieces: list[Piece] = []
        try:
            for piece in self.llm.stream(PROMPT):
                pieces.append(piece)  # noqa: PERF402 - what came before the failure is kept
        except LLMFailed as failure:
            return failure, written(pieces)
        pytest.fail(f"it did not fail: {pieces}")


Ask = Callable[..., Asking]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    open_: list[Asking] = []

    def start(*steps: Step, limits: Limits = LIMITS, provider: str = "openai", name: str = fake.MODEL) -> Asking:
        server = Server(*steps).__enter__()
        monkeypatch.setenv(PROVIDERS[provider], server.url if provider == "openai" else server.origin)
        waits: list[float] = []
        open_.append(Asking(server, load_hosted(provider, name, limits, wait=waits.append), waits))
        return open_[-1]

    yield start
    for asking in open_:
        asking.llm.close()
        asking.server.__exit__(None, None, None)


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_conformance(ask: Ask, provider: str, check: Callable[[LLM], None]) -> None:
    check(ask(fake.reply(TEXT), provider=provider).llm)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_comes_in_pieces_with_its_usage(ask: Ask, provider: str) -> None:
    asking = ask(fake.reply(TEXT), provider=provider)
    pieces = list(asking.llm.stream(PROMPT))
    assert written(pieces) == TEXT
    assert len(pieces) > 3
    assert pieces[-1] == Piece("", "end", Usage(1, fake.INPUT_TOKENS, fake.OUTPUT_TOKENS, None))
    assert asking.waits == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_thinking_is_no_text(ask: Ask, provider: str) -> None:
    asking = ask(fake.reply(TEXT, thinking="First I doubt."), provider=provider)
    assert written(list(asking.llm.stream(PROMPT))) == TEXT


@pytest.mark.parametrize(
    ("provider", "finish", "stop"),
    [
        ("openai", "length", "length"),
        ("openai", "content_filter", "refusal"),
        ("anthropic", "length", "length"),
        ("anthropic", "refusal", "refusal"),
        ("gemini", "length", "length"),
        ("gemini", "SAFETY", "refusal"),
    ],
)
def test_why_a_reply_ended_is_told(ask: Ask, provider: str, finish: str, stop: Stop) -> None:
    pieces = list(ask(fake.reply(TEXT, finish=finish), provider=provider).llm.stream(PROMPT))
    assert written(pieces) == TEXT
    assert pieces[-1].stop == stop


def test_a_refusal_is_no_text(ask: Ask) -> None:
    pieces = list(ask(fake.refusal("I cannot help with that.")).llm.stream(PROMPT))
    assert written(pieces) == ""
    assert [piece.stop for piece in pieces] == ["refusal"]


def test_an_empty_reply_is_only_an_end(ask: Ask) -> None:
    pieces = list(ask(fake.reply("")).llm.stream(PROMPT))
    assert pieces == [Piece("", "end", Usage(1, fake.INPUT_TOKENS, fake.OUTPUT_TOKENS, None))]


def test_a_server_that_counts_no_tokens_is_believed(ask: Ask) -> None:
    assert list(ask(fake.reply(TEXT, usage=False)).llm.stream(PROMPT))[-1].usage == Usage(1, 0, 0, None)


def test_the_request_says_what_the_limits_say(ask: Ask) -> None:
    asking = ask(fake.reply(TEXT))
    list(asking.llm.stream(PROMPT))
    (asked,) = asking.server.requests
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body["messages"] == [{"role": role, "content": text} for role, text in PROMPT]
    sent = {key: asked.body[key] for key in ("model", "max_tokens", "temperature", "stream")}
    assert sent == {"model": fake.MODEL, "max_tokens": 100, "temperature": 0.0, "stream": True}


def test_a_thinking_model_is_told_to_think_little_and_given_no_temperature(ask: Ask) -> None:
    asking = ask(fake.reply(TEXT), name="gpt-5")
    list(asking.llm.stream(PROMPT))
    body = asking.server.requests[0].body
    assert body["reasoning_effort"] == "minimal"
    assert body["max_completion_tokens"] == 100
    assert not {"temperature", "max_tokens"} & body.keys()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_key_goes_in_one_header_and_nowhere_else(ask: Ask, provider: str) -> None:
    asking = ask(fake.reply(TEXT), provider=provider)
    list(asking.llm.stream(PROMPT))
    (asked,) = asking.server.requests
    assert [value.removeprefix("Bearer ") for value in asked.headers.values() if KEY in value] == [KEY]
    assert KEY not in asked.path
    assert KEY not in str(asked.body)


def test_a_server_of_ones_own_needs_no_key(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    asking = ask(fake.reply(TEXT))
    assert written(list(asking.llm.stream(PROMPT))) == TEXT


@pytest.mark.parametrize(
    "fault",
    [
        fake.status(429, "slow down"),
        fake.status(500),
        fake.status(503),
        fake.status(529, "overloaded"),
        fake.status(408),
        fake.cut(),
        fake.raw("data: {half"),
        fake.raw("data: {}"),
        fake.raw("", "application/json"),
        fake.raw(fake.event(message="later", code="server_error") + "\n\n"),
    ],
    ids=["429", "500", "503", "529", "408", "cut", "half a line", "no end", "nothing", "error event"],
)
def test_what_may_pass_is_tried_again_until_it_passes(ask: Ask, fault: Step) -> None:
    asking = ask(fault, fault, fake.reply(TEXT))
    pieces = list(asking.llm.stream(PROMPT))
    assert written(pieces) == TEXT
    assert pieces[-1].usage == Usage(3, fake.INPUT_TOKENS, fake.OUTPUT_TOKENS, None)
    assert len(asking.server.requests) == 3
    first, second = asking.waits
    assert 1 <= first <= 2 <= second <= 3  # exponential, with a second of jitter


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (fake.status(429), "takes no more requests"),
        (fake.status(500), "answered with status 500"),
        (fake.status(503), "is overloaded or not ready"),
        (fake.cut(), "the connection to .* broke off"),
        (fake.raw("data: {half"), "cannot be read to its end"),
    ],
    ids=["429", "500", "503", "cut", "half a line"],
)
def test_what_does_not_pass_fails_after_the_last_try(ask: Ask, fault: Step, message: str) -> None:
    asking = ask(fault)
    failure, text = asking.fail()
    assert failure.passing
    assert text == ""
    assert len(asking.server.requests) == 3
    assert_line(failure, message)
    assert "(tried 3 times)" in failure.message


def assert_line(failure: LLMFailed, message: str) -> None:
    """One line that says what is wrong, with a remedy, and nothing that is nobody's business."""
    said = str(failure)
    assert re.search(message, failure.message), said
    assert failure.remedy
    assert "\n" not in said
    assert KEY not in said
    assert not any(message.text in said for message in PROMPT)
    assert failure.__cause__ is None
    assert failure.__context__ is None


def test_a_server_is_waited_for_as_long_as_it_asks(ask: Ask) -> None:
    asking = ask(fake.status(429, Retry_After="9"), fake.status(503, retry_after_ms="4500"), fake.reply(TEXT))
    assert written(list(asking.llm.stream(PROMPT))) == TEXT
    assert asking.waits == [9.0, 4.5]


def test_a_server_that_asks_for_an_hour_is_not_waited_for(ask: Ask) -> None:
    asking = ask(fake.status(429, Retry_After="3600"), limits=Limits(retries=9, timeout=600))
    failure, _ = asking.fail()
    assert_line(failure, "takes no more requests for 3600 s$")
    assert failure.passing
    assert asking.waits == []


def test_the_waits_have_an_end(ask: Ask) -> None:
    asking = ask(fake.status(429, Retry_After="59"), limits=Limits(retries=1, timeout=5))
    failure, _ = asking.fail()
    assert failure.passing
    assert asking.waits == []  # the whole may take twice 5 s and twice the longest back-off


@pytest.mark.parametrize(
    ("fault", "message", "remedy"),
    [
        (fake.status(401, f"Incorrect API key provided: {KEY}"), "refused the key$", "Check OPENAI_API_KEY"),
        (fake.status(403, f"{KEY} may not"), "does not let this key use 'stand-in-1'", "OPENAI_API_KEY"),
        (fake.status(404, error={"code": "model_not_found"}), "has no model 'stand-in-1'", "OPENAI_BASE_URL"),
        (
            fake.status(
                400, "This model's maximum context length is 4 tokens", error={"code": "context_length_exceeded"}
            ),
            "the prompt is too long for 'stand-in-1'",
            "Lower llm_passages",
        ),
        (fake.status(400, "temperature must be 1"), "refused the request: temperature must be 1$", "llm_"),
        (
            fake.status(422, f"bad key {KEY[:6]}****{KEY[-4:]}\nso there"),
            r"refused the request: bad key \[…\] so there$",
            "llm_",
        ),
        (fake.status(422, f"bad header Bearer {KEY[3:15]}"), "refused the request$", "llm_"),
        (fake.status(400, f"cannot read '{PROMPT[1].text}'"), "refused the request$", "llm_"),
        (fake.raw("<h1>400</h1>", "text/html", 400), "refused the request$", "llm_"),
        (fake.status(429, error={"code": "insufficient_quota"}), "quota or credit at .* is used up", "Top it up"),
        (fake.status(402), "quota or credit", "Top it up"),
        (fake.status(418), "answered with status 418", "OPENAI_BASE_URL"),
        (fake.raw("<html>welcome</html>", "text/html; charset=utf-8"), "answers with a web page", "OPENAI_BASE_URL"),
        (fake.raw("", code=307, Location="http://127.0.0.1:9/v1"), "to another address", "Correct OPENAI_BASE_URL"),
    ],
    ids=[
        "401",
        "403",
        "404",
        "context",
        "400",
        "422",
        "key",
        "echo",
        "400 page",
        "quota",
        "402",
        "418",
        "page",
        "redirect",
    ],
)
def test_what_cannot_pass_fails_at_once(ask: Ask, fault: Step, message: str, remedy: str) -> None:
    asking = ask(fault)
    failure, text = asking.fail()
    assert_line(failure, message)
    assert remedy in failure.remedy
    assert not failure.passing
    assert text == ""
    assert len(asking.server.requests) == 1
    assert asking.waits == []
    assert KEY[:6] not in str(failure)


def test_a_server_that_wants_a_key_says_so(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    failure, _ = ask(fake.status(401)).fail()
    assert_line(failure, "wants a key")
    assert failure.remedy == "Set OPENAI_API_KEY"


@pytest.mark.parametrize(
    "fault",
    [
        fake.cut("They met"),
        fake.broken("They met"),
        fake.broken("They met", "data: {half"),
        fake.broken("They met", fake.event(message="gone", code="server_error")),
        fake.broken("They met", fake.event(message=f"bad key {KEY}", code="invalid_api_key")),
    ],
    ids=["cut", "no end", "half a line", "error event", "key event"],
)
def test_what_breaks_off_after_text_is_not_tried_again(ask: Ask, fault: Step) -> None:
    asking = ask(fault)
    failure, text = asking.fail()
    assert text == "They met"
    assert failure.passing
    assert_line(failure, ".")
    assert len(asking.server.requests) == 1


def test_a_silent_server_is_cut_at_the_deadline_and_tried_again(ask: Ask) -> None:
    asking = ask(fake.silent, limits=QUICK.model_copy(update={"retries": 1}))
    failure, _ = asking.fail()
    assert_line(failure, "took longer than 0.3 s")
    assert "llm_timeout" in failure.remedy
    assert failure.passing
    assert len(asking.server.requests) == 2
    assert len(asking.waits) == 1


def test_a_server_that_trickles_for_ever_is_cut_at_the_deadline(ask: Ask) -> None:
    asking = ask(fake.trickle, limits=QUICK)
    failure, text = asking.fail()
    assert_line(failure, "took longer than 0.3 s")
    assert text.startswith("word word")
    assert failure.passing
    assert asking.server.left.wait(5)


def test_a_reply_past_the_limit_of_tokens_is_cut(ask: Ask) -> None:
    asking = ask(fake.trickle, limits=Limits(max_tokens=1, timeout=10))
    pieces = list(asking.llm.stream(PROMPT))
    assert pieces[-1].stop == "length"
    assert 64 < len(written(pieces)) < 100
    assert asking.server.left.wait(5)


def test_closing_the_iterator_ends_the_request(ask: Ask) -> None:
    asking = ask(fake.trickle)
    reply = asking.llm.stream(PROMPT)
    next(reply)
    assert not asking.server.left.is_set()
    reply.close()  # type: ignore[attr-defined]
    assert asking.server.left.wait(5)


def test_closing_the_model_ends_its_requests(ask: Ask) -> None:
    asking = ask(fake.trickle)
    reply = asking.llm.stream(PROMPT)
    next(reply)
    asking.llm.close()
    assert asking.server.left.wait(5)
    with pytest.raises(LLMFailed, match="was ended"):
        list(reply)
    with pytest.raises(LLMFailed, match="has been closed"):
        list(asking.llm.stream(PROMPT))


def test_a_waiting_request_ends_with_its_model(ask: Ask) -> None:
    asking = ask(fake.silent)
    failures: list[LLMFailed] = []
    thread = threading.Thread(target=lambda: failures.append(asking.fail()[0]))
    thread.start()
    while not asking.server.requests:
        thread.join(0.01)
    asking.llm.close()
    thread.join(5)
    assert not thread.is_alive()
    assert "was ended" in failures[0].message


def test_no_server_is_no_connection(ask: Ask) -> None:
    asking = ask(fake.reply(TEXT))
    asking.server.__exit__(None, None, None)
    failure, _ = asking.fail()
    assert_line(failure, "no connection to http://127.0.0.1:")
    assert "Start the server, or correct OPENAI_BASE_URL" in failure.remedy
    assert failure.passing
    assert len(asking.waits) == 2


@pytest.mark.parametrize(
    ("provider", "fault", "message"),
    [
        ("anthropic", fake.status(401), "refused the key"),
        ("anthropic", fake.status(404), "has no model"),
        ("anthropic", fake.status(529), "is overloaded"),
        ("anthropic", fake.cut(), "broke off"),
        ("anthropic", fake.raw("<html>", "text/html"), "web page"),
        ("gemini", fake.status(403), "does not let this key"),
        ("gemini", fake.status(404), "has no model"),
        ("gemini", fake.status(503), "is overloaded"),
        ("gemini", fake.cut(), "."),
        ("gemini", fake.raw("<html>", "text/html"), "web page"),
    ],
)
def test_the_faults_of_the_other_protocols(ask: Ask, provider: str, fault: Step, message: str) -> None:
    failure, text = ask(fault, provider=provider).fail()
    assert_line(failure, message)
    assert text == ""
