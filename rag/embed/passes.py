"""What embedders over a model's forward pass share: batches of like length, prompts, truncation, vectors of spans."""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import ModelInfo, TextVectors, Vectors
from rag.types import Span

_QUERY_PROMPTS = ("query", "search_query", "question")
_TEXT_PROMPTS = ("passage", "document", "search_document", "corpus")


class Batch(NamedTuple):
    """Texts of like length, padded. `rows` says which texts; `ids` and `mask` have the shape (rows, tokens)."""

    rows: Sequence[int]
    ids: NDArray[np.int64]
    mask: NDArray[np.int64]


class Room(NamedTuple):
    """How many tokens, padding included, and how many texts go through the model at once, and in how many threads."""

    tokens: int
    texts: int
    threads: int


class PassEmbedder(abc.ABC):
    """An `Embedder` that leaves the forward pass to its subclasses.

    Args:
        info: the model's identity.
        prompts: what is put before texts, by the kind of text.
        tokenizer: a `tokenizers` tokenizer that does not pad.
        room: the size of batches; a vector depends on nothing else than its text and the batch that it is in, so it is the same on any machine.
    """

    def __init__(self, info: ModelInfo, prompts: Mapping[str, str], tokenizer: Any, room: Room) -> None:
        self._info = info
        self._prompts = prompts
        self._tokenizer = tokenizer
        self._room = room

    @abc.abstractmethod
    def _text_vectors(self, batch: Batch) -> NDArray[np.float32]:
        """The vectors of a batch's texts, of any length, shape (rows, dimension)."""

    @abc.abstractmethod
    def _token_vectors(self, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The vectors of a batch's texts, and the outputs of their tokens, shape (rows, tokens, dimension)."""

    def _query_vector(self, batch: Batch) -> NDArray[np.float32]:
        """The vector of a question, shape (1, dimension)."""
        return self._text_vectors(batch)

    @property
    def info(self) -> ModelInfo:
        """The model's identity."""
        return self._info

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, shape (dimension,)."""
        encodings = self._tokenized([self._prompt(_QUERY_PROMPTS) + text])
        vector: NDArray[np.float32] = _unit(self._query_vector(_padded([0], encodings)))[0]
        return vector

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, shape (len(texts), dimension), in the order of the texts."""
        prompt = self._prompt(_TEXT_PROMPTS)
        encodings = self._tokenized([prompt + text for text in texts])
        found = np.empty((len(texts), self._info.dimension), np.float32)

        def work(rows: Sequence[int]) -> None:
            found[rows] = _unit(self._text_vectors(_padded(rows, encodings)))

        self._each(work, encodings)
        return found

    def encode_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """The vectors of texts and of spans inside them.

        With mean pooling a span's vector is the mean of its tokens' outputs in the forward pass of the whole text, so it costs nothing more; other
        poolings encode the span by itself.
        """
        if self._info.pooling != "mean":
            return self._encode_spans_alone(texts, spans)
        prompt = self._prompt(_TEXT_PROMPTS)
        encodings = self._tokenized([prompt + text for text in texts])
        found: dict[int, TextVectors] = {}

        def work(rows: Sequence[int]) -> None:
            vectors, outputs = self._token_vectors(_padded(rows, encodings))
            for row, vector, tokens in zip(rows, _unit(vectors), outputs, strict=True):
                offsets = np.array(encodings[row].offsets, np.int64).reshape(-1, 2) - len(prompt)
                found[row] = TextVectors(vector, _unit(_means(tokens[: len(offsets)], offsets, spans[row])))

        self._each(work, encodings)
        return [found[row] for row in range(len(texts))]

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The offsets of the text's tokens, special tokens left out, nothing truncated."""
        self._tokenizer.no_truncation()
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def _prompt(self, names: Sequence[str]) -> str:
        return next((self._prompts[name] for name in names if name in self._prompts), "")

    def _encode_spans_alone(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        pieces = [text[span.start : span.end] for text, its in zip(texts, spans, strict=True) for span in its]
        alone = self.encode(pieces)
        found, at = [], 0
        for vector, its in zip(self.encode(texts), spans, strict=True):
            found.append(TextVectors(vector, alone[at : at + len(its)]))
            at += len(its)
        return found

    def _tokenized(self, texts: Sequence[str]) -> Sequence[Any]:
        self._tokenizer.enable_truncation(self._info.max_tokens)
        encodings: Sequence[Any] = self._tokenizer.encode_batch(list(texts))
        return encodings

    def _each(self, work: Callable[[Sequence[int]], None], encodings: Sequence[Any]) -> None:
        """Does the work for the rows of each batch, the longest texts first, so that padding is rare and no thread ends late."""
        batches = list(self._batches([len(encoding.ids) for encoding in encodings]))
        threads = min(self._room.threads, len(batches))
        if threads > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(threads, "embed") as pool:
                for _ in pool.map(work, batches):  # raises what the work raises, and lets go of what has not begun
                    pass
        else:
            for rows in batches:
                work(rows)

    def _batches(self, lengths: Sequence[int]) -> Iterable[Sequence[int]]:
        order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
        while order:
            width = max(1, lengths[order[0]])
            size = max(1, min(self._room.texts, self._room.tokens // width))
            rows, order = order[:size], order[size:]
            yield rows


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _padded(rows: Sequence[int], encodings: Sequence[Any]) -> Batch:
    width = max(len(encodings[row].ids) for row in rows)
    ids = np.zeros((len(rows), width), np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for line, row in enumerate(rows):
        length = len(encodings[row].ids)
        ids[line, :length] = encodings[row].ids
        mask[line, :length] = 1
    return Batch(rows, ids, mask)


def _means(tokens: NDArray[np.float32], offsets: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.float32]:
    """The mean output of each span's tokens; zeros for a span that was truncated away: no evidence either way."""
    bounds = np.array([(span.start, span.end) for span in spans], np.int64).reshape(-1, 2)
    starts, ends = offsets[:, 0], offsets[:, 1]
    inside = ((starts < bounds[:, 1:]) & (ends > bounds[:, :1]) & (ends > starts)).astype(np.float32)
    means: NDArray[np.float32] = inside @ tokens / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    return means


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit
