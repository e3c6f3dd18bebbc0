"""The real part of the large corpus: articles, their passages and vectors, made once and kept in a folder; and questions on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import chunk, ingest, resources
from rag import passages as embedded
from rag.embed import Embedder
from rag.errors import BadInput
from rag.evaluate import gold
from rag.evaluate.sets import CORPUS, QUESTIONS, corpus_digest
from rag.types import Article, Passage, Sentence, Span

_VERSION = 1
_SHOWN = 12
_BATCH = 256
_ENOUGH = 0.98
_NAMED = {"id", "source", "url", "title", "text", "published"}

Progress = Callable[[str], None]


class Sample(NamedTuple):
    """Real articles with their passages and real vectors.

    `vectors` has shape (passages, dimension); `sentence_vectors` (float16) and `tokens` have one row for each sentence of each passage, in order.
    `key` names what the sample was made from.
    """

    key: str
    articles: Sequence[Article]
    passages: Sequence[Sequence[Passage]]
    vectors: NDArray[np.float32]
    sentence_vectors: NDArray[np.float16]
    tokens: NDArray[np.int64]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the articles."""
        return frozenset(article.id for article in self.articles)


def corpora_of(given: Sequence[Path]) -> list[Path]:
    """The files and folders of a corpus, those of the seeds where none is given.

    Raises:
        BadInput: one is not there.
    """
    found = []
    for path in given or [resources.resource("seeds")]:
        inner = path.expanduser() / CORPUS
        corpus = inner if inner.is_file() else path.expanduser()
        if not corpus.exists():
            raise BadInput(f"the corpus {path} is not there", "Name a file or a folder of articles")
        found.append(corpus)
    return found


