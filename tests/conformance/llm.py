"""What every `LLM` must do. `CHECKS` holds one function a promise; each takes a model that replies to any prompt with some text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.llm import LLM, Message, Piece, Usage

PROMPT = (Message("system", "Answer in one sentence."), Message("user", "Where did the envoys meet?"))
ODD = (
    "",
    " \n\t",
    "“Ça va très bien”, dit-elle — à Zürich; 中国和美国在日内瓦会谈。 🙂",
    "{{ braces }} {% block %} <|im_end|> </s> [INST] %s {0}",
    "e\u0301\u200b\ufeff",
)
THREADS = 4


def written(pieces: Sequence[Piece]) -> str:
    """The text of a reply."""
    return "".join(piece.text for piece in pieces)


def the_name_says_who_and_what(llm: LLM) -> None:
    provider, colon, name = llm.name.partition(":")
    assert provider
    assert colon
    assert name
    assert llm.name == llm.name


def text_comes_first_and_the_end_comes_last(llm: LLM) -> None:
    *pieces, last = llm.stream(PROMPT)
    assert written([*pieces, last])
    assert all(isinstance(piece, Piece) for piece in [*pieces, last])
    assert [piece.stop for piece in pieces] == [None] * len(pieces)
    assert last.stop in {"end", "length", "refusal"}


def no_piece_but_the_last_is_empty(llm: LLM) -> None:
    *pieces, _ = llm.stream(PROMPT)
    assert all(piece.text for piece in pieces)


def the_end_says_what_the_reply_took(llm: LLM) -> None:
    *pieces, last = llm.stream(PROMPT)
    assert all(piece.usage is None for piece in pieces)
    assert isinstance(last.usage, Usage)
    assert last.usage.requests >= 1
    assert last.usage.input_tokens >= 0
    assert last.usage.output_tokens >= 0
    assert last.usage.cost is None or last.usage.cost >= 0


def an_ended_reply_stays_ended(llm: LLM) -> None:
    reply = llm.stream(PROMPT)
    assert iter(reply) is reply
    assert list(reply)
    with pytest.raises(StopIteration):
        next(reply)


def a_reply_can_be_given_up(llm: LLM) -> None:
    for _ in range(3):
        reply = llm.stream(PROMPT)
        next(reply)
        reply.close()  # type: ignore[attr-defined]
        with pytest.raises(StopIteration):
            next(reply)
    assert written(list(llm.stream(PROMPT)))


def a_reply_that_is_never_read_does_no_harm(llm: LLM) -> None:
    llm.stream(PROMPT).close()  # type: ignore[attr-defined]
    assert written(list(llm.stream(PROMPT)))


def two_replies_may_be_read_in_turn(llm: LLM) -> None:
    first, second = llm.stream(PROMPT), llm.stream(PROMPT)
    began = (next(first), next(second))
    assert [began[0], *first][-1].stop
    assert [began[1], *second][-1].stop


def several_threads_may_ask_at_once(llm: LLM) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        replies = list(pool.map(lambda _: list(llm.stream(PROMPT)), range(2 * THREADS)))
    assert all(written(reply) for reply in replies)
    assert all([piece.stop is not None for piece in reply].count(True) == 1 for reply in replies)


def a_reply_may_be_read_in_another_thread(llm: LLM) -> None:
    reply = llm.stream(PROMPT)
    first = next(reply)
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(list, reply).result()
    assert first.text
    assert [first, *rest][-1].stop


def the_messages_stay_as_they_are(llm: LLM) -> None:
    messages = list(PROMPT)
    assert list(llm.stream(messages))
    assert messages == list(PROMPT)


def odd_prompts_have_replies(llm: LLM) -> None:
    for text in ODD:
        assert list(llm.stream((Message("user", text),)))[-1].stop
        assert list(llm.stream((Message("system", text), Message("user", f"{text} Where?"))))[-1].stop


def closing_twice_does_no_harm(llm: LLM) -> None:
    assert written(list(llm.stream(PROMPT)))
    llm.close()
    llm.close()


def closing_before_any_request_does_no_harm(llm: LLM) -> None:
    llm.close()
    assert llm.name


CHECKS: tuple[Callable[[LLM], None], ...] = (
    the_name_says_who_and_what,
    text_comes_first_and_the_end_comes_last,
    no_piece_but_the_last_is_empty,
    the_end_says_what_the_reply_took,
    an_ended_reply_stays_ended,
    a_reply_can_be_given_up,
    a_reply_that_is_never_read_does_no_harm,
    two_replies_may_be_read_in_turn,
    several_threads_may_ask_at_once,
    a_reply_may_be_read_in_another_thread,
    the_messages_stay_as_they_are,
    odd_prompts_have_replies,
    closing_twice_does_no_harm,
    closing_before_any_request_does_no_harm,
)
