"""Passages in a prompt as data: numbered, and fenced so that nothing in them can end the fence or open another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count

from rag.answer.synthesis.prose import visible
from rag.types import Article, Hit

_MARK_CHARS = 16
_TITLE_CHARS = 200
_OUTLET_CHARS = 80
_DATE_CHARS = 60


def fenced(hits: Sequence[Hit]) -> str:
    """Passages as text for a prompt, numbered from 1. The same passages always give the same text.

    Each stands between the lines `passage N begins · MARK` and `passage N ends · MARK`, with its outlet, date and title, which are as little to be trusted as
    its words. The mark is made from all of them, so that nobody who writes an article can know it, and it occurs nowhere in them.
    Characters that are not seen are left out: they serve to hide words from people.
    """
    blocks = [_block(hit) for hit in hits]
    mark = mark_for(blocks)
    return "\n\n".join(
        f"passage {number} begins · {mark}\n{block}\npassage {number} ends · {mark}"
        for number, block in enumerate(blocks, start=1)
    )


def mark_for(texts: Sequence[str]) -> str:
    """A mark that occurs in none of the texts, whatever their case."""
    seed = "".join(f"{len(text)}:{text}" for text in texts)
    folded = [text.casefold() for text in texts]
    return next(mark for mark in _marks(seed) if not any(mark in text for text in folded))


def _marks(seed: str) -> Iterator[str]:
    """Marks made from a text: the first is short, and there is always another."""
    for number in count():
        digest = hashlib.sha256(f"{number}:{seed}".encode("utf-8", "replace")).hexdigest()
        yield from (digest[:length] for length in range(_MARK_CHARS, len(digest) + 1))


def _block(hit: Hit) -> str:
    article = hit.article
    text = "\n".join(line.rstrip() for line in visible(hit.text).splitlines()).strip("\n")
    return (
        f"Outlet: {_one_line(article.source or '', _OUTLET_CHARS) or 'not given'}\n"
        f"Date: {_date(article)}\n"
        f"Title: {_one_line(article.title, _TITLE_CHARS) or 'none'}\n\n{text}"
    )


def _date(article: Article) -> str:
    return article.published or _one_line(article.published_text or "", _DATE_CHARS) or "date not given"


def _one_line(text: str, most: int) -> str:
    """A text without line ends and characters that are not seen, cut to a length."""
    line = " ".join(visible(text).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
