"""Models behind an API: OpenAI and every server that speaks its protocol, Anthropic, Gemini."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import import_module
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.errors import LLMFailed, LLMMissing
from rag.llm.base import Limits, Message, Piece, Stop, Usage
from rag.llm.failures import Failure, NotTheAPI, Service, explain

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings
    from tenacity import RetryCallState

_LONGEST_WAIT = 60.0
"""Seconds that a server may ask to wait; one that asks for more is not asked again."""
_LONGEST_BACKOFF = 20.0
_CLOSING = 5.0
"""Seconds that requests and connections have to end when the model is closed."""
_LETTERS_PER_TOKEN = 64
"""More letters than any tokenizer's token stands for: a reply longer than this has passed the limit of tokens, whatever the server says."""
_REASONS: dict[str | None, Stop] = {"stop": "end", "tool_call": "end", "length": "length", "content_filter": "refusal"}


def load_hosted(provider: str, name: str, limits: Limits, *, wait: Callable[[float], None] = time.sleep) -> Hosted:
    """The model of a provider: `openai` (and what speaks its chat-completions protocol), `anthropic` or `gemini`.

    Args:
        provider: which of them.
        name: the provider's name of the model.
        limits: the bounds of each request.
        wait: passes the seconds between two tries.

    Raises:
        LLMMissing: the provider's library or key is not there, or the address given for it is none.
    """
    one = _PROVIDERS[provider]
    for library in ("pydantic_ai", "tenacity", one.library):
        try:
            import_module(library)
        except ImportError as error:
            raise LLMMissing(f"the {library} library is not installed", "pip install 'ask-rag[llm]'") from error
    url = _address(one.url_variable)
    key, variable = _key(one.key_variables)
    service = Service(url or one.title, name, key, variable, one.url_variable, own_address=url is not None)
    model, client = one.make(name, key, url)
    return Hosted(
        f"{provider}:{name}",
        model,
        limits,
        service=service,
        wait=wait,
        done=client.aclose,
        says_why=True,
        identity=f"at {url or one.title}",
    )


