"""The hosted model over pydantic-ai's own test models: pieces, limits, tries, prices."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage

from rag.errors import LLMFailed
from rag.llm import LLM, Limits, Message
from rag.llm.failures import Service
from rag.llm.hosted import Hosted, _usage, load_hosted
from tests.conformance import llm as conformance
from tests.conformance.llm import PROMPT, written
from tests.llm.stand_in import Scripted

Deltas = AsyncIterator[Any]
TEXT = "They met in Geneva."
_UNCLOSED = """
import threading
from pydantic_ai.models.test import TestModel
from rag.llm import Limits, Message
from rag.llm.hosted import Hosted
llm = Hosted("test:model", TestModel(custom_output_text="success"), Limits())
reply = llm.stream([Message("user", "x")])
print(next(reply).text, any(thread.name == "rag-llm" for thread in threading.enumerate()))
"""


async def _says(*_: object) -> Deltas:
    for word in TEXT.split(" "):
        yield f"{word} "


def hosted(write: Callable[..., Deltas] = _says, limits: Limits | None = None, **more: Any) -> Hosted:
    model = FunctionModel(stream_function=write, model_name="function")
    return Hosted("test:function", model, limits or Limits(timeout=10), wait=lambda _: None, **more)


MAKERS: dict[str, Callable[[], LLM]] = {
    "scripted": lambda: Scripted(["They met in Geneva, “at last” – 日内瓦."]),
    "scripted whole": lambda: Scripted(lambda messages: messages[-1].text + "?", pieces=0),
    "TestModel": lambda: Hosted("test:model", TestModel(), Limits()),
    "FunctionModel": hosted,
}


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("maker", MAKERS)
def test_conformance(maker: str, check: Callable[[LLM], None]) -> None:
    llm = MAKERS[maker]()
    check(llm)
    llm.close()


def test_messages_reach_the_model_with_their_roles() -> None:
    seen: list[tuple[str, object]] = []

    async def write(messages: list[ModelMessage], info: AgentInfo) -> Deltas:
        seen.extend((part.part_kind, getattr(part, "content", "")) for message in messages for part in message.parts)
        seen.append(("settings", dict(info.model_settings or {})))
        yield "yes"

    llm = hosted(write, Limits(max_tokens=77, temperature=0.5))
    list(llm.stream(PROMPT))
    llm.close()
    assert seen[:2] == [("system-prompt", PROMPT[0].text), ("user-prompt", PROMPT[1].text)]
    assert seen[2] == ("settings", {"max_tokens": 77, "temperature": 0.5})


def test_thinking_is_no_text() -> None:
    async def write(*_: object) -> Deltas:
        yield {0: DeltaThinkingPart(content="First I doubt.")}
        yield "Geneva."

    llm = hosted(write)
    assert written(list(llm.stream(PROMPT))) == "Geneva."
    llm.close()


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_a_failure_that_may_pass_is_tried_as_often_as_the_limits_say(retries: int) -> None:
    asked: list[int] = []

    async def write(*_: object) -> Deltas:
        asked.append(1)
        raise ModelHTTPError(500, "function")
        yield ""

    llm = hosted(write, Limits(retries=retries))
    with pytest.raises(LLMFailed, match="status 500") as caught:
        list(llm.stream(PROMPT))
    llm.close()
    assert len(asked) == retries + 1
    assert caught.value.passing
    assert ("tried" in caught.value.message) == (retries > 0)


@pytest.mark.parametrize(
    ("error", "message", "passing"),
    [
        (ValueError(f"secret {PROMPT[1].text}"), r"^the request to test:function failed \(ValueError\)\.", False),
        (UnexpectedModelBehavior("secret", "secret body"), "cannot be read to its end", True),
        (ModelHTTPError(409, "m", {"error": "secret"}), "answered with status 409", False),
        (ModelHTTPError(409, "m", headers={"x-should-retry": "true"}), "answered with status 409", True),
    ],
)
def test_whatever_is_raised_is_one_line(error: Exception, message: str, *, passing: bool) -> None:
    async def write(*_: object) -> Deltas:
        raise error
        yield ""

    llm = hosted(write, Limits(retries=0), service=Service("test:function", "function"))
    with pytest.raises(LLMFailed, match=message) as caught:
        list(llm.stream(PROMPT))
    llm.close()
    assert caught.value.passing is passing
    assert caught.value.remedy
    assert "secret" not in str(caught.value)
    assert PROMPT[1].text not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_failure_after_text_is_not_tried_again() -> None:
    asked: list[int] = []

    async def write(*_: object) -> Deltas:
        asked.append(1)
        yield "They "
        raise ModelHTTPError(400, "function")

    llm = hosted(write)
    reply = llm.stream(PROMPT)
    assert next(reply).text == "They "
    with pytest.raises(LLMFailed) as caught:
        next(reply)
    llm.close()
    assert caught.value.passing
    assert asked == [1]


def test_a_reply_that_must_say_why_it_ended_and_does_not_broke_off() -> None:
    llm = hosted(says_why=True)
    with pytest.raises(LLMFailed, match="broke its reply off"):
        list(llm.stream(PROMPT))
    llm.close()


def test_the_readers_time_does_not_count() -> None:
    llm = hosted(limits=Limits(timeout=0.2, retries=0))
    reply = llm.stream(PROMPT)
    pieces = [next(reply)]
    threading.Event().wait(0.3)
    pieces += reply
    llm.close()
    assert written(pieces).split() == TEXT.split()


def test_a_reply_given_up_is_ended_at_once() -> None:
    ended = threading.Event()

    async def write(*_: object) -> Deltas:
        try:
            while True:
                yield "word "
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    llm = hosted(write)
    reply = llm.stream(PROMPT)
    next(reply)
    reply.close()  # type: ignore[attr-defined]
    assert ended.wait(5)
    llm.close()


def test_a_model_that_nobody_closes_does_not_hold_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _UNCLOSED], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.split(), done.stderr) == (["suc", "True"], "")


def test_closing_ends_whatever_is_under_way() -> None:
    async def write(*_: object) -> Deltas:
        await asyncio.sleep(60)
        yield "late"

    for _ in range(5):
        llm = hosted(write, Limits(timeout=60))
        with ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(list, llm.stream(PROMPT)) for _ in range(8)]
            llm.close()
            errors = [future.exception(timeout=10) for future in asking]
        assert {type(error) for error in errors} == {LLMFailed}
        assert all("ended" in str(error) or "closed" in str(error) for error in errors)


def test_closing_ends_the_thread() -> None:
    llm = hosted()
    list(llm.stream(PROMPT))
    thread = llm._thread
    assert thread is not None
    assert thread.is_alive()
    llm.close()
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("provider", "variable", "name", "given"),
    [
        ("openai", "OPENAI_API_KEY", "gpt-4o", True),
        ("openai", "OPENAI_API_KEY", "gpt-5", False),
        ("openai", "OPENAI_API_KEY", "o3", False),
        ("anthropic", "ANTHROPIC_API_KEY", "claude-haiku-4-5", True),
        ("gemini", "GEMINI_API_KEY", "gemini-2.5-flash", True),
    ],
)
def test_a_temperature_is_given_to_those_that_take_one(
    monkeypatch: pytest.MonkeyPatch, provider: str, variable: str, name: str, *, given: bool
) -> None:
    for address in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(address, raising=False)
    monkeypatch.setenv(variable, "some-key-123456")
    llm = load_hosted(provider, name, Limits())
    assert ("temperature" in llm._settings) is given
    llm.close()


def _response(name: str, provider: str) -> ModelResponse:
    return ModelResponse(
        [TextPart("x")],
        usage=RequestUsage(input_tokens=1_000_000, output_tokens=1_000_000),
        model_name=name,
        provider_name=provider,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_known_price_is_reckoned() -> None:
    usage = _usage(_response("gpt-4o", "openai"), Service("OpenAI", "gpt-4o"))
    assert (usage.input_tokens, usage.output_tokens) == (1_000_000, 1_000_000)
    assert usage.cost == pytest.approx(12.5)  # 2.50 and 10.00 dollars a million


@pytest.mark.parametrize(
    ("name", "provider", "own"),
    [("gpt-4o", "openai", True), ("no-such-model", "openai", False), ("m", "nobody", False)],
)
def test_an_unknown_price_is_none(name: str, provider: str, *, own: bool) -> None:
    assert _usage(_response(name, provider), Service("it", name, own_address=own)).cost is None


def test_the_scripted_model_does_what_it_is_told() -> None:
    llm = Scripted([LLMFailed("busy", passing=True), "one", "two"], pieces=2, stop="length")
    with pytest.raises(LLMFailed, match="busy"):
        list(llm.stream(PROMPT))
    assert [piece.text for piece in llm.stream(PROMPT)] == ["on", "e", ""]
    assert [written(list(llm.stream((Message("user", "x"),)))) for _ in range(2)] == ["two", "two"]
    assert list(llm.stream(PROMPT))[-1].stop == "length"
    assert llm.prompts[0] == PROMPT
    assert llm.given_up == 0
    reply = llm.stream(PROMPT)
    next(reply)
    reply.close()  # type: ignore[attr-defined]
    assert llm.given_up == 1


def test_the_scripted_model_breaks_off_after_its_text() -> None:
    reply = Scripted(["They met"], pieces=0, breaks=LLMFailed("gone", passing=True)).stream(PROMPT)
    assert next(reply).text == "They met"
    with pytest.raises(LLMFailed, match="gone"):
        next(reply)
