"""Answers from news articles, quoted word for word: the public names of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.add import AddReport, Outcome
    from rag.errors import RagError
    from rag.index import Index
    from rag.types import Answer, Article, Citation, Filter, Hit, Passage, Sentence

__version__ = "0.1.0"
__all__ = [
    "AddReport",
    "Answer",
    "Article",
    "Citation",
    "Filter",
    "Hit",
    "Index",
    "Outcome",
    "Passage",
    "RagError",
    "Sentence",
    "__version__",
]

_HOMES = {
    "RagError": "rag.errors",
    "AddReport": "rag.add",
    "Index": "rag.index",
    "Outcome": "rag.add",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import rag` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "rag.types")), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
