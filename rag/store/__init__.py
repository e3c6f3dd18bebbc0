"""Where articles, passages and vectors are kept: a catalog that is the truth, and two indexes derived from it."""

from rag.store.base import IndexedArticle, IndexedPassage, Located, Scored, Store
from rag.store.embedded import EmbeddedStore
from rag.store.manifest import Chunker, DenseInfo, Manifest
from rag.store.schema import FORMAT

__all__ = [
    "FORMAT",
    "Chunker",
    "DenseInfo",
    "EmbeddedStore",
    "IndexedArticle",
    "IndexedPassage",
    "Located",
    "Manifest",
    "Scored",
    "Store",
]
