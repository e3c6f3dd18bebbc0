"""Text to sentences with offsets: paragraphs kept apart, quotations kept whole."""

from __future__ import annotations

import re
from collections import Counter

from rag.types import Sentence, Span

_BLANK_LINE = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_BULLET = re.compile(r"[^\S\n]*(?:[•‣▪◦●*–—-]|\d{1,2}[.)])\s+")
_FINAL = re.compile(r"[.!?…:;][\"'”’»)\]]*\s*$")
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")
_QUOTES = re.compile('[“”«»"]')
_CLOSING = '”»"'
_HEADING_MAX_WORDS = 12
_TAIL_CHARS = 200
_BLOCK_CHARS = 100_000
_WRAP_MAX_COLUMNS = 100


def split(text: str, within: Span | None = None) -> list[Sentence]:
    """The sentences of a text, or of a range of it, in order; the gaps between them are white space and bullets.

    A sentence never spans paragraphs. One that holds an opened and closed quotation holds all of it. A short line of its
    own without a final stop is a heading, and not quotable.
    """
    within = within or Span(0, len(text))
    found: list[Sentence] = []
    for paragraph in _paragraphs(text, within):
        spans = _close_quotes(text, _boundaries(text, paragraph))
        lone = len(spans) == 1
        found += [
            Sentence(start=span.start, end=span.end, quotable=not (lone and _is_heading(text, paragraph, span)))
            for span in spans
        ]
    return found


def _paragraphs(text: str, within: Span) -> list[Span]:
    """Paragraphs end at blank lines, and at line ends that are not the wraps of a fixed-width text."""
    spans: list[Span] = []
    at = within.start
    for gap in [*_BLANK_LINE.finditer(text, within.start, within.end), None]:
        end = gap.start() if gap else within.end
        spans += _lines(text, Span(at, end))
        at = gap.end() if gap else within.end
    return spans


def _lines(text: str, block: Span) -> list[Span]:
    lines: list[Span] = []
    at = block.start
    while at < block.end:
        stop = text.find("\n", at, block.end)
        stop = block.end if stop < 0 else stop
        if text[at:stop].strip():
            lines.append(Span(at, stop))
        at = stop + 1
    lengths = [line.end - line.start for line in lines[:-1]]
    wrapped = bool(lengths) and max(lengths) <= _WRAP_MAX_COLUMNS and min(lengths) > 0.6 * max(lengths)
    wrapped = wrapped and sum(not _FINAL.search(text[a:b]) for a, b in lines[:-1]) * 2 >= len(lengths)
    merged: list[Span] = []
    quotes = Counter[str]()  # of the line being merged; counted once each, as a paragraph can be a whole file
    for line in lines:
        piece = text[line.start : line.end]
        joins = bool(merged) and not _BULLET.match(text, line.start, line.end)
        goes_on = joins and piece.lstrip()[:1].islower() and not _FINAL.search(_tail(text, merged[-1]))
        if joins and (wrapped or goes_on or _quotes_on(quotes, piece)):
            merged[-1] = Span(merged[-1].start, line.end)
        else:
            merged.append(line)
            quotes.clear()
        quotes.update(_QUOTES.findall(piece))
    return [_trim(text, line) for line in merged]


def _tail(text: str, span: Span) -> str:
    return text[max(span.start, span.end - _TAIL_CHARS) : span.end]


def _quotes_on(before: Counter[str], line: str) -> bool:
    """Whether a line goes on with, and closes, the quotation left open before it."""
    closing = _open_quote(before)
    return closing is not None and closing in line and not line.lstrip().startswith(("“", "«", '"'))


def _trim(text: str, span: Span) -> Span:
    """Without surrounding white space and without a bullet at the start."""
    bullet = _BULLET.match(text, span.start, span.end)
    start = bullet.end() if bullet and bullet.end() < span.end else span.start
    piece = text[start : span.end]
    return Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))


def _boundaries(text: str, paragraph: Span) -> list[Span]:
    from sentencex import get_sentence_boundaries

    spans: list[Span] = []
    for block in _blocks(text, paragraph):
        # sentencex panics on a capital, a no-break space and a stop: it is given a plain space for any wider one. Same length, so the same offsets.
        piece = _WIDE_SPACE.sub(" ", text[block.start : block.end])
        for found in get_sentence_boundaries("en", piece):
            span = _strip(text, block.start + found["start_index"], block.start + found["end_index"])
            if span.end > span.start:
                spans.append(span)
    return spans


def _blocks(text: str, paragraph: Span) -> list[Span]:
    """A paragraph, cut after a stop or a space where it is huge: sentencex takes a time that grows with the square of some texts."""
    blocks: list[Span] = []
    at = paragraph.start
    while paragraph.end - at > _BLOCK_CHARS:
        half, limit = at + _BLOCK_CHARS // 2, at + _BLOCK_CHARS
        stop = max(text.rfind(". ", half, limit) + 2, half)
        space = max(text.rfind(" ", half, limit) + 1, half)
        cut = stop if stop > half else space if space > half else limit
        blocks.append(Span(at, cut))
        at = cut
    return [*blocks, Span(at, paragraph.end)]


def _strip(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))


def _close_quotes(text: str, spans: list[Span]) -> list[Span]:
    """Merges sentences while a quotation opened in one is closed in a later one of the same paragraph."""
    if not spans:
        return []
    stop = spans[-1].end
    last_closing = {mark: text.rfind(mark, spans[0].start, stop) for mark in _CLOSING}
    merged: list[Span] = []
    first = 0
    while first < len(spans):
        last = first
        quotes = Counter(_QUOTES.findall(text[slice(*spans[first])]))
        while (closing := _open_quote(quotes)) and last_closing[closing] >= spans[last].end:
            closed_at = text.find(closing, spans[last].end, stop)
            while spans[last].end <= closed_at:
                last += 1
                quotes.update(_QUOTES.findall(text[slice(*spans[last])]))
        merged.append(Span(spans[first].start, spans[last].end))
        first = last + 1
    return merged


def _open_quote(quotes: Counter[str]) -> str | None:
    """The mark that would close the quotation left open after these quotation marks, or None."""
    if quotes["“"] > quotes["”"]:
        return "”"
    if quotes["«"] > quotes["»"]:
        return "»"
    return '"' if quotes['"'] % 2 else None


def _is_heading(text: str, paragraph: Span, span: Span) -> bool:
    piece = text[span.start : span.end]
    line_start = text.rfind("\n", 0, span.start) + 1
    bulleted = bool(text[line_start : span.start].strip())
    return (
        not bulleted
        and span.end == paragraph.end
        and len(piece.split()) <= _HEADING_MAX_WORDS
        and not re.search(r"[.!?…,;\"”’»)\]]$", piece)
    )
