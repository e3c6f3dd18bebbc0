from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ingest import furniture
from rag.ingest.furniture import Reporters
from rag.types import MarkKind


@given(st.text(max_size=80))
@settings(deadline=None)
def test_lines_are_trimmed_and_none_is_lost(text: str) -> None:
    found = [text[start:end] for start, end in furniture.lines(text)]
    assert found == [line.strip() for line in text.split("\n") if line.strip()]


@given(st.text(max_size=60))
@settings(deadline=None)
def test_no_line_breaks_a_rule(line: str) -> None:
    assert furniture.byline(f"By {line}") == () or furniture.byline(f"By {line}")[0] in line
    at = furniture.trailing_credit(line)
    assert at is None or 0 <= at < len(line)
    reporters = furniture.trailer(f"Reporting by {line}")
    assert reporters is None or all(name in line for name in reporters.authors)
    assert not furniture.biography(line, ())


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("By Jane Doe", ("Jane Doe",)),
        ("By Jane Doe and John Roe", ("Jane Doe", "John Roe")),
        ("By Jane Doe, John Roe, and Ann Poe", ("Jane Doe", "John Roe", "Ann Poe")),
        ("By Jane Doe & John Roe", ("Jane Doe", "John Roe")),
        ("By J. R. Doe Jr. and Mary-Ann O'Roe", ("J. R. Doe Jr.", "Mary-Ann O'Roe")),
        ("By Ana de la Cruz and Mona al-Sayed", ("Ana de la Cruz", "Mona al-Sayed")),
        ("By Łukasz Żak and Émile Zürn", ("Łukasz Żak", "Émile Zürn")),
        ("By Jane Doe, Staff Writer", ("Jane Doe",)),
        ("By Jane Doe and John Roe, Example News", ("Jane Doe", "John Roe")),
        ("By Jane Doe | Example Post", ("Jane Doe",)),
        ("By Jane Doe for Example", ("Jane Doe",)),
        ("By Jane Doe in Springfield", ("Jane Doe",)),
        ("By Jane Doe Senior reporter", ("Jane Doe",)),
    ],
)
def test_byline(line: str, authors: tuple[str, ...]) -> None:
    assert furniture.byline(line) == authors


@pytest.mark.parametrize(
    "line",
    [
        "",
        "By",
        "By Monday",
        "By the time it rained, all had left.",
        "By Jane Doe's own account, it rained.",
        "Jane Doe",
    ],
)
def test_no_byline(line: str) -> None:
    assert furniture.byline(line) == ()


@pytest.mark.parametrize(
    ("line", "authors", "contributors", "editors"),
    [
        ("Reporting by Jane Doe; Editing by John Roe", ("Jane Doe",), (), ("John Roe",)),
        ("(Reporting by Jane Doe in Springfield; editing by John Roe)", ("Jane Doe",), (), ("John Roe",)),
        ("Reporting By Jane Doe. Editing By J. Roe.", ("Jane Doe",), (), ("J. Roe",)),
        ("Writing by Jane Doe and Mona al-Sayed", ("Jane Doe", "Mona al-Sayed"), (), ()),
        ("Additional reporting by Jane Doe", (), ("Jane Doe",), ()),
        ("Reporting by Jane Doe in Old Town and John Roe in Springfield", ("Jane Doe", "John Roe"), (), ()),
        ("Reporting by Jane Doe in Springfield and New York", ("Jane Doe",), (), ()),
        ("Reporting by Springfield newsroom; Editing by John Roe", (), (), ("John Roe",)),
        (
            "Reporting by Jane Doe, additional reporting by Ann Poe in Old Town; Writing by Bo Coe; Editing by Al Zoe",
            ("Jane Doe", "Bo Coe"),
            ("Ann Poe",),
            ("Al Zoe",),
        ),
    ],
)
def test_trailer(line: str, authors: tuple[str, ...], contributors: tuple[str, ...], editors: tuple[str, ...]) -> None:
    assert furniture.trailer(line) == Reporters(authors, contributors, editors)


@pytest.mark.parametrize(
    "line",
    [
        "Reporting by the agency has shown that the bridge is old.",
        "Reporting by The Daily Example revealed that the bridge is old.",
        "Editing by hand takes long.",
        "The reporting by Jane Doe won a prize.",
        "",
    ],
)
def test_a_sentence_of_the_story_is_no_trailer(line: str) -> None:
    assert furniture.trailer(line) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Photo: Jane Doe/Example Agency", "credit"),
        ("Photograph by Jane Doe", "credit"),
        ("Image credit: Example Agency", "credit"),
        ("Illustration: Jane Doe/Example", "credit"),
        ("Thanks for signing up to Example alerts.", "signup"),
        ("Thank you for subscribing!", "signup"),
        ("Sign up for our newsletter", "signup"),
        ("Subscribe", "signup"),
        ("Get the best stories in your inbox", "signup"),
        ("Enter your e-mail address", "signup"),
        ("Go deeper", "related"),
        ("Read more: What the bridge costs", "related"),
        ("More from Example", "related"),
        ("Our Standards: The Example Principles.", "standards"),
        ("The Example Trust Principles.", "standards"),
    ],
)
def test_kind(line: str, kind: MarkKind) -> None:
    assert furniture.kind(line) == kind


@pytest.mark.parametrize(
    "line",
    [
        "",
        "The mayor signed up for the race.",
        "Photos of the bridge showed cracks.",
        "Related parties may not vote.",
        "Read more books, the mayor said.",
        "“Subscribe to nothing,” she said.",
        "Trust in the mayor fell.",
    ],
)
def test_a_sentence_of_the_story_has_no_kind(line: str) -> None:
    assert furniture.kind(line) is None


@pytest.mark.parametrize(
    ("line", "outlet"),
    [
        ("Illustration: Jane Doe/Example", "Example"),
        ("Illustration: Jane Doe", None),
        ("Illustration: Jane Doe/Getty Images", None),
        ("Illustration: Jane Doe/Example. Photo: John Roe/Other", None),
        ("Photo: Jane Doe/Example", None),
    ],
)
def test_only_an_illustrators_credit_names_the_outlet(line: str, outlet: str | None) -> None:
    assert furniture.credit_outlet(line) == outlet


def test_a_credit_at_the_end_of_a_caption() -> None:
    line = "The old bridge, seen on Monday. Photo: Jane Doe/Example Agency"
    assert furniture.trailing_credit(line) == line.index("Photo")
    assert furniture.trailing_credit("The old bridge, seen on Monday.") is None


def test_a_line_that_describes_a_picture() -> None:
    assert furniture.describes_picture("Illustration of an old bridge")
    assert furniture.describes_picture("A stock photo showing a bridge")
    assert not furniture.describes_picture("A photo of the bridge was found.")


@pytest.mark.parametrize(
    ("line", "outlet"),
    [
        ("Thanks for signing up to Example Daily alerts.", "Example Daily"),
        ("Thank you for subscribing to Example newsletters", "Example"),
        ("Sign up for our newsletter", None),
        ("The mayor spoke.", None),
    ],
)
def test_the_outlet_of_a_sign_up(line: str, outlet: str | None) -> None:
    assert furniture.signup_outlet(line) == outlet


def test_a_biography_is_of_someone_known() -> None:
    line = "Jane Doe is a reporter for Example in Springfield."
    assert furniture.biography(line, ("John Roe", "Jane Doe"))
    assert not furniture.biography(line, ("John Roe",))
    assert not furniture.biography("Jane Doe is the mayor of Springfield.", ("Jane Doe",))
