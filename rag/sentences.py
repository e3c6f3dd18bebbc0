"""Text to sentences with offsets: paragraphs kept apart, quotations kept whole."""

from __future__ import annotations

import re

from rag.types import Sentence, Span

_BLANK_LINE = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_BULLET = re.compile(r"[^\S\n]*(?:[•‣▪◦●*–—-]|\d{1,2}[.)])\s+")
_FINAL = re.compile(r"[.!?…:;][\"'”’»)\]]*\s*$")
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")
_HEADING_MAX_WORDS = 12
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
    for line in lines:
        starts_lower = text[line.start : line.end].lstrip()[:1].islower()
        joins = bool(merged) and not _BULLET.match(text, line.start, line.end)
        before = text[merged[-1].start : merged[-1].end] if merged else ""
        goes_on = starts_lower and not _FINAL.search(before)
        if joins and (wrapped or goes_on or _quotes_on(before, text[line.start : line.end])):
            merged[-1] = Span(merged[-1].start, line.end)
        else:
            merged.append(line)
    return [_trim(text, line) for line in merged]


def _quotes_on(before: str, line: str) -> bool:
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
    # sentencex panics on a capital, a no-break space and a stop: it is given a plain space for any wider one. Same length, so the same offsets.
    piece = _WIDE_SPACE.sub(" ", text[paragraph.start : paragraph.end])
    for found in get_sentence_boundaries("en", piece):
        span = _strip(text, paragraph.start + found["start_index"], paragraph.start + found["end_index"])
        if span.end > span.start:
            spans.append(span)
    return spans


def _strip(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))


def _close_quotes(text: str, spans: list[Span]) -> list[Span]:
    """Merges sentences while a quotation opened in one is closed in a later one of the same paragraph."""
    merged: list[Span] = []
    index = 0
    while index < len(spans):
        start = spans[index].start
        last = index
        while True:
            opened = _open_quote(text[start : spans[last].end])
            if opened is None:
                break
            closing = next((j for j in range(last + 1, len(spans)) if opened in text[slice(*spans[j])]), None)
            if closing is None:
                break
            last = closing
        merged.append(Span(start, spans[last].end))
        index = last + 1
    return merged


def _open_quote(piece: str) -> str | None:
    """The character that would close the quotation left open at the end of a piece, or None."""
    if piece.count("“") > piece.count("”"):
        return "”"
    if piece.count("«") > piece.count("»"):
        return "»"
    return '"' if piece.count('"') % 2 else None


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
