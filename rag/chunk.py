"""Article to passages: runs of whole sentences, bounded in model tokens, with character offsets."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from rag.sentences import split
from rag.types import PASSAGE_MAX_CHARS, Article, Passage, Sentence, Span

CHUNKER = "sentence-window-1"
_NO_SPACE = re.compile(r"\S")

TokenOffsets = Callable[[str], Sequence[tuple[int, int]]]
"""The offsets of a text's model tokens, in order, special tokens left out."""


class _TokenCount:
    """Counts the model tokens that begin in a range of one text."""

    def __init__(self, text: str, token_offsets: TokenOffsets) -> None:
        self._starts = [start for start, end in token_offsets(text) if end > start]

    def __call__(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def start_of(self, at: int, tokens: int) -> int:
        """The offset at which the token stands that is `tokens` further than the first at or after `at`."""
        index = bisect_left(self._starts, at) + tokens
        return self._starts[index] if index < len(self._starts) else 2**62


def passages(article: Article, token_offsets: TokenOffsets, max_tokens: int = 180) -> list[Passage]:
    """The passages of an article's story, in order.

    Each is a run of whole sentences of at most `max_tokens` model tokens (and `PASSAGE_MAX_CHARS` characters). A passage begins with the
    last sentence of the one before where that leaves room for a further sentence. A sentence or quotation that is longer than a
    passage on its own is cut, at sentence ends inside it, then at clauses, then between words.
    """
    count = _TokenCount(article.text, token_offsets)
    found: list[Passage] = []
    for story in article.story:
        units = [
            piece
            for sentence in split(article.text, story)
            for piece in _fit(article.text, sentence, count, max_tokens)
        ]
        for first, last in _windows(units, count, max_tokens):
            found.append(
                Passage(
                    passage_id=f"{article.id}#{len(found)}",
                    article_id=article.id,
                    start=units[first].start,
                    end=units[last].end,
                    sentences=tuple(units[first : last + 1]),
                )
            )
    return found


def _fits(count: _TokenCount, start: int, end: int, max_tokens: int) -> bool:
    return end - start <= PASSAGE_MAX_CHARS and count(start, end) <= max_tokens


def _windows(units: list[Sentence], count: _TokenCount, max_tokens: int) -> list[tuple[int, int]]:
    """First and last sentence of each window; neighbours share one sentence where it fits."""
    windows: list[tuple[int, int]] = []
    first = 0
    while first < len(units):
        last = first
        while last + 1 < len(units) and _fits(count, units[first].start, units[last + 1].end, max_tokens):
            last += 1
        windows.append((first, last))
        if last + 1 == len(units):
            break
        overlaps = last > first and _fits(count, units[last].start, units[last + 1].end, max_tokens)
        first = last if overlaps else last + 1
    return windows


def _fit(text: str, sentence: Sentence, count: _TokenCount, max_tokens: int) -> list[Sentence]:
    """The sentence itself, or the pieces of one that is longer than a passage."""
    pieces: list[Sentence] = []
    start = sentence.start
    while start < sentence.end and not _fits(count, start, sentence.end, max_tokens):
        limit = min(start + PASSAGE_MAX_CHARS, count.start_of(start, max_tokens), sentence.end)
        cut = _cut(text, Span(start, limit))
        end = start + len(text[start:cut].rstrip())
        pieces.append(Sentence(start=start, end=end, quotable=sentence.quotable))
        following = _NO_SPACE.search(text, cut, sentence.end)
        start = following.start() if following else sentence.end
    if start < sentence.end:
        pieces.append(Sentence(start=start, end=sentence.end, quotable=sentence.quotable))
    return pieces


def _cut(text: str, room: Span) -> int:
    """Where to cut a text that is longer than its room: as late as possible, after the strongest stop there is."""
    half = (room.start + room.end) // 2
    for stops in (". ", "? ", "! "), ("; ", ": "), (", ", " – ", " — "), (" ", "\n", "\t"):
        at = max(text.rfind(stop, half, room.end) + len(stop.rstrip() or stop) for stop in stops)
        if at > half:
            return at
    return room.end
