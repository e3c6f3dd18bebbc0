from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.sentences import split
from rag.types import Span

GAP = re.compile(r"(?:\s|[•‣▪◦●*–—-]|\d{1,2}[.)])*")
# fmt: off
PIECES = st.sampled_from(
    ["“", "”", '"', "«", "»", ". ", "? ", "\n", "\n\n", "\r\n", "• ", "- ", "1. ", "Mr. ", "U.S. ", "A\xa0.", "\u2028",
     "The mayor said it", "Why it matters", "e\u0301", "😀", "\ufeff", "word " * 20]
)
# fmt: on
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=30).map("".join))


def pieces(text: str, within: Span | None = None) -> list[str]:
    return [text[sentence.start : sentence.end] for sentence in split(text, within)]


def unquotable(text: str) -> list[str]:
    return [text[sentence.start : sentence.end] for sentence in split(text) if not sentence.quotable]


@given(TEXTS)
@example("Plan A\xa0. Then B\u2003.")
@settings(deadline=None)
def test_sentences_are_trimmed_in_order_and_leave_only_white_space_and_bullets_out(text: str) -> None:
    at = 0
    for sentence in split(text):
        assert at <= sentence.start < sentence.end <= len(text)
        piece = text[sentence.start : sentence.end]
        assert piece == piece.strip()
        assert GAP.fullmatch(text[at : sentence.start])
        at = sentence.end
    assert GAP.fullmatch(text[at:])


@given(TEXTS, st.data())
@settings(deadline=None)
def test_sentences_of_a_range_stay_inside_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert all(start <= sentence.start < sentence.end <= end for sentence in split(text, Span(start, end)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. It stopped.", ["It rained.", "It stopped."]),
        ("Mr. Doe met U.S. officials. He left.", ["Mr. Doe met U.S. officials.", "He left."]),
        ("It cost 3.5 million. Was it worth it?", ["It cost 3.5 million.", "Was it worth it?"]),
        ("It rained.\nIt stopped.", ["It rained.", "It stopped."]),
        ("It rained.\r\n\r\nIt stopped.", ["It rained.", "It stopped."]),
        ("• It rained.\n  • It stopped.", ["It rained.", "It stopped."]),
        ("1. It rained.\n2) It stopped.", ["It rained.", "It stopped."]),
        ("😀 It rained. Ça va bien.", ["😀 It rained.", "Ça va bien."]),
        ("A wide\xa0space. Kept as\xa0is.", ["A wide\xa0space.", "Kept as\xa0is."]),
        ("", []),
        (" \n\t\n ", []),
    ],
)
def test_split(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    "quotation",
    [
        "“It rained. It stopped. We left,” the mayor said.",
        '"It rained. It stopped. We left," the mayor said.',
        "«It rained. It stopped. We left,» the mayor said.",
        "The mayor said: “It rained! Did it stop? We left.”",
        "“He told me ‘Go. Now.’ and I went. That was all,” she said.",
    ],
)
def test_a_quotation_is_never_cut(quotation: str) -> None:
    assert pieces(f"One came before. {quotation} One came after.") == ["One came before.", quotation, "One came after."]


def test_a_quotation_that_is_not_closed_ends_with_its_paragraph_and_swallows_no_other() -> None:
    text = "“It rained. It stopped.\n\n“We left,” she said. Nobody came."
    assert pieces(text) == ["“It rained.", "It stopped.", "“We left,” she said.", "Nobody came."]


def test_a_sentence_never_spans_paragraphs() -> None:
    assert pieces("The talks began\n\nNobody else came.") == ["The talks began", "Nobody else came."]


def test_the_wraps_of_a_fixed_width_text_are_no_sentence_ends() -> None:
    lines = [
        "The mayor of the town said on Monday that the bridge over",
        "the river would stay closed until the engineers had looked",
        "at every one of its pillars. Nobody knows how long that is",
        "going to take.",
    ]
    text = "\n".join(lines)
    assert pieces(text) == [
        "\n".join(lines)[: text.index(" Nobody")],
        text[text.index("Nobody") :],
    ]


def test_a_short_line_without_a_stop_is_a_heading_and_not_quotable() -> None:
    text = "Why it matters\n\nThe bridge is closed.\n\nWhat comes next:\n\n• A vote on the budget\n\n“We left”"
    assert unquotable(text) == ["Why it matters", "What comes next:"]


def test_a_long_line_without_a_stop_is_quotable() -> None:
    assert unquotable("The mayor said on Monday that the bridge over the river would stay closed") == []


def test_a_paragraph_of_a_whole_file_is_cut_for_the_splitter_and_loses_nothing() -> None:
    text = "He said “this is it. " * 12_000
    found = split(text)
    assert len(found) > 10_000
    assert "".join(text[s.start : s.end] for s in found).replace(" ", "") == text.replace(" ", "")
    unbroken = "x" * 250_000
    assert [text_span for s in split(unbroken) for text_span in range(s.start, s.end)] == list(range(250_000))