class Hosted:
    """A model that pydantic-ai speaks to.

    Requests run in one background event loop, so that several threads may stream at once. A request that fails before its first text is
    tried again, as often as the limits say, where the failure may pass. The limits' timeout bounds one try; no try begins once `retries` + 1 times
    (timeout + 20) seconds have passed, so that the whole takes no longer than that and one timeout more.

    Args:
        name: the model, as its user named it.
        model: the model for pydantic-ai.
        limits: the bounds of each request.
        service: who is asked, for messages.
        wait: passes the seconds between two tries.
        done: lets go of the connections; runs in the event loop.
        says_why: every whole reply of this model says why it ended; one that does not broke off.
        identity: what tells it from other models of its name, such as the server's address.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        limits: Limits,
        *,
        service: Service | None = None,
        wait: Callable[[float], None] = time.sleep,
        done: Callable[[], Awaitable[None]] | None = None,
        says_why: bool = False,
        identity: str | None = None,
    ) -> None:
        self._name, self._model, self._limits = name, model, limits
        self._service = service or Service(name, model.model_name)
        self._wait, self._done, self._says_why = wait, done, says_why
        self._settings = _settings(model, limits)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._identity = identity or name

    @property
    def name(self) -> str:
        """The model, as its user named it: `openai:gpt-5`."""
        return self._name

    @property
    def identity(self) -> str:
        """What tells it from other models of its name: the server's address, never a key."""
        return self._identity

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        """The reply, piece by piece as it is written. Closing the iterator ends the request.

        Raises:
            LLMFailed: no reply came, or it broke off; what the remedy is stands in it.
        """
        request, tries = self._begun(messages)
        item = request.first
        text = False
        try:
            while isinstance(item, Piece) and item.stop is None:
                text = True
                yield item
                item = request.queue.get()
            if isinstance(item, Piece):
                usage = item.usage or Usage()
                yield item._replace(usage=Usage(tries, usage.input_tokens, usage.output_tokens, usage.cost))
        finally:
            request.future.cancel()
        if isinstance(item, Failure):
            often = f" (tried {tries} times)" if tries > 1 else ""
            raise LLMFailed(f"{item.message}{often}", item.remedy, passing=item.passing or text)

    def close(self) -> None:
        """Ends the requests that are open and lets go of the connections. Closing twice does no harm."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        with contextlib.suppress(Exception):  # a connection that does not close well is gone all the same
            asyncio.run_coroutine_threadsafe(self._finish(), loop).result(_CLOSING)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _begun(self, messages: Sequence[Message]) -> tuple[_Request, int]:
        """A request whose first piece, or last failure, is there; and how many tries that took."""
        from tenacity import Retrying, retry_if_result, stop_after_attempt, stop_before_delay

        tries = self._limits.retries + 1
        retrying = Retrying(
            sleep=self._wait,
            wait=_pause,
            stop=stop_after_attempt(tries) | stop_before_delay(tries * (self._limits.timeout + _LONGEST_BACKOFF)),
            retry=retry_if_result(lambda request: _worth_another_try(request.first)),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        request: _Request = retrying(self._begin, messages)
        return request, retrying.statistics["attempt_number"]

    def _begin(self, messages: Sequence[Message]) -> _Request:
        queue: SimpleQueue[Piece | Failure] = SimpleQueue()
        with self._lock:
            if self._closed:
                raise LLMFailed(f"{self._name} has been closed", "Load it again")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="rag-llm", daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(self._write(messages, queue), self._loop)
        ended = Failure(f"the request to {self._service.title} was ended", "Ask again")
        future.add_done_callback(lambda _: queue.put(ended))  # also where it is cancelled before its first step
        try:
            return _Request(future, queue, queue.get())
        except BaseException:  # the user's Ctrl-C ends the request as well
            future.cancel()
            raise

    async def _write(self, messages: Sequence[Message], queue: SimpleQueue[Piece | Failure]) -> None:
        """Puts the pieces of one reply in the queue, then its end or its failure. The deadline does not count the reader's time."""
        import anyio
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

        kinds = {"system": SystemPromptPart, "user": UserPromptPart}
        request = ModelRequest(parts=[kinds[message.role](message.text) for message in messages])
        room = self._limits.max_tokens * _LETTERS_PER_TOKEN
        try:
            with anyio.fail_after(self._limits.timeout):
                async with model_request_stream(
                    self._model, [request], model_settings=self._settings, instrument=False
                ) as reply:
                    async for event in reply:
                        text = _text(event)
                        if text:
                            queue.put(Piece(text))
                        room -= len(text)
                        if room < 0:
                            break
                    response = reply.get()
            last = self._end(response) if room >= 0 else Piece(stop="length", usage=_usage(response, self._service))
        except Exception as error:  # noqa: BLE001 - whatever the libraries raise is told in one line
            prompt = "\n".join(message.text for message in messages)
            last = explain(error, self._service, prompt, self._limits.timeout)
        queue.put(last)

    def _end(self, response: ModelResponse) -> Piece | Failure:
        reason = response.finish_reason
        if reason == "error" or (reason is None and self._says_why):
            return Failure(f"{self._service.title} broke its reply off", "Try again later", passing=True)
        return Piece(stop=_REASONS.get(reason, "end"), usage=_usage(response, self._service))

    async def _finish(self) -> None:
        """Ends every request, then the connections."""
        requests = asyncio.all_tasks() - {asyncio.current_task()}
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()
        if self._done is not None:
            await self._done()


@dataclass(frozen=True)
class _Request:
    """A request under way: what it has given first, and where the rest comes."""

    future: Future[None]
    queue: SimpleQueue[Piece | Failure]
    first: Piece | Failure


def _worth_another_try(first: Piece | Failure) -> bool:
    return isinstance(first, Failure) and first.passing and (first.retry_after or 0.0) <= _LONGEST_WAIT


def _pause(state: RetryCallState) -> float:
    """Seconds before the next try: what the server asks for, and at least an exponential back-off with jitter."""
    from tenacity import wait_exponential_jitter

    first = state.outcome.result().first if state.outcome else None
    asked = first.retry_after if isinstance(first, Failure) else None
    return max(wait_exponential_jitter(initial=1, max=_LONGEST_BACKOFF, jitter=1)(state), asked or 0.0)


def _text(event: object) -> str:
    """The text that an event adds to the reply; a model's thinking is none."""
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    match event:
        case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
    return ""


def _usage(response: ModelResponse, service: Service) -> Usage:
    """What a reply took. A server of the user's own has no known price, whatever its models are called."""
    cost = None
    if not service.own_address:
        with contextlib.suppress(LookupError, ValueError, AssertionError):  # no price is known, or no usage was told
            cost = float(response.cost().total_price)
    return Usage(1, response.usage.input_tokens, response.usage.output_tokens, cost)


def _settings(model: Model, limits: Limits) -> ModelSettings:
    """The settings of each request: as little thinking as the model allows, for its tokens count; a temperature where it takes one."""
    settings: ModelSettings = {"max_tokens": limits.max_tokens, "thinking": False}
    profile: Any = model.profile
    efforts = profile.get("openai_reasoning_efforts")
    may_rest = "none" in efforts if efforts is not None else profile.get("openai_supports_reasoning_effort_none", False)
    thinks = profile.get("openai_supports_reasoning", False) and not may_rest
    if not (thinks or profile.get("anthropic_disallows_sampling_settings", False)):
        settings["temperature"] = limits.temperature
    return settings


