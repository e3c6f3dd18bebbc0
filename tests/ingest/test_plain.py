from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ingest import article_id, read_article
from rag.resources import resource
from rag.types import Article

STORY = "The mayor spoke on Monday. Nobody else did.\n\nThe bridge is closed.\n\n“We left,” she said."
# fmt: off
PIECES = st.sampled_from(
    ["\n", "\n\n", "\r\n", " ", "\u2028", "A headline", "By Jane Doe", "May 13, 2024 - World", "July 12", "It rained.",
     "PARIS (AFP) - ", "SPRINGFIELD, July 12 (Example) – ", "Photo: Jane Doe", "Illustration: A Doe/Example",
     "Illustration of a bridge", "Reporting by Jane Doe; Editing by John Roe", "Jane Doe is a reporter.", "Go deeper",
     "Thanks for signing up to Example alerts.", "It rained. Photo: Jane Doe", "😀", "e\u0301"]
)
# fmt: on
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=30).map("".join))


def marked(article: Article) -> list[tuple[str, str]]:
    return [(mark.kind, article.text[mark.start : mark.end]) for mark in article.marks]


def story(article: Article) -> str:
    return " ".join(article.text[start:end].strip() for start, end in article.story)


@given(TEXTS)
@settings(deadline=None)
def test_any_text_is_stored_unchanged_with_marks_in_order(text: str) -> None:
    article = read_article(text)
    assert article.text == text
    assert article == read_article(text)
    at = 0
    for mark in article.marks:
        assert at <= mark.start < mark.end <= len(text)
        at = mark.end
    named = (*article.authors, *article.contributors, *article.editors, article.source, article.title, article.dateline)
    words = (*named, article.published_text, article.section, article.agency)
    assert all(word in text for word in words if word)
    assert article.published is None or article.published[:4] in text


@given(st.text(max_size=50))
@settings(deadline=None)
def test_the_id_is_derived_from_the_text_alone(text: str) -> None:
    assert read_article(text, path="a.txt").id == article_id(text) == hashlib.sha256(text.encode()).hexdigest()[:16]


SEEDS: dict[str, tuple[dict[str, object], list[str]]] = {
    "000": (
        {
            "title": "Elon Musk thinks China is interested in an international AI framework",
            "source": "Reuters",
            "agency": "Reuters",
            "dateline": "WASHINGTON",
            "published_text": "July 12",
            "authors": ("Kanishka Singh", "Anna Tong"),
            "contributors": ("Liz Lee",),
            "editors": ("Sandra Maler", "Leslie Adler"),
        },
        ["title", "dateline", "trailer", "standards", "biography", "biography"],
    ),
    "001": (
        {"source": "Minutehack", "authors": ("Kanishka Singh",), "editors": ("Leslie Adler", "Lisa Shumaker")},
        ["trailer", "signup", "signup", "signup"],
    ),
    "002": ({"title": "Elon Musk Advocates Global AI Safety Cooperation in London Event"}, ["title"]),
    "003": (
        {
            "title": "U.S. kicks off AI safety talks with China",
            "source": "Axios",
            "published": "2024-05-13",
            "published_text": "May 13, 2024",
            "section": "Technology",
        },
        ["date", "title", "caption", "credit", "related"],
    ),
    "004": ({}, ["credit"]),
}


@pytest.mark.parametrize("number", SEEDS)
def test_a_seed_says_what_a_careful_reader_finds_and_nothing_else(number: str) -> None:
    (path,) = resource("seeds").glob(f"{number}_*.txt")
    text = path.read_text(encoding="utf-8")
    fields, kinds = SEEDS[number]
    article = read_article(text)
    nothing = Article(id=article_id(text), text=text)
    assert article == nothing.model_copy(update=fields | {"marks": article.marks, "origins": article.origins})
    assert [mark.kind for mark in article.marks] == kinds
    assert set(article.origins) == set(fields)


def test_the_headers_of_a_page() -> None:
    text = f"May 13, 2024 - World\n\nMayor speaks about bridge\n\nBy Jane Doe and John Roe\n\n{STORY}"
    article = read_article(text)
    assert (article.title, article.authors) == ("Mayor speaks about bridge", ("Jane Doe", "John Roe"))
    assert (article.published, article.section) == ("2024-05-13", "World")
    assert [kind for kind, _ in marked(article)] == ["date", "title", "byline"]
    assert story(article) == STORY


