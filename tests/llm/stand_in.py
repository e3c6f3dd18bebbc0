"""A language model for tests that says what it is told to: deterministic, without a library behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from rag.errors import LLMFailed
from rag.llm import Message, Piece, Stop, Usage

Replies = Sequence[str | LLMFailed] | Callable[[Sequence[Message]], str]


class Scripted:
    """Gives scripted replies.

    Args:
        replies: one a request, in order, and then the last one again; an error is raised before any text; or a function of the messages.
        pieces: characters in a piece; 0: the whole reply is one piece.
        stop: why each reply ends.
        breaks: raised after the text of each reply, in place of its last piece.

    `prompts` holds the messages of every request, `given_up` counts the replies whose iterator was closed before their end.
    """

    def __init__(
        self,
        replies: Replies,
        *,
        pieces: int = 8,
        stop: Stop = "end",
        breaks: LLMFailed | None = None,
        name: str = "scripted:stand-in",
    ) -> None:
        if not callable(replies) and (isinstance(replies, str) or not replies):
            raise ValueError("replies are a function or a sequence of at least one text")
        self.name = name
        self.prompts: list[tuple[Message, ...]] = []
        self.given_up = 0
        self.closed = False
        self._replies, self._pieces, self._stop, self._breaks = replies, pieces, stop, breaks
        self._lock = threading.Lock()

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        """The next reply, in pieces; a usage that counts words as tokens, and costs nothing."""
        with self._lock:
            turn = len(self.prompts)
            self.prompts.append(tuple(messages))
        text = self._replies(messages) if callable(self._replies) else self._replies[min(turn, len(self._replies) - 1)]
        if isinstance(text, LLMFailed):
            raise text
        done = False
        try:
            size = self._pieces or max(len(text), 1)
            for start in range(0, len(text), size):
                yield Piece(text[start : start + size])
            done = True
            if self._breaks is not None:
                raise self._breaks
            words = sum(len(message.text.split()) for message in messages)
            yield Piece(stop=self._stop, usage=Usage(1, words, len(text.split()), 0.0))
        finally:
            if not done:
                with self._lock:
                    self.given_up += 1

    def close(self) -> None:
        """Remembers that it was closed."""
        self.closed = True