def _address(variable: str) -> str | None:
    """The address that the user gave, without a slash at its end; None where none is given."""
    url = os.environ.get(variable, "").strip().rstrip("/")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:  # a port or an IPv6 address that is none
        sound = False
    if not sound or parts.query or parts.fragment:
        raise LLMMissing(f"{variable} is no address of a server", "Write it like http://localhost:11434/v1")
    if url.endswith("/chat/completions"):
        raise LLMMissing(f"{variable} ends in /chat/completions", "Leave that off: the rest is the address")
    return url


def _key(variables: Sequence[str]) -> tuple[str, str]:
    """The first key that is set and its variable; else no key and the first variable."""
    for variable in variables:
        key = os.environ.get(variable, "").strip()
        if any(not "!" <= letter <= "~" for letter in key):
            raise LLMMissing(f"{variable} holds characters that no key has", f"Set {variable} again")
        if key:
            return key, variable
    return "", variables[0]


def _no_key(title: str, *variables: str) -> LLMMissing:
    return LLMMissing(f"{title} wants a key", f"Set {' or '.join(variables)}")


async def _checked(response: httpx2.Response) -> None:
    """Refuses what no API sends. Redirects are not followed: a key goes to the address that the user gave, and nowhere else."""
    if 300 <= response.status_code < 400:  # noqa: PLR2004
        raise NotTheAPI("sends the request on to another address")
    if response.is_success and "html" in response.headers.get("content-type", ""):
        raise NotTheAPI("answers with a web page")


def _client() -> httpx2.AsyncClient:
    from pydantic_ai.models import create_async_httpx2_client

    client = create_async_httpx2_client()
    client.event_hooks = {**client.event_hooks, "response": [_checked]}
    return client


def _openai(name: str, key: str, url: str | None) -> tuple[Model, httpx2.AsyncClient]:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile, openai_model_profile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    if not key and url is None:
        raise _no_key("OpenAI", "OPENAI_API_KEY", "OPENAI_BASE_URL for a server that needs none")
    http = _client()
    client = AsyncOpenAI(
        api_key=key or "none", base_url=url or "https://api.openai.com/v1", http_client=http, max_retries=0
    )
    if url is None:
        profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client), profile=profile), http
    # Not every compatible server knows `max_completion_tokens`; OpenAI's thinking models, behind a proxy, know nothing else.
    profile = OpenAIModelProfile(
        openai_chat_streaming_requires_finish_reason=True,
        openai_chat_supports_max_completion_tokens=bool(openai_model_profile(name).get("openai_supports_reasoning")),
    )
    provider = OpenAICompatibleProvider("compatible", openai_client=client)
    return OpenAIChatModel(name, provider=provider, profile=profile), http


def _anthropic(name: str, key: str, url: str | None) -> tuple[Model, httpx2.AsyncClient]:
    from anthropic import AnthropicError, AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    http = _client()
    try:  # without a key, the library looks in the environment and in its own files
        client = AsyncAnthropic(api_key=key or None, base_url=url, http_client=http, max_retries=0)
    except (AnthropicError, OSError, ValueError):
        raise _no_key("Anthropic", "ANTHROPIC_API_KEY") from None
    if not (client.api_key or client.auth_token or client.credentials):
        raise _no_key("Anthropic", "ANTHROPIC_API_KEY")
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client)), http


def _gemini(name: str, key: str, url: str | None) -> tuple[Model, httpx2.AsyncClient]:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    if not key:
        raise _no_key("Gemini", "GEMINI_API_KEY", "GOOGLE_API_KEY")
    http = _client()
    return GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=url, http_client=http)), http


@dataclass(frozen=True)
class _Provider:
    """What a provider is called, where its key and address are set, and what makes its model."""

    title: str
    library: str
    key_variables: tuple[str, ...]
    url_variable: str
    make: Callable[[str, str, str | None], tuple[Model, httpx2.AsyncClient]]


_PROVIDERS = {
    "openai": _Provider("OpenAI", "openai", ("OPENAI_API_KEY",), "OPENAI_BASE_URL", _openai),
    "anthropic": _Provider("Anthropic", "anthropic", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL", _anthropic),
    "gemini": _Provider(
        "Gemini", "google.genai", ("GOOGLE_API_KEY", "GEMINI_API_KEY"), "GOOGLE_GEMINI_BASE_URL", _gemini
    ),
}
