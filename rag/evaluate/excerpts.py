"""Token-wise scores of retrieval, as the publishers of the chunking set count them, and the table that they published.

Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval" (Chroma, 2024), and their package `chunking_evaluation`: over ranges of
characters, with R the passages retrieved and E the excerpts that answer,

    recall = |R ∩ E| / |E|      precision = |R ∩ E| / |R|      IoU = |R ∩ E| / (|R| + |E - R|)

where |R ∩ E| counts each character once, while |R| is the sum of the passages' lengths, so that overlap between passages costs precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Range = tuple[str, int, int]
"""A document and a half-open range of code points in it."""


class Cover(NamedTuple):
    """Characters: of the excerpts that were retrieved, of everything retrieved, and of the excerpts that were missed; and the excerpts' sum."""

    covered: int
    retrieved: int
    missed: int
    wanted: int

    @property
    def recall(self) -> float:
        """The share of the excerpts that was retrieved."""
        return self.covered / self.wanted if self.wanted else 0.0

    @property
    def precision(self) -> float:
        """The share of what was retrieved that belongs to the excerpts."""
        return self.covered / self.retrieved if self.retrieved else 0.0

    @property
    def iou(self) -> float:
        """Intersection over union."""
        union = self.retrieved + self.missed
        return self.covered / union if union else 0.0


class Published(NamedTuple):
    """A row of the publishers' table: means in per cent over their 472 questions, five passages retrieved."""

    chunker: str
    size: str
    overlap: int
    recall: float
    precision: float
    iou: float


PUBLISHED = (
    Published("RecursiveCharacterTextSplitter", "250 (~180)", 125, 78.7, 4.9, 4.9),
    Published("TokenTextSplitter", "250", 125, 82.4, 3.6, 3.5),
    Published("RecursiveCharacterTextSplitter", "250 (~162)", 0, 78.5, 5.4, 5.4),
    Published("TokenTextSplitter", "250", 0, 77.1, 3.3, 3.3),
    Published("RecursiveCharacterTextSplitter", "200 (~128)", 0, 75.7, 6.5, 6.5),
    Published("TokenTextSplitter", "200", 0, 76.6, 4.1, 4.1),
    Published("ClusterSemanticChunker", "250 (~168)", 0, 77.3, 6.1, 6.0),
    Published("ClusterSemanticChunker", "200 (~102)", 0, 75.2, 7.2, 7.2),
)
"""Their results for all-MiniLM-L6-v2: chunk size in cl100k tokens (mean in brackets), overlap in tokens."""

PUBLISHED_SOURCE = "https://research.trychroma.com/evaluating-chunking"
PUBLISHED_FILES = frozenset({"chatlogs", "finance", "pubmed", "state_of_the_union", "wikitexts"})
"""The titles of the five files that it is about."""


def cover(passages: Sequence[Range], excerpts: Sequence[Range]) -> Cover:
    """How far the passages retrieved cover the excerpts that answer."""
    shared = [
        (one[0], max(one[1], other[1]), min(one[2], other[2]))
        for one in passages
        for other in excerpts
        if one[0] == other[0] and max(one[1], other[1]) < min(one[2], other[2])
    ]
    merged = union(shared)
    missed = sum(end - start - _length(union(_within(merged, (doc, start, end)))) for doc, start, end in excerpts)
    return Cover(_length(merged), _length(passages), missed, _length(excerpts))


def union(ranges: Iterable[Range]) -> list[Range]:
    """The ranges, those that overlap or touch made one, in order."""
    merged: list[Range] = []
    for doc, start, end in sorted(ranges):
        if merged and merged[-1][0] == doc and start <= merged[-1][2]:
            merged[-1] = (doc, merged[-1][1], max(merged[-1][2], end))
        else:
            merged.append((doc, start, end))
    return merged


def _within(ranges: Iterable[Range], frame: Range) -> list[Range]:
    doc, first, last = frame
    return [
        (doc, max(first, start), min(last, end))
        for other, start, end in ranges
        if other == doc and max(first, start) < min(last, end)
    ]


def _length(ranges: Iterable[Range]) -> int:
    return sum(end - start for _, start, end in ranges)
