"""Plain text to Article: where the headline, the date and the byline stand, and what is not the story."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from rag import dates
from rag.ingest import furniture
from rag.types import Article, Mark, MarkKind, Span

_HEADER_LINES = 6
_TITLE_MAX_CHARS = 200
_TITLE_MAX_WORDS = 25
_SENTENCE_END = re.compile(r"[.!…;:,][\"'”’)]*$")
_DATELINE = re.compile(
    r"(?P<place>[A-Z][A-Z.'’-]+(?:[ ,/]+[A-Z][A-Za-z.'’-]*){0,5}?)"
    r"(?:, (?P<date>[A-Z][a-z]{2,8}\.? \d{1,2}(?:, \d{4})?))?"
    r" \((?P<agency>[A-Z][\w .&-]{1,30})\) ?[–—-]{1,2} +"
)


def article_id(text: str) -> str:
    """The id of an article whose source gives none: the first 16 hex digits of the SHA-256 of its text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass
class _Draft:
    """What has been read so far of one text."""

    text: str
    marks: list[Mark] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def mark(self, span: Span, kind: MarkKind) -> None:
        self.marks.append(Mark(start=span.start, end=span.end, kind=kind))

    def give(self, name: str, value: object, origin: str) -> None:
        """Sets a field that is not set yet."""
        if value and not self.fields.get(name):
            self.fields[name] = value
            self.origins[name] = origin


def read_article(text: str, **given: object) -> Article:
    """An article from its text; `given` holds the metadata that its source states, which wins over the text.

    The stored text is the given text, unchanged. Headline detection is off when the source gives a `title` (even an
    empty one).
    """
    draft = _Draft(text)
    for name, value in given.items():
        draft.give(name, value, "source")
    draft.fields.setdefault("id", article_id(text))
    lines = furniture.lines(text)
    body = _read_header(draft, lines, detect_title="title" not in given)
    if body < len(lines):
        _read_dateline(draft, lines[body])
    marked = {mark.start for mark in draft.marks if mark.kind != "dateline"}
    _read_furniture(draft, [line for line in lines if line.start not in marked])
    draft.give("source", draft.fields.get("agency"), "agency")
    marks = tuple(sorted(draft.marks, key=lambda mark: (mark.start, mark.end)))
    return Article.model_validate({**draft.fields, "text": text, "marks": marks, "origins": draft.origins})


def _read_header(draft: _Draft, lines: list[Span], *, detect_title: bool) -> int:
    """Reads the lines above the story and returns the number of the story's first line."""
    text = draft.text
    for number, line in enumerate(lines[:_HEADER_LINES]):
        words = text[line.start : line.end]
        following = text[line.end : lines[number + 1].start] if number + 1 < len(lines) else ""
        dated = dates.date_line(words)
        if dated is not None:
            draft.give("published", dated.published, "date line")
            draft.give("published_text", dated.words, "date line")
            draft.give("section", dated.section, "date line")
            draft.mark(line, "date")
        elif furniture.byline(words):
            draft.give("authors", furniture.byline(words), "byline")
            draft.mark(line, "byline")
        elif furniture.credit(words) is not None or _is_picture_caption(draft, lines, number):
            continue
        elif words == draft.fields.get("title"):
            draft.mark(line, "title")
        elif detect_title and not draft.fields.get("title") and following.count("\n") > 1 and _is_title(words):
            draft.give("title", words, "first line")
            draft.mark(line, "title")
        else:
            return number
    return min(len(lines), _HEADER_LINES)


def _is_title(words: str) -> bool:
    return (
        len(words) <= _TITLE_MAX_CHARS
        and len(words.split()) <= _TITLE_MAX_WORDS
        and not _SENTENCE_END.search(words)
        and furniture.trailing_credit(words) is None
        and _DATELINE.match(words) is None
    )


def _is_picture_caption(draft: _Draft, lines: list[Span], number: int) -> bool:
    """A line that describes a picture, directly above the picture's credit."""
    if number + 1 >= len(lines):
        return False
    below = draft.text[lines[number + 1].start : lines[number + 1].end]
    return furniture.credit(below) is not None and furniture.describes_picture(
        draft.text[lines[number].start : lines[number].end]
    )


def _read_dateline(draft: _Draft, line: Span) -> None:
    found = _DATELINE.match(draft.text, line.start, line.end)
    if not found:
        return
    draft.mark(Span(found.start(), found.end()), "dateline")
    draft.give("dateline", found["place"], "dateline")
    draft.give("agency", found["agency"], "dateline")
    if found["date"]:
        draft.give("published", dates.parse(found["date"]), "dateline")
        draft.give("published_text", found["date"], "dateline")


def _read_furniture(draft: _Draft, lines: list[Span]) -> None:
    """Marks what stands around the story, and reads names and the outlet from it."""
    text = draft.text
    in_tail = False
    tail_kind: MarkKind = "trailer"
    for number, line in enumerate(lines):
        words = text[line.start : line.end]
        reporters = furniture.trailer(words)
        if reporters is not None:
            in_tail = in_tail or number >= len(lines) // 2
            draft.give("authors", reporters.authors, "agency trailer")
            draft.give("contributors", reporters.contributors, "agency trailer")
            draft.give("editors", reporters.editors, "agency trailer")
        credit = furniture.trailing_credit(words)
        kind = furniture.kind(words) or ("caption" if _is_picture_caption(draft, lines, number) else None)
        if kind is None and reporters is not None:
            kind = "trailer"
        elif kind is None and in_tail:
            kind = "biography" if furniture.biography(words, _names(draft)) else tail_kind
        elif kind is None and furniture.biography(words, _names(draft)) and number >= len(lines) // 2:
            kind = "biography"
        if kind is not None:
            if kind == "credit":
                draft.give("source", furniture.credit_outlet(words), "illustration credit")
            if kind == "signup" and (in_tail or number >= len(lines) - 4):
                in_tail, tail_kind = True, "signup"
            draft.give("source", furniture.signup_outlet(words), "newsletter sign-up")
            draft.mark(line, kind)
        elif credit is not None:
            draft.mark(Span(line.start + credit, line.end), "credit")


def _names(draft: _Draft) -> tuple[str, ...]:
    names: list[str] = []
    for name in ("authors", "contributors", "editors"):
        value = draft.fields.get(name)
        names += value if isinstance(value, (tuple, list)) else []
    return tuple(names)
