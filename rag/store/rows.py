"""Articles, passages and vectors as rows of the catalog, each with a check that tells whether it is what was written."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rag.types import Article, Passage, Sentence

_CRC_BYTES = 4


class Corrupt(Exception):
    """A row does not hold what was written."""


def article_sha256(record: str, text: str) -> str:
    """The check of an article's row."""
    return hashlib.sha256(f"{len(record)} {record}{text}".encode("utf-8", "surrogatepass")).hexdigest()


def article_of(record: str, text: str, sha256: str) -> Article:
    """The article of a row.

    Raises:
        Corrupt: it is not what was written.
    """
    if article_sha256(record, text) != sha256:
        raise Corrupt("the article's text or metadata")
    try:
        return Article.model_validate({**json.loads(record), "text": text})
    except (ValueError, ValidationError) as error:  # written by a version with other fields
        raise Corrupt("the article's metadata") from error


def sentences_json(passage: Passage) -> str:
    """The sentences of a passage as they are stored."""
    return json.dumps([[s.start, s.end, int(s.quotable)] for s in passage.sentences])


def passage_crc(passage_id: str, start: int, end: int, sentences: str) -> int:
    """The check of a passage's row."""
    return zlib.crc32(f"{passage_id} {start} {end} {sentences}".encode("utf-8", "surrogatepass"))


def passage_of(passage_id: str, article_id: str, start: int, end: int, sentences: str, crc: int) -> Passage:
    """The passage of a row.

    Raises:
        Corrupt: it is not what was written.
    """
    if passage_crc(passage_id, start, end, sentences) != crc:
        raise Corrupt("a passage's place")
    if passage_id.rpartition("#")[0] != article_id:  # passages are named after their article
        raise Corrupt("the article of a passage")
    return Passage(
        passage_id=passage_id,
        article_id=article_id,
        start=start,
        end=end,
        sentences=tuple(Sentence(start=a, end=b, quotable=bool(q)) for a, b, q in json.loads(sentences)),
    )


def sealed(vectors: NDArray[np.float32], dtype: str) -> bytes:
    """Vectors as they are stored: numbers of a type, and their CRC-32."""
    data = vectors.astype(dtype).tobytes()
    return data + zlib.crc32(data).to_bytes(_CRC_BYTES, "little")


def unsealed(blob: bytes, dtype: str, dimension: int) -> NDArray[np.float32]:
    """The vectors of a blob, shape (n, dimension).

    Raises:
        Corrupt: it is not what was written.
    """
    data = memoryview(blob)[:-_CRC_BYTES]
    if len(blob) < _CRC_BYTES or zlib.crc32(data) != int.from_bytes(blob[-_CRC_BYTES:], "little"):
        raise Corrupt("a vector")
    try:
        return np.frombuffer(data, dtype).reshape(-1, dimension).astype(np.float32)
    except ValueError as error:
        raise Corrupt("a vector") from error


def stacked(blobs: Sequence[bytes], dtype: str, dimension: int) -> NDArray[np.float32]:
    """The vectors of many blobs of one vector each, shape (len(blobs), dimension).

    Raises:
        Corrupt: one of them is not what was written.
    """
    width = np.dtype(dtype).itemsize * dimension
    for blob in blobs:
        if len(blob) != width + _CRC_BYTES or zlib.crc32(blob[:width]) != int.from_bytes(blob[width:], "little"):
            raise Corrupt("a vector")
    whole = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), width + _CRC_BYTES)
    return np.ascontiguousarray(whole[:, :width]).view(dtype).astype(np.float32, copy=False)
