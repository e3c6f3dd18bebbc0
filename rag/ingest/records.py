"""JSON lines to articles: one object a line, with `text` and whatever metadata its source states."""

from __future__ import annotations

import json

from pydantic import ValidationError

from rag import dates
from rag.ingest.plain import read_article
from rag.types import Article

_STRINGS = ("id", "source", "url")


def read_record(line: str) -> Article | str:
    """The article of a line, or in its place the reason why there is none."""
    try:
        record = json.loads(line)
        json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        half = isinstance(error, UnicodeEncodeError)
        return "half a character (a lone surrogate), which no index can store" if half else "not a JSON object"
    if not isinstance(record, dict):
        return "not a JSON object"
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        return "no text in the field `text`"
    given: dict[str, object] = {name: str(record[name]) for name in _STRINGS if record.get(name) not in (None, "")}
    given["title"] = str(record.get("title") or "")
    authors = record.get("authors") or []
    authors = [authors] if isinstance(authors, str) else authors
    if not isinstance(authors, list) or not all(isinstance(name, str) for name in authors):
        return "field `authors`: not a name or a list of names"
    given["authors"] = tuple(authors)
    published = record.get("published")
    if published:
        given["published_text"] = str(published)
        given["published"] = dates.parse(str(published))
    try:
        return read_article(text, **given)
    except ValidationError as error:
        return f"field `{error.errors()[0]['loc'][0]}`: {error.errors()[0]['msg'].lower()}"
