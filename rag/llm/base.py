"""What a language model is to this project: messages in, pieces of text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user"]
Stop = Literal["end", "length", "refusal"]
"""Why a reply ended: it is complete, it met the limit of tokens, or the model or its provider declined."""


class Message(NamedTuple):
    """One message of a prompt."""

    role: Role
    text: str


class Limits(BaseModel):
    """The bounds of one request. `timeout` is in seconds, for one try of it; `retries` are the further tries after a failure that may pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(default=1_000, ge=1)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    timeout: float = Field(default=60.0, gt=0)
    retries: int = Field(default=3, ge=0)


@dataclass(frozen=True)
class Usage:
    """What replies took. `cost` is in US dollars, None where the price is not known; two usages add up."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Both together; the cost is known as far as one of them knows it."""
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            sum(costs) if costs else None,
        )


class Piece(NamedTuple):
    """A piece of a reply. The last one may carry no text, and says why the reply ended and what it took."""

    text: str = ""
    stop: Stop | None = None
    usage: Usage | None = None


class LLM(Protocol):
    """Writes a reply to a prompt.

    Any implementation passes the suite in `tests/conformance/llm.py`. Requests may come from several threads at once.

    One may have an attribute `identity` besides, a text that tells it from other models of its name (another server, other weights): replies are kept
    for a name and an identity. `identity_of` reads it.
    """

    @property
    def name(self) -> str:
        """The model, as its user named it: `openai:gpt-5`."""

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        """The reply, piece by piece as it is written. Closing the iterator ends the request.

        Raises:
            LLMMissing: the model, or what it needs, turns out not to be there.
            LLMFailed: no reply came, or it broke off; what the remedy is stands in it.
        """

    def close(self) -> None:
        """Lets go of connections and memory. Closing twice does no harm."""


def identity_of(llm: LLM) -> str:
    """What tells a model from every other one: its name, with its identity where it has one."""
    identity = getattr(llm, "identity", llm.name)
    return llm.name if identity == llm.name else f"{llm.name} {identity}"
