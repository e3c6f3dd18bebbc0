"""Where articles, passages and vectors are kept: a catalog that is the truth, and two indexes derived from it."""

from rag.store.base import IndexedArticle, IndexedPassage, Scored, Store
from rag.store.embedded import EmbeddedStore
from rag.store.manifest import FORMAT, Chunker, Manifest

__all__ = [
    "FORMAT",
    "Chunker",
    "EmbeddedStore",
    "IndexedArticle",
    "IndexedPassage",
    "Manifest",
    "Scored",
    "Store",
]