@pytest.mark.parametrize(
    ("dateline", "place", "agency", "published", "words"),
    [
        ("SPRINGFIELD (Example) - ", "SPRINGFIELD", "Example", None, None),
        ("SPRINGFIELD, July 12 (Example) – ", "SPRINGFIELD", "Example", None, "July 12"),
        ("OLD TOWN, May 13, 2024 (Example News) -- ", "OLD TOWN", "Example News", "2024-05-13", "May 13, 2024"),
        ("SPRINGFIELD/OLD TOWN, Sept. 9 (Example) — ", "SPRINGFIELD/OLD TOWN", "Example", None, "Sept. 9"),
    ],
)
def test_a_dateline(dateline: str, place: str, agency: str, published: str | None, words: str | None) -> None:
    article = read_article(f"Mayor speaks\n\n{dateline}{STORY}")
    assert (article.dateline, article.agency, article.source) == (place, agency, agency)
    assert (article.published, article.published_text) == (published, words)
    assert marked(article) == [("title", "Mayor speaks"), ("dateline", dateline)]
    assert story(article) == STORY


@pytest.mark.parametrize("start", ["NATO (the alliance) - ", "SPRINGFIELD said no. ", "A bridge (Example) – "])
def test_no_dateline(start: str) -> None:
    assert read_article(start + STORY).dateline is None


@pytest.mark.parametrize("first", ["It rained.", "“It rained.”", "A headline; and more;", "word " * 26])
def test_a_first_line_that_reads_as_a_sentence_is_no_title(first: str) -> None:
    assert read_article(f"{first}\n\n{STORY}").title == ""


def test_a_first_line_with_no_blank_line_below_is_no_title() -> None:
    assert read_article(f"Mayor speaks\n{STORY}").title == ""


def test_given_metadata_wins_over_the_text() -> None:
    article = read_article(f"Mayor speaks\n\nBy Jane Doe\n\n{STORY}", title="Mayor speaks", authors=("John Roe",))
    assert (article.title, article.authors) == ("Mayor speaks", ("John Roe",))
    assert [kind for kind, _ in marked(article)] == ["title", "byline"]
    assert article.origins == {"title": "source", "authors": "source"}


def test_the_furniture_below_a_story_is_none_of_it() -> None:
    tail = {
        "trailer": "Reporting by Jane Doe in Old Town; Editing by John Roe",
        "standards": "Our Standards: The Example Principles.",
        "biography": "Jane Doe is a reporter for Example.",
        "signup": "Thanks for signing up to Example alerts.",
        "related": "Read more: The bridge",
    }
    article = read_article("\n\n".join([STORY, *tail.values()]))
    assert marked(article) == list(tail.items())
    assert (article.authors, article.editors, article.source) == (("Jane Doe",), ("John Roe",), "Example")
    assert story(article) == STORY


def test_a_caption_and_its_credit_are_no_story() -> None:
    article = read_article(f"Illustration of an old bridge\n\nIllustration: Jane Doe/Example\n\n{STORY}")
    assert [kind for kind, _ in marked(article)] == ["caption", "credit"]
    assert (article.source, article.title, story(article)) == ("Example", "", STORY)


def test_a_credit_behind_a_caption_is_marked_alone() -> None:
    article = read_article(f"The old bridge, seen on Monday. Photo: Jane Doe\n{STORY}")
    assert marked(article) == [("credit", "Photo: Jane Doe")]


def test_a_sentence_that_begins_like_a_trailer_does_not_end_the_story() -> None:
    text = f"{STORY}\n\nReporting by The Daily Example revealed that the bridge is old.\n\nThe mayor agreed."
    article = read_article(text)
    assert (article.marks, article.authors) == ((), ())


def test_reporters_named_above_the_story_do_not_end_it() -> None:
    article = read_article(f"Mayor speaks\n\nReporting by Jane Doe\n\n{STORY}")
    assert marked(article) == [("title", "Mayor speaks"), ("trailer", "Reporting by Jane Doe")]
    assert (article.authors, story(article)) == (("Jane Doe",), STORY)


def test_a_sign_up_in_the_middle_does_not_end_the_story() -> None:
    article = read_article(f"{STORY}\n\nSign up for our newsletter\n\n{STORY}\n\n{STORY}")
    assert marked(article) == [("signup", "Sign up for our newsletter")]
