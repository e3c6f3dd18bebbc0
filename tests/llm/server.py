"""A model server on loopback: the streams of OpenAI's, Anthropic's and Gemini's protocols, and what goes wrong with them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

MODEL = "stand-in-1"
INPUT_TOKENS, OUTPUT_TOKENS = 11, 7
_SECONDS_BETWEEN = 0.01
_GIVE_UP = 10.0


@dataclass(frozen=True)
class Asked:
    """A request that came in: its header names are in small letters."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


Step = Callable[["Handler"], None]
"""What the server does with one request."""


class Server:
    """Serves scripted steps, one a request, in order, and then the last one again.

    `requests` are those that came in; `left` is set when a client has gone before its reply ended.
    """

    def __init__(self, *steps: Step) -> None:
        self.requests: list[Asked] = []
        self.left, self.stopping = threading.Event(), threading.Event()
        self._steps, self._lock = steps, threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("_Handler", (Handler,), {"server_": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def origin(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """The address that a client of OpenAI's protocol is given."""
        return f"{self.origin}/v1"

    def take(self, asked: Asked) -> Step:
        """Keeps a request and gives its step."""
        with self._lock:
            self.requests.append(asked)
            return self._steps[min(len(self.requests), len(self._steps)) - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection. A reply goes out in chunks, so that a client can tell a whole one from one cut off."""

    server_: Server
    protocol_version = "HTTP/1.1"
    asked: Asked

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(self.path, headers, json.loads(self.rfile.read(length)))
        try:
            self.server_.take(self.asked)(self)
        except OSError:
            self.server_.left.set()
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Keeps quiet."""

    def head(self, status: int, kind: str, **headers: str) -> None:
        """The status and the headers; `retry_after` is written `Retry-After`."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, status: int, kind: str, content: bytes, **headers: str) -> None:
        """A whole answer of known length."""
        self.head(status, kind, Content_Length=str(len(content)), **headers)
        self.wfile.write(content)

    def start(self) -> None:
        """The head of a stream of events."""
        self.head(200, "text/event-stream", Transfer_Encoding="chunked")

    def send(self, line: str) -> None:
        """One event of the stream."""
        content = f"{line}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))
        self.wfile.flush()

    def end(self) -> None:
        """The end of the stream."""
        self.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Drops the connection."""
        self.close_connection = True


def reply(text: str, *, finish: str = "stop", thinking: str = "", usage: bool = True, pieces: int = 5) -> Step:
    """A whole reply, in pieces, in the protocol of the path that was asked."""

    def step(handler: Handler) -> None:
        handler.start()
        parts = [text[at : at + pieces] for at in range(0, len(text), pieces)]
        path = handler.asked.path
        write = _anthropic if path.endswith("/messages") else _gemini if "/models/" in path else _openai
        for line in write(parts, finish=finish, thinking=thinking, usage=usage):
            handler.send(line)
        handler.end()

    return step


def status(code: int, message: str = "no", *, error: Mapping[str, str] | None = None, **headers: str) -> Step:
    """An error, as OpenAI's servers tell it."""
    content = json.dumps({"error": {"message": message, "type": "error", "param": None, "code": None, **(error or {})}})
    return lambda handler: handler.body(code, "application/json", content.encode(), **headers)


def raw(content: str, kind: str = "text/event-stream", code: int = 200, **headers: str) -> Step:
    """Any content at all."""
    return lambda handler: handler.body(code, kind, content.encode(), **headers)


def refusal(text: str) -> Step:
    """The model declines, as OpenAI's protocol tells it."""
    return _events(_openai_chunk({"refusal": text}), _openai_chunk({}, "stop"), "data: [DONE]")


def broken(text: str, *lines: str) -> Step:
    """Some text, then these lines, then the end of the stream without a reason."""
    return _events(_openai_chunk({"content": text}), *lines)


def cut(text: str = "") -> Step:
    """The connection is lost, after some text or before any."""

    def step(handler: Handler) -> None:
        handler.start()
        if text:
            handler.send(_openai_chunk({"content": text}))
        handler.cut()

    return step


def silent(handler: Handler) -> None:
    """Not a byte comes."""
    handler.server_.stopping.wait(_GIVE_UP)
    handler.cut()


def trickle(handler: Handler) -> None:
    """A word now and then, and no end."""
    handler.start()
    while not handler.server_.stopping.wait(_SECONDS_BETWEEN):
        handler.send(_openai_chunk({"content": "word "}))
    handler.cut()


def event(**fields: object) -> str:
    """An error inside a stream."""
    return f"data: {json.dumps({'error': fields})}"


def _events(*lines: str) -> Step:
    def step(handler: Handler) -> None:
        handler.start()
        for line in lines:
            handler.send(line)
        handler.end()

    return step


def _openai_chunk(delta: Mapping[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "one", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
    return f"data: {json.dumps(chunk)}"


def _openai(parts: Iterable[str], *, finish: str, thinking: str, usage: bool) -> Iterator[str]:
    if thinking:
        yield _openai_chunk({"reasoning_content": thinking})
    for part in parts:
        yield _openai_chunk({"content": part})
    yield _openai_chunk({}, finish)
    if usage:
        took = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": 18}
        last = {"id": "one", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": []}
        yield f"data: {json.dumps(last | {'usage': took})}"
    yield "data: [DONE]"


def _anthropic(parts: Iterable[str], *, finish: str, thinking: str, usage: bool) -> Iterator[str]:
    def line(kind: str, **fields: object) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}"

    took = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS if usage else 0}
    message = {"id": "one", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": took}
    yield line("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    blocks = [("thinking", [thinking])] * bool(thinking) + [("text", list(parts))]
    for index, (kind, texts) in enumerate(blocks):
        yield line("content_block_start", index=index, content_block={"type": kind, kind: "", "signature": ""})
        for text in texts:
            yield line("content_block_delta", index=index, delta={"type": f"{kind}_delta", kind: text})
        yield line("content_block_stop", index=index)
    reason = {"stop": "end_turn", "length": "max_tokens"}.get(finish, finish)
    yield line("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 7})
    yield line("message_stop")


def _gemini(parts: Iterable[str], *, finish: str, thinking: str, usage: bool) -> Iterator[str]:
    def line(part: Mapping[str, object] | None, **fields: object) -> str:
        content = {"role": "model", "parts": [part] if part else []}
        return f"data: {json.dumps({'candidates': [{'content': content, 'index': 0, **fields}], **took})}"

    took: dict[str, object] = {"modelVersion": MODEL}
    if thinking:
        yield line({"text": thinking, "thought": True})
    for part in parts:
        yield line({"text": part})
    if usage:
        took["usageMetadata"] = {"promptTokenCount": INPUT_TOKENS, "candidatesTokenCount": OUTPUT_TOKENS}
    yield line(None, finishReason={"stop": "STOP", "length": "MAX_TOKENS"}.get(finish, finish))
