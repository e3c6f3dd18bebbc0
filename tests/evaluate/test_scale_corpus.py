"""The corpus that is made of real sentences, and the sample that it is made from."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag import ingest
from rag.errors import BadInput
from rag.evaluate.scale_corpus import OUTLETS, Recombined, days_that_keep
from rag.evaluate.scale_sample import Sample, as_record, corpora_of, ordered, questions_of, sample_of
from rag.store import IndexedArticle
from tests.stand_in import StandIn, article

_TOKENS = 40


def _corpus(folder: Path, articles: int = 6, sentences: int = 30) -> list[Path]:
    lines = [
        article(
            f"a{number}",
            " ".join(f"Committee {number} heard witness {line} on Monday." for line in range(sentences)),
            title=f"Committee {number}",
        )
        for number in range(articles)
    ]
    file = folder / "corpus.jsonl"
    file.write_text("".join(f"{as_record(line)}\n" for line in lines), encoding="utf-8")
    return [file]


@pytest.fixture
def sample(tmp_path: Path, stand_in: StandIn) -> Sample:
    return sample_of(_corpus(tmp_path), stand_in, tmp_path / "work", limit=100, max_tokens=_TOKENS)


def _made(sample: Sample, count: int, start: int | None = None) -> list[IndexedArticle]:
    corpus = Recombined(sample, max_tokens=_TOKENS)
    return list(itertools.islice(corpus.articles(corpus.real if start is None else start), count))


def test_a_sample_is_made_once_and_read_again(tmp_path: Path, sample: Sample, stand_in: StandIn) -> None:
    encoded = stand_in.encoded
    again = sample_of([tmp_path / "corpus.jsonl"], stand_in, tmp_path / "work", limit=100, max_tokens=_TOKENS)
    assert stand_in.encoded == encoded
    assert list(again.articles) == list(sample.articles)
    assert [list(passages) for passages in again.passages] == [list(passages) for passages in sample.passages]
    assert np.array_equal(again.vectors, sample.vectors)
    other = sample_of([tmp_path / "corpus.jsonl"], stand_in, tmp_path / "work", limit=20, max_tokens=_TOKENS)
    assert other.key != sample.key
    assert len(other.vectors) <= 20


def test_a_sample_has_a_vector_and_a_count_of_tokens_for_each_sentence(sample: Sample, stand_in: StandIn) -> None:
    pieces = [(article, piece) for article, its in zip(sample.articles, sample.passages, strict=True) for piece in its]
    assert len(pieces) == len(sample.vectors)
    sentences = [article.text[s.start : s.end] for article, piece in pieces for s in piece.sentences]
    assert len(sentences) == len(sample.tokens) == len(sample.sentence_vectors)
    assert sample.tokens.tolist() == [len(stand_in.token_offsets(sentence)) for sentence in sentences]
    assert np.allclose(sample.sentence_vectors, stand_in.encode(sentences), atol=1e-3)


def test_a_corpus_without_an_article_that_fits_is_refused(tmp_path: Path, stand_in: StandIn) -> None:
    with pytest.raises(BadInput, match="no article that fits"):
        sample_of(_corpus(tmp_path), stand_in, tmp_path, limit=1, max_tokens=_TOKENS)
    with pytest.raises(BadInput, match="not there"):
        corpora_of([tmp_path / "nothing"])
    assert corpora_of([tmp_path]) == [tmp_path / "corpus.jsonl"]


def test_articles_come_in_one_order_and_each_id_once(tmp_path: Path) -> None:
    files = _corpus(tmp_path)
    twice = tmp_path / "twice.jsonl"
    twice.write_bytes(files[0].read_bytes())
    names = [found.id for found in ordered(files)]
    assert sorted(names) == [f"a{number}" for number in range(6)]
    assert [found.id for found in ordered([*files, twice])] == names


def test_a_record_reads_as_the_article(tmp_path: Path) -> None:
    one = article("a", "Some text.", title="T", source="S", authors=("A B",), published="2020-05-01", url="http://x.y/")
    file = tmp_path / "one.jsonl"
    file.write_text(as_record(one), encoding="utf-8")
    found = next(item.article for item in ingest.read_file(file) if isinstance(item, ingest.Found))
    assert (found.id, found.text, found.title, found.source) == (one.id, one.text, one.title, one.source)
    assert (found.authors, found.published, found.url) == (one.authors, one.published, one.url)


def test_the_first_articles_are_real_but_for_date_and_outlet(sample: Sample) -> None:
    first = _made(sample, len(sample.articles), start=0)
    assert [item.article.text for item in first] == [real.text for real in sample.articles]
    assert np.array_equal(np.stack([p.vector for item in first for p in item.passages]), sample.vectors)
    rows = np.concatenate([p.sentence_vectors for item in first for p in item.passages])
    assert np.array_equal(rows, sample.sentence_vectors.astype(np.float32))


def test_made_articles_are_made_of_real_sentences_at_right_offsets(sample: Sample, stand_in: StandIn) -> None:
    real = {
        whole.text[s.start : s.end]
        for whole, its in zip(sample.articles, sample.passages, strict=True)
        for piece in its
        for s in piece.sentences
    }
    for item in _made(sample, 300):
        text = item.article.text
        assert 6 <= len(item.passages) <= 14
        for number, (piece, vector, sentence_vectors) in enumerate(item.passages):
            assert piece.passage_id == f"{item.article.id}#{number}"
            assert (piece.start, piece.end) == (piece.sentences[0].start, piece.sentences[-1].end)
            assert {text[s.start : s.end] for s in piece.sentences} <= real
            assert len(stand_in.token_offsets(text[piece.start : piece.end])) <= _TOKENS
            assert vector.shape == (16,)
            assert sentence_vectors.shape == (len(piece.sentences), 16)
        assert item.passages[-1].passage.end == len(text)


def test_vectors_are_of_length_one_and_near_those_of_the_sentences(sample: Sample, stand_in: StandIn) -> None:
    for item in _made(sample, 20):
        for piece, vector, sentence_vectors in item.passages:
            assert np.allclose(np.linalg.norm(sentence_vectors, axis=1), 1, atol=1e-5)
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
            real = stand_in.encode([item.article.text[s.start : s.end] for s in piece.sentences])
            assert (np.einsum("ij,ij->i", real, sentence_vectors) > 0.95).all()
            assert not np.allclose(real, sentence_vectors, atol=1e-3)
            mean = sentence_vectors.mean(axis=0)
            assert 0.8 < vector @ mean / np.linalg.norm(mean) < 0.9999


def test_the_sequence_is_the_same_from_wherever_it_is_read(sample: Sample) -> None:
    whole = _made(sample, 600, start=0)
    for start in (3, 6, 250, 262, 590):
        part = _made(sample, 10, start=start)
        expected = whole[start : start + 10]
        assert [item.article for item in part] == [item.article for item in expected]
        assert _vectors(part).tobytes() == _vectors(expected).tobytes()
        assert [item.location for item in part] == [item.location for item in expected]
    assert len({item.article.id for item in whole}) == len({item.article.text for item in whole}) == 600


def _vectors(items: Sequence[IndexedArticle]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.concatenate([np.vstack([p.vector, p.sentence_vectors]) for item in items for p in item.passages])


def test_another_seed_makes_other_articles(sample: Sample) -> None:
    other = Recombined(sample, max_tokens=_TOKENS, seed=1)
    assert next(other.articles(other.real)).article.text != _made(sample, 1)[0].article.text
    assert other.location(3) != Recombined(sample, max_tokens=_TOKENS).location(3)


def test_dates_are_spread_evenly_whatever_the_size(sample: Sample) -> None:
    since, until = days_that_keep(0.05)
    assert (dt.date.fromisoformat(until) - dt.date.fromisoformat(since)).days == pytest.approx(456, abs=2)
    items = _made(sample, 1_000, start=0)
    for size in (100, 300, 1_000):
        kept = sum(since <= (item.article.published or "") <= until for item in items[:size]) / size
        assert kept == pytest.approx(0.05, abs=0.015)
    assert {item.article.source for item in items} == set(OUTLETS)


def test_questions_are_distinct_answerable_and_about_the_sample(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    rows = [
        {
            "id": f"q{n}",
            "question": f"Who spoke {n % 8}?",
            "answerable": n != 7,
            "evidence": [{"doc_id": f"a{n % 4}", "quote": "x"}],
        }
        for n in range(12)
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = questions_of(corpus, [], frozenset({"a0", "a1"}), limit=50, longest=100)
    assert sorted(found) == [f"Who spoke {n}?" for n in (0, 1, 4, 5)]
    assert len(questions_of(corpus, [], frozenset({"a0", "a1"}), limit=2, longest=100)) == 2
    assert len(questions_of(corpus, [], frozenset({"other"}), limit=50, longest=100)) == 7
    assert questions_of([], [tmp_path / "questions.jsonl"], frozenset({"a3"}), limit=50, longest=100) == [
        "Who spoke 3?"
    ]
    with pytest.raises(BadInput, match="answerable"):
        questions_of(corpus, [], frozenset(), limit=50, longest=5)
    assert len(questions_of([], [], frozenset(), limit=5, longest=500)) == 5
