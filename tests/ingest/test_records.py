from __future__ import annotations

import json

import pytest

from rag.ingest.records import read_record
from rag.types import Article

TEXT = "The mayor spoke on Monday. Nobody else did."


def one(**record: object) -> Article | str:
    return read_record(json.dumps(record))


def article(**record: object) -> Article:
    found = one(**record)
    assert isinstance(found, Article)
    return found


def test_a_record_keeps_the_metadata_that_its_source_states() -> None:
    found = article(
        id="x-7",
        text=TEXT,
        title="Mayor speaks",
        source="Example News",
        authors=["Jane Doe", "John Roe"],
        published="2024-05-13T10:00:00Z",
        url="https://news.example/7",
        views=12,
    )
    assert found.text == TEXT
    assert (found.id, found.title, found.source, found.url) == (
        "x-7",
        "Mayor speaks",
        "Example News",
        "https://news.example/7",
    )
    assert found.authors == ("Jane Doe", "John Roe")
    assert (found.published, found.published_text) == ("2024-05-13", "2024-05-13T10:00:00Z")
    assert set(found.origins.values()) == {"source"}


def test_a_record_with_text_alone_gets_an_id_from_it_and_nothing_else() -> None:
    found, again = article(text=TEXT), article(text=TEXT, title=None, authors=None, published="")
    assert found == again
    assert found.id
    assert (found.title, found.source, found.authors, found.published, found.published_text) == (
        "",
        None,
        (),
        None,
        None,
    )


def test_the_sources_metadata_wins_over_the_texts() -> None:
    text = f"May 13, 2024\n\nBy Jane Doe\n\n{TEXT}"
    found = article(text=text, published="2023", authors="John Roe")
    assert (found.published, found.authors) == ("2023", ("John Roe",))
    assert [mark.kind for mark in found.marks] == ["date", "byline"]


def test_the_stated_title_is_marked_where_the_text_repeats_it() -> None:
    found = article(text=f"Mayor speaks\n{TEXT}", title="Mayor speaks")
    assert [found.text[mark.start : mark.end] for mark in found.marks] == ["Mayor speaks"]


def test_no_title_is_guessed_where_the_source_gives_none() -> None:
    assert article(text=f"A short line\n\n{TEXT}").title == ""


@pytest.mark.parametrize(("given", "expected"), [(7, "7"), (0, "0"), ("a b", "a b")])
def test_the_id_is_the_one_that_the_source_gives(given: object, expected: str) -> None:
    assert article(text=TEXT, id=given).id == expected


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ("2024", "2024"),
        ("2024-05", "2024-05"),
        (2024, "2024"),
        ("10/05/2024", "2024"),
        ("July 12", None),
        ("soon", None),
    ],
)
def test_published_is_as_precise_as_the_source(published: object, expected: str | None) -> None:
    found = article(text=TEXT, published=published)
    assert (found.published, found.published_text) == (expected, str(published))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "not a JSON object"),
        ("{", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('[{"text": "a"}]', "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ("1" * 5_000, "not a JSON object"),
        ("{}", "`text`"),
        ('{"text": 5}', "`text`"),
        ('{"text": " \\n"}', "`text`"),
        ('{"text": "a", "authors": 5}', "`authors`"),
        ('{"text": "a", "authors": [{"name": "Jane Doe"}]}', "`authors`"),
        ('{"text": "a \\ud800 b"}', "surrogate"),
        ('{"text": "a", "title": "\\udfff"}', "surrogate"),
    ],
)
def test_a_bad_line_is_no_article_and_has_a_reason(line: str, reason: str) -> None:
    found = read_record(line)
    assert isinstance(found, str)
    assert reason in found


def test_line_separators_of_unicode_inside_a_record_do_not_end_it() -> None:
    found = read_record('{"text": "One\u2028two\x85three."}')
    assert isinstance(found, Article)
    assert found.text == "One\u2028two\x85three."
