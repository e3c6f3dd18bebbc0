"""What went wrong with a hosted model, in one line with its remedy: never the key, the prompt or the reply."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior

_FORBIDDEN, _REQUEST_TIMEOUT, _SERVER_ERRORS = 403, 408, 500
_WORDS = 200
"""Characters of a server's own explanation that are shown."""
_ECHO = 20
"""A server's explanation that repeats this many characters of the prompt in a row is not shown at all."""
_FRAGMENT = 8
"""The same for this many characters of the key."""
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key)[-_][\w*.\-]{8,}|\bAIza[\w*.\-]{8,}|\bBearer\s+\S+|\S*\*{3,}\S*|\b[\w\-]{32,}"
)
"""What looks like somebody's key, whole or with asterisks in it."""


@dataclass(frozen=True)
class Service:
    """Who is asked, as messages name it.

    `title` is the provider's name or the address of a server, `key` what it is asked with (empty: none), `own_address` whether the user
    gave the address, `key_variable` and `url_variable` where the user sets both.
    """

    title: str
    model: str
    key: str = field(default="", repr=False)
    key_variable: str = ""
    url_variable: str = ""
    own_address: bool = False


@dataclass(frozen=True)
class Failure:
    """Why no reply came. `passing` tells that the same request may succeed later, after `retry_after` seconds if the server said so."""

    message: str
    remedy: str = ""
    passing: bool = False
    retry_after: float | None = None


class NotTheAPI(Exception):
    """What answered is no server of the expected protocol."""


def explain(error: BaseException, service: Service, prompt: str, timeout: float) -> Failure:
    """What an error of a provider's library means.

    Args:
        error: what the library, or the deadline, raised.
        service: who was asked.
        prompt: the text that was sent, which the server may have repeated.
        timeout: the seconds that the reply was given.
    """
    from pydantic_ai import exceptions as kinds

    if stray := _stray(error):
        remedy = f"Correct {service.url_variable}; it often ends in /v1" if service.own_address else "Check the network"
        return Failure(f"{service.title} {stray}", remedy)
    if isinstance(error, TimeoutError | kinds.ModelRequestTimeout):
        told = f"{service.title} took longer than {timeout:g} s"
        return Failure(told, "Raise llm_timeout, or try again later", passing=True)
    if isinstance(error, kinds.ModelConnectionError):
        return _no_connection(error.phase, service)
    if isinstance(error, kinds.ModelRequestRejectedError):
        return _rejected(error, service, prompt)
    if isinstance(error, kinds.ModelAPIError | kinds.UnexpectedModelBehavior):
        return _trouble(error, service)
    return Failure(f"the request to {service.title} failed ({type(error).__name__})", _check_settings(service))


def _trouble(error: ModelAPIError | UnexpectedModelBehavior, service: Service) -> Failure:
    """What the server could not do this time."""
    from pydantic_ai import exceptions as kinds

    who, later, wait = service.title, "Try again later", getattr(error, "retry_after", None)
    if isinstance(error, kinds.ModelQuotaExceededError):
        return Failure(f"the quota or credit at {who} is used up", "Top it up, or name another model")
    if isinstance(error, kinds.ModelRateLimitError):
        asked = f" for {wait:.0f} s" if wait else ""
        return Failure(f"{who} takes no more requests{asked}", later, passing=True, retry_after=wait)
    if isinstance(error, kinds.ModelUnavailableError):
        return Failure(f"{who} is overloaded or not ready", later, passing=True, retry_after=wait)
    if isinstance(error, kinds.ModelHTTPError):
        status = error.status_code
        passing = error.provider_retry_hint is True or status >= _SERVER_ERRORS or status == _REQUEST_TIMEOUT
        remedy = later if passing else _check_settings(service)
        return Failure(f"{who} answered with status {status}", remedy, passing=passing, retry_after=wait)
    if isinstance(error, kinds.ModelAPIError) and error.in_stream:
        return Failure(f"{who} reported an error instead of a reply", later, passing=True)
    return Failure(f"{who} sent a reply that cannot be read to its end", later, passing=True)


def _rejected(error: BaseException, service: Service, prompt: str) -> Failure:
    """What the server will not do, however often it is asked."""
    from pydantic_ai import exceptions as kinds

    who, model = service.title, service.model
    match error:
        case kinds.ModelAuthenticationError():
            if not service.key:
                return Failure(f"{who} wants a key", f"Set {service.key_variable}")
            if getattr(error, "status_code", None) == _FORBIDDEN:
                return Failure(
                    f"{who} does not let this key use {model!r}", f"Check {service.key_variable} and its rights"
                )
            return Failure(f"{who} refused the key", f"Check {service.key_variable}")
        case kinds.ModelNotFoundError():
            remedy = f", or correct {service.url_variable}" if service.own_address else ""
            return Failure(f"{who} has no model {model!r}", f"Name one that it has{remedy}")
        case kinds.ModelContextWindowExceededError():
            return Failure(
                f"the prompt is too long for {model!r}", "Lower llm_passages, or name a model with a larger context"
            )
    words = _words(getattr(error, "body", None), service.key, prompt)
    return Failure(f"{who} refused the request{words}", _check_settings(service))


def _no_connection(phase: str | None, service: Service) -> Failure:
    """The server was not reached, or was lost."""
    if phase == "read":
        return Failure(f"the connection to {service.title} broke off", "Try again later", passing=True)
    remedy = f"Start the server, or correct {service.url_variable}" if service.own_address else "Check the network"
    return Failure(f"no connection to {service.title}", remedy, passing=True)


def _check_settings(service: Service) -> str:
    where = f" and {service.url_variable}" if service.own_address else ""
    return f"Check the model's name, the llm_* settings{where}"


def _words(body: object, key: str, prompt: str) -> str:
    """A server's own short explanation, ready to follow a colon; nothing where it gives none or repeats the prompt."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = inner.get("message") if isinstance(inner, dict) else None
    if not isinstance(said, str) or _repeats(said, prompt, _ECHO) or _repeats(said, key, min(_FRAGMENT, len(key))):
        return ""
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
    said = _SECRET.sub("[…]", said).rstrip(".")
    return f": {said if len(said) <= _WORDS else said[:_WORDS] + '…'}" if said else ""


def _repeats(said: str, secret: str, length: int) -> bool:
    """Whether `length` characters of a secret stand in what is said; those of no secret never do."""
    return length > 0 and any(said[at : at + length] in secret for at in range(len(said) - length + 1))


def _stray(error: BaseException | None) -> NotTheAPI | None:
    """The `NotTheAPI` behind an error; the libraries wrap what their connection raises."""
    for _ in range(10):  # a chain of causes may be a ring
        if error is None or isinstance(error, NotTheAPI):
            return error
        error = error.__cause__ or error.__context__
    return None
