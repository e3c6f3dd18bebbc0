"""What an index says of itself: format, model, chunker, counts, digest, and how it is searched."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.embed.base import ModelInfo
from rag.store.digest import EMPTY
from rag.store.schema import FORMAT

VectorType = Literal["float32", "float16"]
"""How passage vectors are stored."""


class Chunker(BaseModel):
    """How articles were cut into passages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    max_tokens: int


class DenseInfo(BaseModel):
    """How vectors are searched.

    `kind` is `exact` (every vector is compared) or `ivf` (those of the lists that are nearest to the question; then the best are compared by their
    exact vectors); `lists` are the clusters, `probes` those that a search looks into. `recall` is the share of the exact ten nearest that such a
    search finds, measured when the lists were made; `measured` with how many queries. `resident_bytes` is what an open index holds in memory,
    `mapped_bytes` what it maps from the disk, of which the system keeps in memory what is used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["exact", "ivf"] = "exact"
    vectors: int = 0
    segments: int = 0
    lists: int = 0
    probes: int = 0
    recall: float = 1.0
    measured: int = 0
    resident_bytes: int = 0
    mapped_bytes: int = 0


class Manifest(BaseModel):
    """The index in a few lines. `generation` counts writes; `digest` depends on the contents alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    model: ModelInfo
    chunker: Chunker
    vectors: VectorType = "float32"
    sentence_vectors: Literal["float16"] = "float16"
    articles: int = 0
    passages: int = 0
    undated: int = 0
    generation: int = 0
    digest: str = EMPTY
    dense: DenseInfo = Field(default_factory=DenseInfo)