def sample_of(
    corpora: Sequence[Path],
    embedder: Embedder,
    folder: Path,
    *,
    limit: int,
    max_tokens: int,
    notice: Progress = lambda _: None,
) -> Sample:
    """The sample of a corpus: the one in the folder, else made and put there, which takes as long as encoding it does.

    Args:
        corpora: files and folders of articles.
        embedder: what makes the vectors.
        folder: where the sample is kept.
        limit: how many passages it has at most.
        max_tokens: how many model tokens a passage has at most.
        notice: told in a line what takes long.

    Raises:
        BadInput: the corpus has no article that fits.
    """
    parts = f"{_VERSION}\n{corpus_digest(corpora)}\n{embedder.info.sha256}\n{chunk.CHUNKER}\n{max_tokens}\n{limit}"
    key = hashlib.sha256(parts.encode()).hexdigest()[:_SHOWN]
    rows, arrays = folder / f"sample-{key}.jsonl", folder / f"sample-{key}.npz"
    if not (rows.is_file() and arrays.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        _save(_made(key, corpora, embedder, limit, max_tokens, notice), rows, arrays)
    return _load(key, rows, arrays)


def ordered(corpora: Sequence[Path]) -> list[Article]:
    """The articles of a corpus in the order of the hashes of their ids, each id once: a mixture of all files, always the same."""
    found: dict[str, Article] = {}
    for path in ingest.discover(corpora):
        if isinstance(path, Path):
            for item in ingest.read_file(path):
                if isinstance(item, ingest.Found):
                    found.setdefault(item.article.id, item.article)
    return [found[name] for name in sorted(found, key=lambda name: hashlib.sha256(name.encode()).hexdigest())]


def cut(
    articles: Sequence[Article], embedder: Embedder, limit: int, max_tokens: int
) -> Iterator[tuple[Article, list[Passage]]]:
    """Articles with their passages while these are at most `limit`; an article that would not fit is left out."""
    total = 0
    for article in articles:
        pieces = chunk.passages(article, embedder.token_offsets, max_tokens)
        if pieces and total + len(pieces) <= limit:
            total += len(pieces)
            yield article, pieces
        if total >= _ENOUGH * limit:
            return


def as_record(article: Article) -> str:
    """An article as a line of JSON that reads as the same article."""
    record = article.model_dump(include=_NAMED, exclude_none=True)
    return json.dumps({**record, "authors": list(article.authors)}, ensure_ascii=False)


def questions_of(
    corpora: Sequence[Path], given: Sequence[Path], about: frozenset[str], *, limit: int, longest: int
) -> list[str]:
    """Distinct answerable questions, always the same ones, those with their evidence in `about` where there are any.

    Args:
        corpora: files beside which `questions.jsonl` is looked for.
        given: gold files to take instead; without either, the gold set on the seeds.
        about: ids of articles.
        limit: how many questions at most.
        longest: how many characters a question may have.

    Raises:
        BadInput: a file cannot be read, or no question is answerable.
    """
    files = list(given) or [path for path in (corpus.parent / QUESTIONS for corpus in corpora) if path.is_file()]
    loaded = [one for path in files or [resources.resource("eval/gold.jsonl")] for one in gold.load_questions(path)]
    answerable = {one.question: one for one in loaded if one.answerable and len(one.question) <= longest}
    found = [one for one in answerable.values() if one.documents and one.documents <= about] or list(
        answerable.values()
    )
    if not found:
        raise BadInput("none of the questions is answerable", "Name gold files with --questions")
    return [one.question for one in gold.sample(found, limit)]


def _made(
    key: str, corpora: Sequence[Path], embedder: Embedder, limit: int, max_tokens: int, notice: Progress
) -> Sample:
    articles, passages = [], []
    texts: list[str] = []
    spans: list[list[Span]] = []
    tokens: list[int] = []
    for article, pieces in cut(ordered(corpora), embedder, limit, max_tokens):
        articles.append(article)
        passages.append(pieces)
        starts = np.array([start for start, end in embedder.token_offsets(article.text) if end > start])
        its_texts, its_spans = embedded.texts(article, pieces)
        texts += its_texts
        spans += its_spans
        for piece in pieces:
            tokens += [int(np.searchsorted(starts, s.end) - np.searchsorted(starts, s.start)) for s in piece.sentences]
    if not texts:
        raise BadInput("the corpus has no article that fits the sample", "Name another --corpus, or raise --sample")
    vectors = []
    for at in range(0, len(texts), _BATCH):
        notice(f"encoding the sample: {at:,} of {len(texts):,} passages")
        vectors += embedder.encode_spans(texts[at : at + _BATCH], spans[at : at + _BATCH])
    return Sample(
        key,
        articles,
        passages,
        np.stack([vector.text for vector in vectors]),
        np.concatenate([vector.spans for vector in vectors]).astype(np.float16),
        np.array(tokens, np.int64),
    )


def _save(made: Sample, rows: Path, arrays: Path) -> None:
    """Each file under its name only when it is whole."""
    work = rows.with_suffix(".tmp")
    with work.open("w", encoding="utf-8") as file:
        for article, pieces in zip(made.articles, made.passages, strict=True):
            cuts = [[[s.start, s.end, int(s.quotable)] for s in piece.sentences] for piece in pieces]
            record = {"article": article.model_dump(mode="json", exclude={"path"}), "passages": cuts}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    work.replace(rows)
    with work.open("wb") as file:
        np.savez(file, vectors=made.vectors, sentence_vectors=made.sentence_vectors, tokens=made.tokens)
    work.replace(arrays)


def _load(key: str, rows: Path, arrays: Path) -> Sample:
    articles, passages = [], []
    with rows.open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            article = Article.model_validate(record["article"])
            articles.append(article)
            passages.append([_passage(article.id, number, its) for number, its in enumerate(record["passages"])])
    with np.load(arrays, allow_pickle=False) as stored:
        return Sample(key, articles, passages, stored["vectors"], stored["sentence_vectors"], stored["tokens"])


def _passage(article_id: str, number: int, cuts: Sequence[Sequence[int]]) -> Passage:
    sentences = tuple(Sentence(start=start, end=end, quotable=bool(quotable)) for start, end, quotable in cuts)
    return Passage(
        passage_id=f"{article_id}#{number}",
        article_id=article_id,
        start=sentences[0].start,
        end=sentences[-1].end,
        sentences=sentences,
    )
